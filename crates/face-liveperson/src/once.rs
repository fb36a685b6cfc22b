//! `Idempotency-Key`, our addition: a repeated request with the same key gets its first answer again.
//! Without the header a repeat is a new message, as the vendor documents.

use domain::content::Face as Dialect;
use engine::OnceKey;
use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::door::Caller;
use crate::settings::ONCE_KEY_CHARS_MAX;

/// The key of this request, if it gave a usable one.
pub fn key(caller: &Caller, headers: &HeaderMap, request: &Value) -> Option<OnceKey> {
    let given = headers.get("idempotency-key")?.to_str().ok()?;
    if given.is_empty() || given.len() > ONCE_KEY_CHARS_MAX {
        return None;
    }
    Some(OnceKey {
        tenant: caller.tenant,
        face: Dialect::LivePerson,
        key: format!("{}/{}/{given}", caller.app.ulid(), caller.consumer),
        fingerprint: Sha256::digest(request.to_string()).into(),
    })
}
