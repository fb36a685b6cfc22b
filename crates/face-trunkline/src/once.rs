//! `Idempotency-Key` on what makes, replaces or orders something: a repeated request with the same key gets its first
//! answer again, another request is refused with 422. Keys count within the tenant.
//!
//! A secret is shown in the answer that makes it, and never kept in the open. So the kept answer holds its digest, and
//! a repeat shows the secret as long as the subscription still has it.

use axum::response::{IntoResponse as _, Response};
use domain::command::Command;
use domain::content::Face;
use domain::id::SubscriptionId;
use engine::{Engine, OnceFailure, OnceKey, StoredAnswer, domain};
use face_kit::once::{self, Fingerprint};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::auth::Caller;
use crate::error::{Refusal, unavailable};

/// The key of a request, if it gave one. The operation names what it is done to.
pub(crate) fn key(
    caller: Caller,
    headers: &HeaderMap,
    operation: &str,
    body: &[u8],
) -> Result<Option<OnceKey>, Refusal> {
    let Some(given) = once::key(headers).map_err(|_| Refusal::BadKey)? else { return Ok(None) };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let fingerprint = Fingerprint::of(operation).json(&body).finish();
    Ok(Some(OnceKey { tenant: caller.tenant, face: Face::Trunkline, key: given.to_owned(), fingerprint }))
}

/// The answer to a request that was made before: looked for before anything may stand in its way.
pub(crate) async fn repeated(
    engine: &Engine,
    key: Option<&OnceKey>,
) -> Result<Option<StoredAnswer>, Refusal> {
    match key {
        Some(key) => once::kept::<()>(engine, key).await.map_err(refusal),
        None => Ok(None),
    }
}

/// Runs a command; its answer is kept under the key.
pub(crate) async fn run<C, F>(
    engine: &Engine,
    key: Option<OnceKey>,
    command: C,
    render: F,
) -> Result<StoredAnswer, Refusal>
where
    C: Command<Refusal: std::fmt::Debug>,
    F: Fn(&C::Answer) -> StoredAnswer + Send + 'static,
{
    once::run(engine, key, command, render).await.map_err(refusal)
}

fn refusal<R: std::fmt::Debug>(failure: OnceFailure<R>) -> Refusal {
    match failure {
        OnceFailure::Reused => Refusal::ReusedKey,
        OnceFailure::Failed(failure) => unavailable(format!("{failure:?}")),
    }
}

/// A JSON answer as it is kept.
pub(crate) fn json(status: StatusCode, body: &Value) -> StoredAnswer {
    StoredAnswer { status: status.as_u16(), body: body.to_string().into_bytes() }
}

/// The same for a subscription with a fresh secret.
pub(crate) fn with_secret(status: StatusCode, mut shown: Value, secret: &str) -> StoredAnswer {
    shown["secret"] = json!(digest(secret));
    json(status, &shown)
}

/// A kept answer as a response.
pub(crate) fn response(kept: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], kept.body).into_response()
}

/// The same with the secret in its place, or nothing if the subscription has another one by now.
pub(crate) fn opened(engine: &Engine, caller: Caller, mut kept: StoredAnswer) -> Response {
    if let Ok(mut shown) = serde_json::from_slice::<Value>(&kept.body) {
        let id = shown["id"].as_str().and_then(SubscriptionId::parse);
        let directory = engine.directory();
        let subscription = id.and_then(|id| directory.subscription(caller.tenant, id));
        let previous = subscription.and_then(|one| one.previous.as_ref()).map(|one| &one.secret);
        let known = subscription.map(|one| &one.secret).into_iter().chain(previous);
        let secret = known.into_iter().find(|secret| shown["secret"] == digest(secret));
        shown["secret"] = json!(secret);
        kept.body = shown.to_string().into_bytes();
    }
    response(kept)
}

fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
