//! The error envelope of this face: `{ "error": { "code", "message", "hint" } }`.
//!
//! One table from refusal to status and words. A message of another tenant and a message that never was are the same
//! refusal, so that they are the same bytes.

use axum::Json;
use axum::response::{IntoResponse, Response};
use face_kit::files::RETRY_AFTER_S;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoKey,
    NoSuchPath,
    WrongMethod,
    NoSuchMessage,
    NoSuchSubscription,
    NoSuchFile,
    /// Its bytes are still at the provider.
    FileAwaited,
    /// The provider does not give them.
    FileLost,
    BadCursor,
    /// A cursor of the log that a restored server's backup came from.
    OtherLog,
    BadNumber(&'static str),
    /// Not JSON of the described form: what the parser says.
    BadBody(Box<str>),
    /// A member, and what it must be.
    BadField(&'static str, &'static str),
    TooMany,
    NotOurs,
    Unsigned,
    SwitchedOff,
    /// The `Idempotency-Key` names no key.
    BadKey,
    /// It was used with another request.
    ReusedKey,
    TooLarge,
    TooSlow,
    Unavailable,
}

/// Status, code, message and hint.
type Words = (StatusCode, &'static str, String, &'static str);

impl Refusal {
    fn words(&self) -> Words {
        match self {
            Refusal::NoKey => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "the key is missing or not known".to_owned(),
                "send `Authorization: Bearer <key>` with a Trunkline key of the tenant",
            ),
            Refusal::NoSuchPath => (
                StatusCode::NOT_FOUND,
                "no_such_path",
                "there is nothing at this path".to_owned(),
                "GET /trunkline/v1/openapi.json lists every path",
            ),
            Refusal::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not take that method".to_owned(),
                "GET /trunkline/v1/openapi.json lists the methods of every path",
            ),
            Refusal::NoSuchMessage => (
                StatusCode::NOT_FOUND,
                "not_found",
                "the message does not exist".to_owned(),
                "ids are ULIDs or UUIDs of messages of the key's own tenant",
            ),
            Refusal::NoSuchSubscription => (
                StatusCode::NOT_FOUND,
                "not_found",
                "the subscription does not exist".to_owned(),
                "GET /trunkline/v1/subscriptions lists those of the key's own tenant",
            ),
            Refusal::NoSuchFile => (
                StatusCode::NOT_FOUND,
                "not_found",
                "there is no such file, or the link has ended".to_owned(),
                "take the link from a newer callback, or read the message again",
            ),
            Refusal::BadCursor => (
                StatusCode::BAD_REQUEST,
                "bad_cursor",
                "the cursor cannot be read".to_owned(),
                "pass a `next` or `cursor` of an earlier answer unchanged, or leave `after` out",
            ),
            Refusal::OtherLog => (
                StatusCode::GONE,
                "other_log",
                "the cursor belongs to another log: this server was restored from a backup since".to_owned(),
                "begin again without a cursor; what happened before the backup has the ids that it had",
            ),
            Refusal::BadNumber(name) => (
                StatusCode::BAD_REQUEST,
                "bad_parameter",
                format!("`{name}` is not a number in its range"),
                "`limit` goes from 1 to 500, `wait_s` from 0 to 30",
            ),
            Refusal::BadBody(_)
            | Refusal::BadField(..)
            | Refusal::TooMany
            | Refusal::NotOurs
            | Refusal::Unsigned
            | Refusal::BadKey
            | Refusal::ReusedKey
            | Refusal::SwitchedOff => self.words_of_changes(),
            Refusal::FileAwaited | Refusal::FileLost => self.words_of_files(),
            Refusal::TooLarge | Refusal::TooSlow | Refusal::Unavailable => self.words_of_the_edge(),
        }
    }

    /// Why a file's bytes are not here.
    fn words_of_files(&self) -> Words {
        match self {
            Refusal::FileLost => (
                StatusCode::GONE,
                "file_lost",
                "the provider does not give the file".to_owned(),
                "the timeline of its message says why",
            ),
            _ => (
                StatusCode::SERVICE_UNAVAILABLE,
                "file_awaited",
                "the file is still at its provider".to_owned(),
                "try again as `Retry-After` says; the event file_fetched tells when it is here",
            ),
        }
    }

    /// Why a subscription is not changed.
    fn words_of_changes(&self) -> Words {
        match self {
            Refusal::BadBody(why) => (
                StatusCode::BAD_REQUEST,
                "bad_body",
                format!("the body cannot be read: {why}"),
                "GET /trunkline/v1/openapi.json describes every body",
            ),
            Refusal::BadField(name, rule) => (
                StatusCode::BAD_REQUEST,
                "bad_field",
                format!("`{name}` must be {rule}"),
                "GET /trunkline/v1/openapi.json describes every member",
            ),
            Refusal::TooMany => (
                StatusCode::CONFLICT,
                "too_many",
                "the tenant has as many subscriptions as it may have".to_owned(),
                "delete one that is not needed any more; 50 are possible",
            ),
            Refusal::NotOurs => (
                StatusCode::CONFLICT,
                "not_ours",
                "the subscription was made in a vendor's API".to_owned(),
                "change or delete it there; here it can be switched on and off",
            ),
            Refusal::Unsigned => (
                StatusCode::CONFLICT,
                "unsigned",
                "the subscription has no secret of its own".to_owned(),
                "LivePerson's callbacks are signed with the installation's client secret",
            ),
            Refusal::SwitchedOff => (
                StatusCode::CONFLICT,
                "switched_off",
                "the subscription is switched off".to_owned(),
                "switch it on first: PATCH it with {\"enabled\": true}",
            ),
            Refusal::BadKey => (
                StatusCode::BAD_REQUEST,
                "bad_idempotency_key",
                "`Idempotency-Key` is no usable key".to_owned(),
                "send one of 1 to 255 printable ASCII characters, once",
            ),
            Refusal::ReusedKey => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "`Idempotency-Key` was used with another request".to_owned(),
                "repeat a request with its own key and unchanged; a new request takes a new key",
            ),
            _ => self.words_of_the_edge(),
        }
    }

    fn words_of_the_edge(&self) -> Words {
        match self {
            Refusal::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the request's body is too large".to_owned(),
                "no body of this API needs more than a few kilobytes",
            ),
            Refusal::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too_slow",
                "the request's body did not arrive in time".to_owned(),
                "no body of this API needs more than a few kilobytes",
            ),
            _ => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the store does not answer".to_owned(),
                "try again shortly; nothing was changed",
            ),
        }
    }
}

/// What the server's edge refuses before any route of this API is reached, in the API's own form.
pub fn refuse(status: StatusCode) -> Response {
    match status {
        StatusCode::NOT_FOUND => Refusal::NoSuchPath,
        StatusCode::METHOD_NOT_ALLOWED => Refusal::WrongMethod,
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        StatusCode::REQUEST_TIMEOUT => Refusal::TooSlow,
        _ => Refusal::Unavailable,
    }
    .into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message, hint) = self.words();
        let body = json!({ "error": { "code": code, "message": message, "hint": hint } });
        let mut response = (status, Json(body)).into_response();
        if matches!(self, Refusal::NoKey) {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self, Refusal::FileAwaited) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

/// Says once in the log what the store said; the client learns only that it may try again.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> Refusal {
    tracing::warn!(%error, "a read could not be answered");
    Refusal::Unavailable
}
