//! `…/configuration/app-install/installations[/{id}]`: installations, as administrators list and write them.
//!
//! An installation is a credential (its id is the client id) and, once it names webhooks, a subscription that carries
//! the connector channel. A new one belongs to the tenant's app of the lowest number.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::channel::Channel;
use domain::command::admin::{DeleteSubscription, PutCredential, PutSubscription};
use domain::content::Face as Dialect;
use domain::id::{AppId, KeyId, SubscriptionId, TenantId};
use domain::subscription::Subscription;
use domain::tenant::Credential;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::manifest::Manifest;
use crate::{Face, answer, envelope, login, tokens};

/// `GET` of all.
pub async fn list(State(face): State<Face>, Path(account): Path<String>, headers: HeaderMap) -> Response {
    let Some(tenant) = login::administrator(&face, &account, &headers) else {
        return login::unauthorized();
    };
    let directory = face.engine.directory();
    let mut credentials: Vec<_> =
        directory.credentials_of(tenant).filter(|one| is_installation(one)).collect();
    credentials.sort_by_key(|credential| credential.id);
    let shown: Vec<Value> = credentials.into_iter().map(|credential| shown(&face, credential)).collect();
    answer::json(StatusCode::OK, &Value::Array(shown))
}

/// `GET` of one, with its revision.
pub async fn one(
    State(face): State<Face>,
    Path((account, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(tenant) = login::administrator(&face, &account, &headers) else {
        return login::unauthorized();
    };
    match find(&face, tenant, &id) {
        Some(credential) => with_revision(StatusCode::OK, &shown(&face, &credential)),
        None => refusal(StatusCode::NOT_FOUND, "installation not found"),
    }
}

/// `POST`: a new installation with fresh credentials.
pub async fn create(
    State(face): State<Face>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(tenant) = login::administrator(&face, &account, &headers) else {
        return login::unauthorized();
    };
    let manifest = Manifest(envelope::read(body).await.unwrap_or_default());
    if let Some(complaint) = manifest.complaint() {
        return refusal(StatusCode::BAD_REQUEST, complaint);
    }
    let app = face.engine.directory().apps_of(tenant).min_by_key(|app| app.number).map(|app| app.id);
    let Some(app) = app else {
        return refusal(StatusCode::BAD_REQUEST, "the account has no app");
    };
    let id = KeyId(face.engine.new_id());
    let secret = tokens::mint_secret(&face.settings.signing_key, &id.uuid());
    let credential = Credential {
        id,
        tenant,
        face: Dialect::LivePerson,
        app: Some(app),
        agent: None,
        public: id.uuid(),
        secret_digest: tokens::digest(&secret),
        secret: Some(secret),
        name: manifest.text("client_name").to_owned(),
        revoked: false,
    };
    if face.engine.execute(PutCredential(credential.clone())).await.is_err() {
        return unavailable();
    }
    write(&face, &credential, app, manifest, StatusCode::CREATED).await
}

/// `PUT`: another manifest for an installation.
pub async fn replace(
    State(face): State<Face>,
    Path((account, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(tenant) = login::administrator(&face, &account, &headers) else {
        return login::unauthorized();
    };
    let found = find(&face, tenant, &id).and_then(|credential| credential.app.map(|app| (credential, app)));
    let Some((credential, app)) = found else {
        return refusal(StatusCode::NOT_FOUND, "installation not found");
    };
    if is_stale(&headers, &shown(&face, &credential)) {
        return refusal(StatusCode::PRECONDITION_FAILED, "the installation was changed meanwhile");
    }
    let manifest = Manifest(envelope::read(body).await.unwrap_or_default());
    if let Some(complaint) = manifest.complaint() {
        return refusal(StatusCode::BAD_REQUEST, complaint);
    }
    write(&face, &credential, app, manifest, StatusCode::OK).await
}

/// `DELETE`: revokes the credential and stops the webhooks.
pub async fn remove(
    State(face): State<Face>,
    Path((account, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(tenant) = login::administrator(&face, &account, &headers) else {
        return login::unauthorized();
    };
    let Some(credential) = find(&face, tenant, &id) else {
        return refusal(StatusCode::NOT_FOUND, "installation not found");
    };
    if is_stale(&headers, &shown(&face, &credential)) {
        return refusal(StatusCode::PRECONDITION_FAILED, "the installation was changed meanwhile");
    }
    if let Some(subscription) = subscription_of(&face, &credential) {
        let command = DeleteSubscription { tenant, subscription: subscription.id };
        if face.engine.execute(command).await.is_err() {
            return unavailable();
        }
    }
    let revoked = Credential { revoked: true, ..Credential::clone(&credential) };
    match face.engine.execute(PutCredential(revoked)).await {
        Ok(()) => answer::json(StatusCode::OK, &json!({ "id": id, "deleted": true })),
        Err(_) => unavailable(),
    }
}

/// Keeps the manifest as the settings of the installation's subscription.
async fn write(
    face: &Face,
    credential: &Credential,
    app: AppId,
    manifest: Manifest,
    status: StatusCode,
) -> Response {
    let mut manifest = manifest;
    let now = face.engine.now();
    let old = subscription_of(face, credential);
    if let Value::Object(fields) = &mut manifest.0 {
        fields.remove("client_secret");
        fields.insert("client_id".to_owned(), json!(credential.public));
        let issued = old.as_ref().map_or(now, |old| old.created_at).seconds();
        fields.insert("client_id_issued_at".to_owned(), json!(issued));
    }
    let triggers = manifest.capabilities();
    let target = triggers.first().and_then(|first| manifest.endpoint(first)).unwrap_or_default().to_owned();
    let enabled = manifest.0.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let subscription = Subscription {
        id: old.as_ref().map_or_else(|| SubscriptionId(face.engine.new_id()), |old| old.id),
        tenant: credential.tenant,
        app: Some(app),
        number: old.as_ref().map_or(0, |old| old.number),
        dialect: Dialect::LivePerson,
        carries: Some(Channel::new(Channel::CONNECTOR)),
        secret: credential.secret.clone().unwrap_or_default(),
        settings: manifest.0.to_string(),
        enabled: enabled && !target.is_empty(),
        target,
        triggers,
        created_at: old.as_ref().map_or(now, |old| old.created_at),
    };
    let from = *face.engine.head().borrow();
    match face.engine.execute(PutSubscription { subscription: subscription.clone(), from }).await {
        Ok(_) => with_revision(status, &described(credential, Some(&subscription))),
        Err(_) => unavailable(),
    }
}

fn is_installation(credential: &Credential) -> bool {
    credential.face == Dialect::LivePerson
        && credential.app.is_some()
        && !credential.revoked
        && !credential.public.starts_with("admin:")
}

fn find(face: &Face, tenant: TenantId, id: &str) -> Option<Arc<Credential>> {
    let directory = face.engine.directory();
    let credential = directory.credential(Dialect::LivePerson, id)?;
    (credential.tenant == tenant && is_installation(credential)).then(|| credential.clone())
}

/// The subscription that names this client id, else one of the same app that names none.
fn subscription_of(face: &Face, credential: &Credential) -> Option<Arc<Subscription>> {
    let directory = face.engine.directory();
    let own: Vec<_> = directory
        .subscriptions_of(credential.tenant)
        .filter(|one| one.dialect == Dialect::LivePerson && one.app == credential.app)
        .collect();
    let names =
        |wanted: &str| own.iter().find(|one| Manifest::read(&one.settings).text("client_id") == wanted);
    names(&credential.public).or_else(|| names("")).map(|one| (*one).clone())
}

fn shown(face: &Face, credential: &Credential) -> Value {
    described(credential, subscription_of(face, credential).as_deref())
}

fn described(credential: &Credential, subscription: Option<&Subscription>) -> Value {
    let mut shown = json!({
        "client_name": credential.name, "grant_types": ["client_credentials"], "scope": "msg.consumer",
        "capabilities": {},
    });
    let kept = subscription.map(|subscription| Manifest::read(&subscription.settings).0);
    if let (Value::Object(shown), Some(Value::Object(kept))) = (&mut shown, kept) {
        shown.extend(kept);
    }
    shown["id"] = json!(credential.public);
    shown["client_id"] = json!(credential.public);
    shown["client_secret"] = json!(credential.secret);
    shown["client_secret_expires_at"] = json!(0);
    shown["deleted"] = json!(false);
    shown["enabled"] = json!(subscription.is_none_or(|subscription| subscription.enabled));
    shown
}

fn revision(shown: &Value) -> String {
    hex::encode(&Sha256::digest(shown.to_string())[..8])
}

fn is_stale(headers: &HeaderMap, shown: &Value) -> bool {
    let wanted = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    wanted.is_some_and(|wanted| {
        !matches!(wanted.trim_matches('"'), "*" | "-1") && wanted.trim_matches('"') != revision(shown)
    })
}

fn with_revision(status: StatusCode, shown: &Value) -> Response {
    let mut response = answer::json(status, shown);
    if let Ok(revision) = HeaderValue::try_from(revision(shown)) {
        response.headers_mut().insert("ac-revision", revision);
    }
    response
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let error = json!({ "statusCode": status.as_u16(), "internalCode": 9, "message": message });
    answer::json(status, &json!({ "error": error }))
}

fn unavailable() -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable, please try again later.")
}
