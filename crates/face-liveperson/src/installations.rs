//! `…/configuration/app-install/installations[/{id}]`: installations, as administrators list and write them.
//!
//! An installation is a credential (its id is the client id) and, once it names webhooks, a subscription that carries
//! the connector channel. A new one belongs to the tenant's app of the lowest number.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::channel::Channel;
use domain::command::admin::{DeleteSubscription, PutCredential, PutSubscription, Taken};
use domain::content::Face as Dialect;
use domain::id::{AppId, KeyId, SubscriptionId, TenantId};
use domain::subscription::Subscription;
use domain::tenant::Credential;
use engine::{OnceFailure, OnceKey, StoredAnswer};
use face_kit::once;
use face_kit::together::Both;
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
    let key = match key(tenant, &headers, "POST", &manifest) {
        Ok(key) => key,
        Err(response) => return response,
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
    let subscription = subscription(&face, &credential, app, manifest);
    let from = *face.engine.head().borrow();
    let put = Both(PutCredential(credential.clone()), PutSubscription { subscription, from });
    let render =
        move |((), kept): &((), Subscription)| answer::stored(201, &described(&credential, Some(kept)));
    finished(&face, once::run(&face.engine, key, put, render).await)
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
    let manifest = Manifest(envelope::read(body).await.unwrap_or_default());
    let key = match key(tenant, &headers, &format!("PUT {id}"), &manifest) {
        Ok(key) => key,
        Err(response) => return response,
    };
    // A repeat is looked for first: its `If-Match` is of before the change.
    if let Some(response) = repeated(&face, key.as_ref()).await {
        return response;
    }
    let found = find(&face, tenant, &id).and_then(|credential| credential.app.map(|app| (credential, app)));
    let Some((credential, app)) = found else {
        return refusal(StatusCode::NOT_FOUND, "installation not found");
    };
    if is_stale(&headers, &shown(&face, &credential)) {
        return refusal(StatusCode::PRECONDITION_FAILED, "the installation was changed meanwhile");
    }
    if let Some(complaint) = manifest.complaint() {
        return refusal(StatusCode::BAD_REQUEST, complaint);
    }
    let subscription = subscription(&face, &credential, app, manifest);
    let put = PutSubscription { subscription, from: *face.engine.head().borrow() };
    let render = move |kept: &Subscription| answer::stored(200, &described(&credential, Some(kept)));
    finished(&face, once::run(&face.engine, key, put, render).await)
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
    let key = match key(tenant, &headers, &format!("DELETE {id}"), &Manifest(Value::Null)) {
        Ok(key) => key,
        Err(response) => return response,
    };
    if let Some(response) = repeated(&face, key.as_ref()).await {
        return response;
    }
    let Some(credential) = find(&face, tenant, &id) else {
        return refusal(StatusCode::NOT_FOUND, "installation not found");
    };
    if is_stale(&headers, &shown(&face, &credential)) {
        return refusal(StatusCode::PRECONDITION_FAILED, "the installation was changed meanwhile");
    }
    let gone = answer::stored(200, &json!({ "id": id, "deleted": true }));
    let revoke = PutCredential(Credential { revoked: true, ..Credential::clone(&credential) });
    match subscription_of(&face, &credential) {
        Some(own) => {
            let both = Both(DeleteSubscription { tenant, subscription: own.id }, revoke);
            finished(&face, once::run(&face.engine, key, both, move |_| gone.clone()).await)
        }
        None => finished(&face, once::run(&face.engine, key, revoke, move |()| gone.clone()).await),
    }
}

/// The idempotency key, or the refusal of an unusable one.
#[expect(clippy::result_large_err, reason = "a refusal is returned at once, never passed around")]
fn key(
    tenant: TenantId,
    headers: &HeaderMap,
    operation: &str,
    manifest: &Manifest,
) -> Result<Option<OnceKey>, Response> {
    let operation = format!("installation {operation}");
    let unusable = |_| refusal(StatusCode::BAD_REQUEST, "Idempotency-Key is invalid");
    crate::once::key(tenant, "admin", headers, &operation, &manifest.0).map_err(unusable)
}

