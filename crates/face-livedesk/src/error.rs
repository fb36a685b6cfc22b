//! The error language of this API: one enum, one function that prints it.
//!
//! Bodies follow the reference, sections 2.1, 2.2 and 2.4; nothing of our insides reaches one.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use engine::Failure;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No credentials at all.
    NotSignedIn,
    /// 401 with this text.
    Unauthorized(&'static str),
    /// 403 with this text.
    Forbidden(&'static str),
    NotFound,
    /// The route or the method is not there.
    NoRoute,
    Malformed,
    /// 413.
    TooLarge,
    /// 422 with this text under `error`.
    Invalid(String),
    /// 422 with this text under `message`, and the attributes at fault.
    Record(String, Vec<&'static str>),
    Internal,
    Unavailable,
    /// Too many messages of the inbox wait already.
    QueueFull,
}

pub(crate) const WRONG_TOKEN: &str = "Invalid Access Token";
pub(crate) const WRONG_ACCOUNT: &str = "You are not authorized to access this account";
pub(crate) const SUSPENDED: &str = "Account is suspended";
pub(crate) const NOT_FOR_BOTS: &str = "Access to this endpoint is not authorized for bots";
pub(crate) const NOT_ALLOWED: &str = "You are not authorized to do this action";

impl Problem {
    /// A failed validation of a record, as message create words it.
    pub(crate) fn validation(text: &str) -> Problem {
        Problem::Invalid(format!("Validation failed: {text}"))
    }

    /// The store or the log could not be read.
    pub(crate) fn store<E: std::fmt::Display>(error: E) -> Problem {
        tracing::error!(%error, "a read failed");
        Problem::Internal
    }

    /// A command that was not kept; `refused` says what its refusal means here.
    pub(crate) fn from_failure<R>(failure: Failure<R>, refused: impl FnOnce(R) -> Problem) -> Problem {
        match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::Unavailable(why) => {
                tracing::warn!(why, "a command was not kept");
                Problem::Unavailable
            }
        }
    }
}

/// What the server's edge refuses before any route of this API is reached, in the API's own form.
pub fn refuse(status: StatusCode) -> Response {
    let (status, body) = plain(status);
    answer(status, &body)
}

/// A status in the words of the framework that the vendor runs on.
fn plain(status: StatusCode) -> (StatusCode, serde_json::Value) {
    let error = status.canonical_reason().unwrap_or_default();
    (status, json!({ "status": status.as_u16(), "error": error }))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let unauthorized = matches!(self, Problem::NotSignedIn | Problem::Unauthorized(_));
        let (status, body) = match self {
            Problem::NotSignedIn => (
                StatusCode::UNAUTHORIZED,
                json!({ "errors": ["You need to sign in or sign up before continuing."] }),
            ),
            Problem::Unauthorized(text) => (StatusCode::UNAUTHORIZED, json!({ "error": text })),
            Problem::Forbidden(text) => (StatusCode::FORBIDDEN, json!({ "error": text })),
            Problem::NotFound => (StatusCode::NOT_FOUND, json!({ "error": "Resource could not be found" })),
            Problem::NoRoute => plain(StatusCode::NOT_FOUND),
            Problem::Malformed => plain(StatusCode::BAD_REQUEST),
            Problem::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE),
            Problem::Invalid(text) => (StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": text })),
            Problem::Record(text, attributes) => {
                (StatusCode::UNPROCESSABLE_ENTITY, json!({ "message": text, "attributes": attributes }))
            }
            Problem::Internal => plain(StatusCode::INTERNAL_SERVER_ERROR),
            Problem::Unavailable => plain(StatusCode::SERVICE_UNAVAILABLE),
            Problem::QueueFull => plain(StatusCode::TOO_MANY_REQUESTS),
        };
        let mut response = answer(status, &body);
        if unauthorized {
            let value = HeaderValue::from_static("Basic realm=\"LiveDesk\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// A JSON answer as this API types it.
pub(crate) fn answer<T: serde::Serialize>(status: StatusCode, body: &T) -> Response {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, json)], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A JSON answer with 200.
pub(crate) fn ok<T: serde::Serialize>(body: &T) -> Response {
    answer(StatusCode::OK, body)
}

/// 200 without a body; clients test for an empty one.
pub(crate) fn empty() -> Response {
    StatusCode::OK.into_response()
}
