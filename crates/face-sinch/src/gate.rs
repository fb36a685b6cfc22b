//! Who calls: Bearer tokens of ours, or key and secret by Basic, always for the project in the path.
//!
//! A key opens one project. Another project, existing or not, answers the same 404.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::content::Face;
use domain::id::{AppId, TenantId};
use domain::tenant::Credential;
use engine::Engine;
use face_kit::buckets::Buckets;
use http::request::Parts;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Rates;
use crate::error::Problem;
use crate::token::Tokens;

/// What handlers share.
pub struct Desk {
    pub engine: Engine,
    pub tokens: Tokens,
    pub rates: Rates,
    pub requests: Buckets<TenantId>,
    pub sends: Buckets<AppId>,
}

/// The state of every route.
pub type Shared = Arc<Desk>;

/// Somebody who may act in a project.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub tenant: TenantId,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Shared) -> Result<Caller, Problem> {
        let credential = desk.credential(&parts.headers)?;
        let params = RawPathParams::from_request_parts(parts, desk).await;
        let params = params.map_err(|_| Problem::not_found("project"))?;
        let project = params.iter().find(|(name, _)| *name == "project").map(|(_, value)| value);
        let project = project.and_then(TenantId::parse);
        let directory = desk.engine.directory();
        let enabled = directory.tenant(credential.tenant).is_some_and(|tenant| !tenant.disabled);
        if project != Some(credential.tenant) || !enabled {
            return Err(Problem::not_found("project"));
        }
        let now_ms = desk.engine.now().0;
        desk.requests.take(credential.tenant, now_ms).map_err(Problem::too_many)?;
        Ok(Caller { tenant: credential.tenant })
    }
}

impl Desk {
    /// The key behind the `authorization` header.
    fn credential(&self, headers: &HeaderMap) -> Result<Arc<Credential>, Problem> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, rest) =
            given.and_then(|text| text.split_once(' ')).ok_or_else(Problem::unauthenticated)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            let key_id = self.tokens.key_id(rest.trim(), self.engine.now())?;
            let directory = self.engine.directory();
            return directory.credential(Face::Sinch, &key_id).cloned().ok_or_else(Problem::unauthenticated);
        }
        let (key_id, secret) = basic(headers).ok_or_else(Problem::unauthenticated)?;
        self.by_secret(&key_id, &secret).ok_or_else(Problem::unauthenticated)
    }

    /// The key with this id, if the secret is its own.
    pub fn by_secret(&self, key_id: &str, secret: &str) -> Option<Arc<Credential>> {
        let directory = self.engine.directory();
        let credential = directory.credential(Face::Sinch, key_id)?;
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let same: bool = digest.ct_eq(&credential.secret_digest).into();
        same.then(|| credential.clone())
    }
}

/// Key id and secret of a Basic header.
pub fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (key_id, secret) = plain.split_once(':')?;
    Some((key_id.to_owned(), secret.to_owned()))
}