/// The answer to a request that was made before.
async fn repeated(face: &Face, key: Option<&OnceKey>) -> Option<Response> {
    match once::kept::<Taken>(&face.engine, key?).await {
        Ok(None) => None,
        Ok(Some(kept)) => Some(finished::<Taken>(face, Ok(kept))),
        Err(failure) => Some(finished(face, Err(failure))),
    }
}

/// The answer of a change. The secret is not kept with the answer but put into it here: answers are not sealed.
fn finished<R>(face: &Face, done: Result<StoredAnswer, OnceFailure<R>>) -> Response {
    let kept = match done {
        Ok(kept) => kept,
        Err(OnceFailure::Reused) => {
            let reused = "Idempotency-Key was used with another request";
            return refusal(StatusCode::UNPROCESSABLE_ENTITY, reused);
        }
        Err(OnceFailure::Failed(_)) => return unavailable(),
    };
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut shown: Value = serde_json::from_slice(&kept.body).unwrap_or_default();
    if shown["deleted"] == json!(true) {
        return answer::json(status, &shown);
    }
    let client_id = shown["client_id"].as_str().unwrap_or_default();
    let known = face.engine.directory().credential(Dialect::LivePerson, client_id).cloned();
    let secret = known.and_then(|credential| credential.secret.clone());
    shown["client_secret"] =
        json!(secret.unwrap_or_else(|| tokens::mint_secret(&face.settings.signing_key, client_id)));
    with_revision(status, &shown)
}

/// The manifest as the settings of the installation's subscription.
fn subscription(face: &Face, credential: &Credential, app: AppId, mut manifest: Manifest) -> Subscription {
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
    Subscription {
        id: old.as_ref().map_or_else(|| SubscriptionId(face.engine.new_id()), |old| old.id),
        tenant: credential.tenant,
        app: Some(app),
        number: old.as_ref().map_or(0, |old| old.number),
        dialect: Dialect::LivePerson,
        carries: Some(Channel::new(Channel::CONNECTOR)),
        secret: credential.secret.clone().unwrap_or_default(),
        settings: manifest.0.to_string(),
        enabled: manifest.is_enabled() && !target.is_empty(),
        parallel: false,
        previous: None,
        target,
        triggers,
        created_at: old.as_ref().map_or(now, |old| old.created_at),
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
    let mut shown = described(credential, subscription_of(face, credential).as_deref());
    shown["client_secret"] = json!(credential.secret);
    shown
}

/// Whether an installation may fetch tokens.
pub fn is_enabled(face: &Face, credential: &Credential) -> bool {
    subscription_of(face, credential).is_none_or(|own| Manifest::read(&own.settings).is_enabled())
}

/// The installation without its secret.
fn described(credential: &Credential, subscription: Option<&Subscription>) -> Value {
    let mut shown = json!({
        "client_name": credential.name, "grant_types": ["client_credentials"], "scope": "msg.consumer",
        "capabilities": {},
    });
    let kept = subscription.map(|subscription| Manifest::read(&subscription.settings));
    // Without webhooks nothing is delivered either way, but its tokens work.
    let enabled =
        subscription.is_none_or(|subscription| subscription.enabled || subscription.target.is_empty());
    shown["enabled"] = json!(enabled && kept.as_ref().is_none_or(Manifest::is_enabled));
    if let (Value::Object(shown), Some(Manifest(Value::Object(kept)))) = (&mut shown, kept) {
        shown.extend(kept.into_iter().filter(|(name, _)| name != "enabled"));
    }
    shown["id"] = json!(credential.public);
    shown["client_id"] = json!(credential.public);
    shown["client_secret_expires_at"] = json!(0);
    shown["deleted"] = json!(false);
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
