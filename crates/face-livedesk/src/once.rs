//! `Idempotency-Key`, our addition: a repeated request with the same key gets its first answer again, another request
//! is refused with 422. Without the header, posting twice does it twice, as the vendor has it.
//!
//! A request is the same when caller, operation, values and bytes of files are; content type and multipart
//! boundaries do not count, nor do the spellings of a path.

use axum::response::{IntoResponse as _, Response};
use domain::command::Command;
use domain::content::Face;
use engine::{OnceFailure, OnceKey, StoredAnswer};
use face_kit::once::{self, Fingerprint};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::error::Problem;
use crate::input::Input;
use crate::routes::{Call, Desk};

const UNUSABLE: &str = "Idempotency-Key is invalid";
const REUSED: &str = "Idempotency-Key was used with another request";

/// The key of a request, if it gave one. The operation names what it is done to.
pub(crate) fn key(call: &Call, operation: &str, input: &Input) -> Result<Option<OnceKey>, Problem> {
    let given = once::key(&call.headers).map_err(|_| Problem::Invalid(UNUSABLE.to_owned()))?;
    let Some(given) = given else { return Ok(None) };
    let caller = format!("{:?}/{:?}", call.caller.spoken, call.caller.party());
    let mut fingerprint = Fingerprint::of(operation).bytes(caller.as_bytes());
    fingerprint = fingerprint.json(&Value::Object(input.fields.clone()));
    for part in &input.files {
        fingerprint =
            fingerprint.bytes(part.name.as_deref().unwrap_or_default().as_bytes()).bytes(&part.bytes);
    }
    let (tenant, fingerprint) = (call.caller.tenant.id, fingerprint.finish());
    Ok(Some(OnceKey { tenant, face: Face::LiveDesk, key: given.to_owned(), fingerprint }))
}

/// The answer to a request that was made before: looked for before anything is stored for it, or found gone.
pub(crate) async fn repeated(desk: &Desk, key: Option<&OnceKey>) -> Result<Option<StoredAnswer>, Problem> {
    match key {
        Some(key) => once::kept(&desk.engine, key).await.map_err(|failure| problem(failure, unrefused)),
        None => Ok(None),
    }
}

/// Runs one command; its answer is kept under the key.
pub(crate) async fn run<C, F>(
    desk: &Desk,
    key: Option<OnceKey>,
    command: C,
    render: F,
    refused: impl FnOnce(C::Refusal) -> Problem,
) -> Result<StoredAnswer, Problem>
where
    C: Command,
    F: Fn(&C::Answer) -> StoredAnswer + Send + 'static,
{
    once::run(&desk.engine, key, command, render).await.map_err(|failure| problem(failure, refused))
}

fn problem<R>(failure: OnceFailure<R>, refused: impl FnOnce(R) -> Problem) -> Problem {
    match failure {
        OnceFailure::Reused => Problem::Invalid(REUSED.to_owned()),
        OnceFailure::Failed(failure) => Problem::from_failure(failure, refused),
    }
}

/// For commands that cannot say no.
pub(crate) fn unrefused(never: std::convert::Infallible) -> Problem {
    match never {}
}

/// An answer with 200 as it is kept.
pub(crate) fn ok<T: Serialize>(body: &T) -> StoredAnswer {
    json(StatusCode::OK, body)
}

/// A JSON answer as it is kept.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> StoredAnswer {
    StoredAnswer { status: status.as_u16(), body: serde_json::to_vec(body).unwrap_or_default() }
}

/// 200 without a body, as it is kept.
pub(crate) fn empty() -> StoredAnswer {
    StoredAnswer { status: 200, body: Vec::new() }
}

/// A kept answer as a response.
pub(crate) fn response(kept: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    if kept.body.is_empty() {
        return status.into_response();
    }
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, json)], kept.body).into_response()
}
