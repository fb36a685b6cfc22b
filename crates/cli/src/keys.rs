//! Administration of keys. A secret leaves in the answer that creates it and is kept as a digest.
//!
//! Only the connector API's keys keep the secret itself, because it signs webhooks with it; the store seals it.
//! Bearer tokens are found by their own digest, so their row has no secret half.

use std::sync::Arc;

use domain::command::admin::PutCredential;
use domain::content::Face;
use domain::id::{AgentId, AppId, Id, KeyId, TenantId};
use domain::tenant::Credential;
use engine::Engine;
use sha2::{Digest as _, Sha256};

use crate::administer::{NAME_CHARS_MAX, find_tenant, refusal};
use crate::request::{AdminAnswer, KeyFace, KeyRow, NewKey};

pub(crate) async fn create(
    engine: &Engine,
    tenant: TenantId,
    face: KeyFace,
    app: Option<AppId>,
    agent: Option<AgentId>,
    name: String,
) -> Result<AdminAnswer, String> {
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!("The key's name has more than {NAME_CHARS_MAX} characters."));
    }
    if face == KeyFace::LivePerson && app.is_none() {
        return Err("A liveperson key belongs to one app: name it with --app.".to_owned());
    }
    let login = (face == KeyFace::LivePersonAdmin).then(|| login(engine, tenant, &name)).transpose()?;
    let (face, bearer) = match face {
        KeyFace::Sinch => (Face::Sinch, false),
        KeyFace::LivePerson | KeyFace::LivePersonAdmin => (Face::LivePerson, false),
        KeyFace::LiveDesk => (Face::LiveDesk, agent.is_some()),
        KeyFace::Trunkline => (Face::Trunkline, true),
    };
    let id = KeyId(engine.new_id());
    let secret = hex::encode(random::<32>()?);
    let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    let public = match &login {
        Some(login) => login.clone(),
        None if bearer => hex::encode(digest),
        None => id.uuid(),
    };
    let credential = Credential {
        id,
        tenant,
        face,
        app,
        agent,
        public: public.clone(),
        secret_digest: if bearer { [0; 32] } else { digest },
        secret: (face == Face::LivePerson && login.is_none()).then(|| secret.clone()),
        name: name.clone(),
        revoked: false,
    };
    engine.execute(PutCredential(credential)).await.map_err(refusal)?;
    let public = if login.is_some() { Some(name) } else { (!bearer).then_some(public) };
    Ok(AdminAnswer::KeyCreated {
        key: NewKey { id: id.uuid(), face: face_name(face).to_owned(), public, secret },
    })
}

/// How the connector API finds an administrator: by account and login.
fn login(engine: &Engine, tenant: TenantId, name: &str) -> Result<String, String> {
    let usable = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != ':');
    let directory = engine.directory();
    let account = directory.tenant(tenant).map(|tenant| tenant.site_id.as_str()).filter(|_| usable);
    account.map(|account| format!("admin:{account}:{name}")).ok_or_else(|| {
        "An administrator needs a login without spaces and colons: name it with --name.".to_owned()
    })
}

pub(crate) fn list(engine: &Engine, tenant: &str) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let mut keys: Vec<_> = engine.directory().credentials_of(tenant).cloned().collect();
    keys.sort_by_key(|key| key.id);
    Ok(AdminAnswer::Keys { keys: keys.iter().map(|key| row(key)).collect() })
}

pub(crate) fn show(engine: &Engine, tenant: &str, key: &str) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    Ok(AdminAnswer::Keys { keys: vec![row(&*find(engine, tenant, key)?)] })
}

pub(crate) async fn revoke(engine: &Engine, tenant: &str, key: &str) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let found = find(engine, tenant, key)?;
    if found.revoked {
        return Err(format!("The key {} is revoked already.", found.id.uuid()));
    }
    revoke_all(engine, tenant, |key| key.id == found.id).await
}

/// Revokes the keys that are meant and not revoked yet; the answer shows them, perhaps none.
pub(crate) async fn revoke_all(
    engine: &Engine,
    tenant: TenantId,
    meant: impl Fn(&Credential) -> bool,
) -> Result<AdminAnswer, String> {
    let directory = engine.directory();
    let mut keys = Vec::new();
    for key in directory.credentials_of(tenant).filter(|key| !key.revoked && meant(key)) {
        let revoked = Credential { revoked: true, ..Credential::clone(key) };
        keys.push(row(&revoked));
        engine.execute(PutCredential(revoked)).await.map_err(refusal)?;
    }
    Ok(AdminAnswer::Keys { keys })
}

fn find(engine: &Engine, tenant: TenantId, key: &str) -> Result<Arc<Credential>, String> {
    let id = Id::parse(key);
    let directory = engine.directory();
    let found = directory.credentials_of(tenant).find(|known| Some(known.id.0) == id || known.public == key);
    found.cloned().ok_or_else(|| format!("The tenant has no key {key:?}."))
}

/// Random bytes from the operating system: secrets, unlike ids, come from nowhere else.
#[expect(
    clippy::disallowed_methods,
    reason = "secrets must not follow from a seed, so the ids' source will not do"
)]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("The operating system gives no random bytes: {error}."))?;
    Ok(bytes)
}

fn row(key: &Credential) -> KeyRow {
    let bearer = key.secret_digest == [0; 32];
    KeyRow {
        id: key.id.uuid(),
        face: face_name(key.face).to_owned(),
        name: key.name.clone(),
        public: if bearer { String::new() } else { key.public.clone() },
        app: key.app.map(AppId::uuid),
        agent: key.agent.map(AgentId::uuid),
        revoked: key.revoked,
    }
}

pub(crate) fn face_name(face: Face) -> &'static str {
    match face {
        Face::LivePerson => "liveperson",
        Face::Sinch => "sinch",
        Face::LiveDesk => "livedesk",
        Face::Provider => "provider",
        Face::Trunkline => "trunkline",
    }
}
