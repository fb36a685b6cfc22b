//! Who calls: a bearer key of this face, looked up by the hex of its SHA-256.
//!
//! The key itself is stored nowhere. A revoked key and a disabled tenant are refused like a key that never was.

use axum::extract::FromRequestParts;
use domain::content::Face;
use domain::id::TenantId;
use engine::{Engine, domain};
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest as _, Sha256};

use crate::error::Refusal;

/// The tenant behind the key; everything read is read within it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub tenant: TenantId,
}

impl FromRequestParts<Engine> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Caller, Refusal> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = header.and_then(bearer).ok_or(Refusal::NoKey)?;
        let public = hex::encode(Sha256::digest(key.as_bytes()));
        let directory = engine.directory();
        let tenant = directory.credential(Face::Trunkline, &public).ok_or(Refusal::NoKey)?.tenant;
        match directory.tenant(tenant) {
            Some(known) if !known.disabled => Ok(Caller { tenant }),
            _ => Err(Refusal::NoKey),
        }
    }
}

/// The key in an `Authorization` header; the scheme's case does not matter.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}
