//! `POST /api/account/{account}/login` and the feature grants: what the vendor's admin tools ask before anything else.
//! The bearer is a signed token of this face; nothing is stored for it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::content::Face as Dialect;
use domain::id::TenantId;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::settings::BEARER_LIFETIME_S;
use crate::{Face, answer, csds, envelope, tokens};

/// Checks name and password.
pub async fn handler(
    State(face): State<Face>,
    Path(account): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let given = envelope::read(body).await.unwrap_or_default();
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let login = text("username");
    if !is_genuine(&face, &account, &login, &text("password")) {
        return unauthorized();
    }
    let now_s = face.engine.now().seconds();
    let claims = json!({ "aud": account, "sub": login, "scope": "admin", "iss": "Login", "exp": now_s + BEARER_LIFETIME_S });
    let bearer = tokens::sign(&face.settings.signing_key, "login", &claims);
    let authority = csds::authority(&face, &headers, &uri);
    let body = json!({
        "csrf": tokens::consumer_id("csrf", &bearer), "wsuk": "1", "bearer": bearer,
        "sessionTTl": (BEARER_LIFETIME_S * 1000).to_string(),
        "config": { "loginName": login, "userId": "900", "isAdmin": true, "isLPA": false },
        "csdsCollectionResponse": { "baseURIs": csds::rows(&account, &authority) },
    });
    answer::json(StatusCode::OK, &body)
}

/// `GET …/configuration/provision/featureGrants`: messaging is on.
pub async fn features(State(face): State<Face>, Path(account): Path<String>, headers: HeaderMap) -> Response {
    if administrator(&face, &account, &headers).is_none() {
        return unauthorized();
    }
    let feature = json!({ "compoundFeatureID": "Common.Async_Messaging", "value": { "value": "true" } });
    let accounts = json!([{ "accountId": account, "itemsCollection": { "data": [feature] } }]);
    answer::json(StatusCode::OK, &json!({ "appDataList": [{ "accountList": { "accountList": accounts } }] }))
}

/// The tenant whose administrator presents this bearer.
pub fn administrator(face: &Face, account: &str, headers: &HeaderMap) -> Option<TenantId> {
    let token = tokens::raw(headers.get(AUTHORIZATION)?.to_str().ok()?);
    let claims = tokens::open(&face.settings.signing_key, token)?;
    let valid = claims.get("aud").is_some_and(|aud| aud == account)
        && claims.get("scope").is_some_and(|scope| scope == "admin")
        && tokens::holds_at(&claims, face.engine.now());
    let directory = face.engine.directory();
    directory.tenant_by_site(account).filter(|tenant| valid && !tenant.disabled).map(|tenant| tenant.id)
}

/// The answer to a missing or wrong bearer.
pub fn unauthorized() -> Response {
    let error = json!({ "statusCode": 401, "internalCode": 16, "message": "Unauthorized" });
    answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": error }))
}

fn is_genuine(face: &Face, account: &str, login: &str, password: &str) -> bool {
    let directory = face.engine.directory();
    let Some(tenant) = directory.tenant_by_site(account).filter(|tenant| !tenant.disabled) else {
        return false;
    };
    let names = [format!("admin:{account}:{login}"), format!("admin:{login}")];
    let mut known = names.iter().filter_map(|name| directory.credential(Dialect::LivePerson, name));
    known.any(|credential| {
        let same = credential.secret_digest.ct_eq(&tokens::digest(password));
        credential.tenant == tenant.id && bool::from(same)
    })
}
