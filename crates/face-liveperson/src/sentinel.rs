//! `POST /sentinel/api/account/{account}/app/token?v=1.0`: the AppJWT for an installation's credentials.
//!
//! Clients put `grant_type`, `client_id` and `client_secret` into the query, the form body, or both; they are merged.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::content::Face as Dialect;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::settings::BODY_BYTES_MAX;
use crate::{Face, answer, installations, tokens};

/// Checks the credentials and issues a token.
pub async fn handler(
    State(face): State<Face>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response {
    let mut given = fields(query.unwrap_or_default().as_bytes());
    let Ok(form) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "the body is too large");
    };
    given.extend(fields(&form));
    let (Some(grant), Some(id), Some(secret)) =
        (given.get("grant_type"), given.get("client_id"), given.get("client_secret"))
    else {
        let missing = "grant_type, client_id and client_secret are required";
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", missing);
    };
    if grant != "client_credentials" {
        let only = "only client_credentials is supported";
        return refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type", only);
    }
    if !is_genuine(&face, &account, id, secret) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client", "client authentication failed");
    }
    issue(&face, &account, id)
}

fn issue(face: &Face, account: &str, client_id: &str) -> Response {
    let now = face.engine.now();
    let lifetime_s = face.settings.app_token_lifetime_s;
    let claims = json!({
        "aud": account, "azp": client_id, "scope": "msg.consumer", "iss": "Sentinel",
        "iat": now.seconds(), "exp": now.seconds().saturating_add_unsigned(lifetime_s),
    });
    let token = tokens::sign(&face.settings.signing_key, &tokens::app_kid(now), &claims);
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime_s });
    let mut response = answer::json(StatusCode::OK, &body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_genuine(face: &Face, account: &str, id: &str, secret: &str) -> bool {
    let directory = face.engine.directory();
    let Some(tenant) = directory.tenant_by_site(account).filter(|tenant| !tenant.disabled) else {
        return false;
    };
    let Some(credential) = directory.credential(Dialect::LivePerson, id) else {
        return false;
    };
    let same_secret = bool::from(credential.secret_digest.ct_eq(&tokens::digest(secret)));
    same_secret
        && credential.tenant == tenant.id
        && credential.app.is_some()
        && !id.starts_with("admin:")
        && installations::is_enabled(face, credential)
}

fn fields(encoded: &[u8]) -> HashMap<String, String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(encoded).unwrap_or_default();
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn refusal(status: StatusCode, error: &str, description: &str) -> Response {
    answer::json(status, &json!({ "error": error, "error_description": description }))
}
