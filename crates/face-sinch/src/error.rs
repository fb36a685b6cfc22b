//! The vendor's error envelope, `{"error":{code,message,status,details}}`, for every refusal of the API.
//!
//! SDKs read `code`, `message` and `status` without checking that they are there, so that no other shape may leave.
//! The one function that maps the core's failures is here too.

use axum::response::{IntoResponse, Response};
use engine::Failure;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::json;

/// What SDKs look for in `www-authenticate` to fetch a new token and repeat.
const EXPIRED: &str = r#"Bearer error="invalid_token", error_description="token is expired""#;
const UNKNOWN: &str = r#"Bearer realm="sinch""#;

/// A refusal in the vendor's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: StatusCode,
    pub status: &'static str,
    pub message: String,
    authenticate: Option<&'static str>,
    retry_after_s: Option<u64>,
}

impl Problem {
    fn new(code: StatusCode, status: &'static str, message: impl Into<String>) -> Problem {
        Problem { code, status, message: message.into(), authenticate: None, retry_after_s: None }
    }

    /// A field is missing, malformed or over its limit.
    pub fn invalid(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    /// There is no such thing in this project, or no such project.
    pub fn not_found(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{what} not found"))
    }

    /// Something of that name, or an answer under that key, exists already.
    pub fn exists(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "ALREADY_EXISTS", message)
    }

    /// Known to the vendor's API, not offered here.
    pub fn unimplemented(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED", message)
    }

    /// The route exists, not with this method.
    pub fn method() -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "UNIMPLEMENTED", "method not allowed")
    }

    /// The body is over its limit.
    pub fn too_large() -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT", "request body is too large")
    }

    /// Nothing was promised; the client may repeat it.
    pub fn unavailable() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "the service is unavailable, try again")
    }

    /// More than the vendor's rates allow; there is room again in so many milliseconds.
    pub fn too_many(in_ms: u64) -> Problem {
        let words = "too many requests, try again later";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", words);
        Problem { retry_after_s: Some(in_ms.div_ceil(1_000).max(1)), ..problem }
    }

    /// No credentials, or wrong ones.
    pub fn unauthenticated() -> Problem {
        let problem =
            Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "invalid authentication credentials");
        Problem { authenticate: Some(UNKNOWN), ..problem }
    }

    /// A token of ours whose time is over.
    pub fn expired() -> Problem {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "token is expired");
        Problem { authenticate: Some(EXPIRED), ..problem }
    }

    /// A failure of the core, its refusals mapped by the caller.
    pub fn of<R>(failure: Failure<R>, refused: impl FnOnce(R) -> Problem) -> Problem {
        match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::Unavailable(why) => {
                tracing::warn!(why, "a command could not be kept");
                Problem::unavailable()
            }
        }
    }

    /// A row or list that could not be read.
    pub fn unread<E: std::fmt::Debug>(error: E) -> Problem {
        tracing::error!(?error, "the store could not be read");
        Problem::unavailable()
    }
}

/// What the server's edge refuses before any route of this API is reached, in the API's own form.
pub fn refuse(status: StatusCode) -> Response {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("route"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::method(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        StatusCode::REQUEST_TIMEOUT => {
            Problem::new(status, "DEADLINE_EXCEEDED", "the request body did not arrive in time")
        }
        _ => Problem::unavailable(),
    }
    .into_response()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({"error": {
            "code": self.code.as_u16(), "message": self.message, "status": self.status, "details": [],
        }});
        let mut response = json::answer(self.code, &body);
        if let Some(scheme) = self.authenticate {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
