//! `Idempotency-Key`, our addition: a repeated request with the same key gets its first answer again, another request
//! is refused with 422. Without the header a repeat is a new message, as the vendor documents.
//!
//! Keys are told apart by installation and, where one speaks, by consumer.

use domain::command::Command;
use domain::content::Face as Dialect;
use domain::id::TenantId;
use engine::{OnceKey, StoredAnswer};
use face_kit::once::{self, Fingerprint};
use http::HeaderMap;
use serde_json::Value;

use crate::Face;
use crate::answer::{self, Refusal};
use crate::door::Caller;

/// The key of a consumer's request, if it gave one.
pub fn of_consumer(
    caller: &Caller,
    headers: &HeaderMap,
    operation: &str,
    request: &Value,
) -> Result<Option<OnceKey>, Refusal> {
    let whose = format!("{}/{}", caller.app.ulid(), caller.consumer);
    key(caller.tenant, &whose, headers, operation, request)
}

/// The key of a request in the name of `whose`, if it gave one.
pub fn key(
    tenant: TenantId,
    whose: &str,
    headers: &HeaderMap,
    operation: &str,
    request: &Value,
) -> Result<Option<OnceKey>, Refusal> {
    let given = once::key(headers).map_err(|_| Refusal::KeyUnusable)?;
    Ok(given.map(|given| OnceKey {
        tenant,
        face: Dialect::LivePerson,
        key: format!("{whose}/{given}"),
        fingerprint: Fingerprint::of(operation).json(request).finish(),
    }))
}

/// Runs one command and answers with one successful element, whose body is made of the command's answer.
pub async fn element<C, F>(
    face: &Face,
    key: Option<OnceKey>,
    req_id: &Value,
    command: C,
    body: F,
) -> Result<StoredAnswer, Refusal>
where
    C: Command,
    C::Refusal: Into<Refusal>,
    F: Fn(&C::Answer) -> Value + Send + 'static,
{
    let req_id = req_id.clone();
    let render = move |done: &C::Answer| answer::stored(200, &answer::ok(&body(done), &req_id));
    Ok(once::run(&face.engine, key, command, render).await?)
}
