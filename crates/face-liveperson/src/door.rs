//! Who calls: the AppJWT of an installation, and the ConsumerJWS of the person it speaks for.
//! Checks run in the documented order: 40105, 40102, 40001, 40104, 40103.

use domain::channel::{Address, Channel};
use domain::content::Face as Dialect;
use domain::id::{AppId, ContactId, TenantId};
use domain::record::{Key, Pointer};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value};

use crate::answer::{Refusal, Unauthorized};
use crate::{Face, tokens};

/// An authenticated installation.
#[derive(Clone, Debug)]
pub struct Installation {
    pub tenant: TenantId,
    pub app: AppId,
    /// The account id in the path.
    pub account: String,
}

/// An authenticated installation speaking for a consumer.
#[derive(Clone, Debug)]
pub struct Caller {
    pub tenant: TenantId,
    pub app: AppId,
    pub account: String,
    /// 64 hex characters.
    pub consumer: String,
}

impl Caller {
    /// The consumer's address on the connector channel.
    pub fn address(&self) -> Address {
        Address::new(Channel::CONNECTOR, &self.consumer)
    }

    /// The consumer's contact; an id that nobody has when there is none yet.
    pub async fn contact(&self, face: &Face) -> Result<ContactId, Refusal> {
        let key = Key::identity(self.tenant, Some(self.app), &self.address());
        let pointer = face.engine.row::<Pointer>(key).await.map_err(Refusal::unreadable)?;
        Ok(pointer.map(|pointer| ContactId(pointer.target)).unwrap_or_default())
    }
}

/// Checks the AppJWT.
pub fn installation(face: &Face, account: &str, headers: &HeaderMap) -> Result<Installation, Unauthorized> {
    let token = presented(headers, AUTHORIZATION.as_str()).ok_or(Unauthorized::AppMissing)?;
    let claims = tokens::open(&face.settings.signing_key, token).ok_or(Unauthorized::InvalidApp)?;
    let expired = claims.contains_key("exp") && !tokens::holds_at(&claims, face.engine.now());
    if expired || claims.get("aud").is_some_and(|aud| aud != account) {
        return Err(Unauthorized::InvalidApp);
    }
    let complete = ["aud", "azp", "scope", "iss"].iter().all(|claim| text(&claims, claim).is_some())
        && ["iat", "exp"].iter().all(|claim| claims.get(*claim).is_some_and(Value::is_i64));
    if !complete || text(&claims, "iss") != Some("Sentinel") {
        return Err(Unauthorized::MissingClaim);
    }
    let directory = face.engine.directory();
    let tenant = directory.tenant_by_site(account).filter(|tenant| !tenant.disabled);
    let tenant = tenant.ok_or(Unauthorized::InvalidApp)?.id;
    let client_id = text(&claims, "azp").unwrap_or_default();
    let credential = directory.credential(Dialect::LivePerson, client_id);
    let credential =
        credential.filter(|credential| credential.tenant == tenant).ok_or(Unauthorized::InvalidApp)?;
    let app = credential.app.ok_or(Unauthorized::InvalidApp)?;
    Ok(Installation { tenant, app, account: account.to_owned() })
}

/// Checks both tokens.
pub fn caller(face: &Face, account: &str, headers: &HeaderMap) -> Result<Caller, Unauthorized> {
    let Installation { tenant, app, account } = installation(face, account, headers)?;
    let token = presented(headers, "x-lp-on-behalf").ok_or(Unauthorized::ConsumerMissing)?;
    let claims = tokens::open(&face.settings.signing_key, token).ok_or(Unauthorized::InvalidConsumer)?;
    match (text(&claims, "account_id"), text(&claims, "lp_consumer_id")) {
        (Some(of), Some(consumer)) if of == account => {
            Ok(Caller { tenant, app, account, consumer: consumer.to_owned() })
        }
        _ => Err(Unauthorized::InvalidConsumer),
    }
}

fn presented<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let token = tokens::raw(headers.get(name)?.to_str().unwrap_or("?"));
    (!token.is_empty()).then_some(token)
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str).filter(|value| !value.is_empty())
}
