//! Who calls: a LiveDesk key by Basic authentication, or a Chatwoot token by its header. Reference section 2.1.
//!
//! A token is looked up by the hex of its SHA-256; a key's secret is compared in constant time. A foreign account
//! and one that does not exist get the same answer.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::agent::{Agent, Role};
use domain::content::Face;
use domain::conversation::Party;
use domain::tenant::{Credential, Tenant};
use engine::Directory;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{NOT_ALLOWED, NOT_FOR_BOTS, Problem, SUSPENDED, WRONG_ACCOUNT, WRONG_TOKEN};

/// Which of the two dialects a call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    LiveDesk,
    Chatwoot,
}

/// A proven caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub tenant: Arc<Tenant>,
    /// `None`: a key without a person, shown as the app's bot.
    pub agent: Option<Arc<Agent>>,
    pub spoken: Spoken,
}

impl Caller {
    /// The caller as the core names it.
    pub(crate) fn party(&self) -> Party {
        self.agent.as_ref().map_or(Party::App, |agent| Party::Agent(agent.id))
    }

    /// Refuses bots.
    pub(crate) fn human(&self) -> Result<(), Problem> {
        match self.agent.as_ref().map(|agent| agent.role) {
            Some(Role::Bot) => Err(Problem::Unauthorized(NOT_FOR_BOTS)),
            _ => Ok(()),
        }
    }

    /// Refuses all but administrators; keys of LiveDesk count as such.
    pub(crate) fn administrator(&self) -> Result<(), Problem> {
        self.human()?;
        match (self.spoken, self.agent.as_ref().map(|agent| agent.role)) {
            (Spoken::LiveDesk, _) | (_, Some(Role::Administrator) | None) => Ok(()),
            _ => Err(Problem::Unauthorized(NOT_ALLOWED)),
        }
    }
}

/// The LiveDesk key's account.
pub(crate) fn by_key(directory: &Directory, headers: &HeaderMap) -> Result<Caller, Problem> {
    let (key, secret) = basic(headers).ok_or(Problem::NotSignedIn)?;
    let wrong = Problem::Unauthorized(WRONG_TOKEN);
    let credential = directory.credential(Face::LiveDesk, &key).ok_or(wrong.clone())?;
    let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    if !bool::from(digest.ct_eq(&credential.secret_digest)) {
        return Err(wrong);
    }
    caller(directory, credential, Spoken::LiveDesk)
}

/// The Chatwoot token's owner, in the account that the path names (`None`: whichever is the owner's).
pub(crate) fn by_token(
    directory: &Directory,
    headers: &HeaderMap,
    account: Option<&str>,
) -> Result<Caller, Problem> {
    let token = token(headers).ok_or(Problem::NotSignedIn)?;
    let public = hex::encode(Sha256::digest(token.as_bytes()));
    let credential = directory.credential(Face::LiveDesk, &public);
    let credential = credential.ok_or(Problem::Unauthorized(WRONG_TOKEN))?;
    let caller = caller(directory, credential, Spoken::Chatwoot)?;
    let own = caller.tenant.account_number;
    if account.is_some_and(|account| account.parse() != Ok(own)) {
        return Err(Problem::Unauthorized(WRONG_ACCOUNT));
    }
    Ok(caller)
}

fn caller(directory: &Directory, credential: &Credential, spoken: Spoken) -> Result<Caller, Problem> {
    let tenant = directory.tenant(credential.tenant).ok_or(Problem::Unauthorized(WRONG_TOKEN))?.clone();
    if tenant.disabled {
        return Err(Problem::Unauthorized(SUSPENDED));
    }
    let agent = credential.agent.and_then(|agent| directory.agent(tenant.id, agent)).cloned();
    Ok(Caller { tenant, agent, spoken })
}

/// The pair of a Basic header; only the first colon splits.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (key, secret) = pair.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}

/// The token under either spelling of its header, else a bearer token.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get("api_access_token").or_else(|| headers.get("api-access-token"));
    if let Some(named) = named {
        return named.to_str().ok();
    }
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
