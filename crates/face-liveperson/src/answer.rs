//! Answers in the vendor's three forms: the element of CREATE and SEND, the authorization error, and plain JSON.
//! One function maps each engine failure; our internals never reach a body.

use axum::response::{IntoResponse, Response};
use engine::{Failure, OnceFailure, StoredAnswer};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A JSON answer; the media type carries no parameters because a client library compares it whole.
pub fn json(status: StatusCode, body: &Value) -> Response {
    ready(stored(status.as_u16(), body))
}

/// A JSON answer as it is kept under an idempotency key.
pub fn stored(status: u16, body: &Value) -> StoredAnswer {
    StoredAnswer { status, body: body.to_string().into_bytes() }
}

/// A kept JSON answer.
pub fn ready(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What the server's edge refuses before any route of this API is reached, in the form of its services' errors.
pub fn refuse(status: StatusCode) -> Response {
    let message = status.canonical_reason().unwrap_or_default();
    let error = json!({ "statusCode": status.as_u16(), "internalCode": 9, "message": message });
    json(status, &json!({ "error": error }))
}

/// `BAD_REQUEST` for 400, and so on.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("UNKNOWN").to_uppercase().replace(' ', "_")
}

/// One response element.
pub fn element(status: StatusCode, body: &Value, req_id: &Value) -> Value {
    json!({ "code": name(status), "body": body, "reqId": req_id })
}

/// A successful element.
pub fn ok(body: &Value, req_id: &Value) -> Value {
    element(StatusCode::OK, body, req_id)
}

/// A failed element with a text.
pub fn failed(status: StatusCode, message: &str, req_id: &Value) -> Value {
    element(status, &json!({ "msg": message }), req_id)
}

/// The element for anything malformed.
pub fn bad(req_id: &Value) -> Value {
    failed(StatusCode::BAD_REQUEST, "Bad Request", req_id)
}

/// An authorization failure of CREATE, SEND and the consumer token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    MissingClaim,
    InvalidApp,
    InvalidConsumer,
    ConsumerMissing,
    AppMissing,
}

impl IntoResponse for Unauthorized {
    fn into_response(self) -> Response {
        let (status, title, details, code) = match self {
            Self::MissingClaim => (400, "Missing parameter", "Brand Id is missing", 40001),
            Self::InvalidApp => (401, "Invalid AppJWT", "AppJWT has expired or is invalid", 40102),
            Self::InvalidConsumer => (401, "Invalid ConsumerJWS", "ConsumerJWS is invalid", 40103),
            Self::ConsumerMissing => {
                (401, "ConsumerJWS is missing", "X_ON_BEHALF_HEADER is not present", 40104)
            }
            Self::AppMissing => (401, "AppJWT is missing", "AUTHORIZATION header is not present", 40105),
        };
        let body = json!({
            "kind": "resp",
            "code": status,
            "body": { "title": title, "details": details, "errorCode": code },
            "type": ".ReqBody$ErrorResp",
        });
        let status = if status == 400 { StatusCode::BAD_REQUEST } else { StatusCode::UNAUTHORIZED };
        json(status, &body)
    }
}

/// Why a SEND or CREATE was refused.
#[derive(Debug)]
pub enum Refusal {
    Malformed,
    Closed,
    UnknownConversation,
    Unauthorized(Unauthorized),
    /// The idempotency key was used with another request.
    KeyReused,
    /// The header for it holds no key.
    KeyUnusable,
    /// The account makes too many requests.
    TooMany,
    /// Nothing was made durable; the client may repeat.
    Unavailable,
}

impl Refusal {
    /// The answer to a request with this id.
    pub fn answer(self, req_id: &Value) -> Response {
        let bad = StatusCode::BAD_REQUEST;
        let (status, message) = match self {
            Refusal::Unauthorized(why) => return why.into_response(),
            Refusal::Malformed => (bad, "Bad Request"),
            Refusal::Closed => (bad, "Bad Request, Conversation is close"),
            Refusal::UnknownConversation => (bad, "Bad Request, Conversation does not exist"),
            Refusal::KeyUnusable => (bad, "Bad Request, Idempotency-Key is invalid"),
            Refusal::KeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key was used with another request")
            }
            Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later."),
            Refusal::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "Service unavailable, please try again later.")
            }
        };
        let mut response = json(status, &failed(status, message, req_id));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Unauthorized> for Refusal {
    fn from(why: Unauthorized) -> Refusal {
        Refusal::Unauthorized(why)
    }
}

impl From<domain::command::standing::Refusal> for Refusal {
    fn from(refusal: domain::command::standing::Refusal) -> Refusal {
        use domain::command::standing::Refusal as Why;
        match refusal {
            Why::UnknownConversation => Refusal::UnknownConversation,
            Why::NotYours => Unauthorized::InvalidConsumer.into(),
            Why::Closed => Refusal::Closed,
        }
    }
}

impl From<domain::command::receive::Refusal> for Refusal {
    fn from(refusal: domain::command::receive::Refusal) -> Refusal {
        use domain::command::receive::Refusal as Why;
        match refusal {
            Why::UnknownApp => Unauthorized::InvalidApp.into(),
            Why::UnknownConversation => Refusal::UnknownConversation,
            Why::NotYours => Unauthorized::InvalidConsumer.into(),
            Why::ConversationClosed => Refusal::Closed,
        }
    }
}

impl From<std::convert::Infallible> for Refusal {
    fn from(never: std::convert::Infallible) -> Refusal {
        match never {}
    }
}

impl From<domain::command::open::Refusal> for Refusal {
    fn from(refusal: domain::command::open::Refusal) -> Refusal {
        match refusal {
            domain::command::open::Refusal::UnknownApp => Unauthorized::InvalidApp.into(),
        }
    }
}

impl<R: Into<Refusal>> From<Failure<R>> for Refusal {
    fn from(failure: Failure<R>) -> Refusal {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Unavailable(why) => {
                tracing::warn!(%why, "a consumer request could not be kept");
                Refusal::Unavailable
            }
        }
    }
}

impl<R: Into<Refusal>> From<OnceFailure<R>> for Refusal {
    fn from(failure: OnceFailure<R>) -> Refusal {
        match failure {
            OnceFailure::Reused => Refusal::KeyReused,
            OnceFailure::Failed(failure) => failure.into(),
        }
    }
}

impl Refusal {
    /// Rows that the answer needs could not be read.
    pub fn unreadable(error: impl std::fmt::Display) -> Refusal {
        tracing::warn!(%error, "rows for a consumer request could not be read");
        Refusal::Unavailable
    }
}
