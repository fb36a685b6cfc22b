//! `GET /api/account/{account}/service[/{service}]/baseURI.json?version=1.0`: where each service is reached.
//! No authentication; also served on plain HTTP. All services are this one origin.

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::{Face, answer};

/// The services that are served.
const SERVICES: [&str; 7] =
    ["asyncMessagingEnt", "sentinel", "idp", "swift", "accountConfigReadWrite", "agentVep", "msgHist"];

/// The whole list.
pub async fn all(
    State(face): State<Face>,
    Path(account): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if face.engine.directory().tenant_by_site(&account).is_none_or(|tenant| tenant.disabled) {
        return unknown_account();
    }
    let authority = authority(&face, &headers, &uri);
    answer::json(StatusCode::OK, &json!({ "baseURIs": rows(&account, &authority) }))
}

/// One service.
pub async fn one(
    State(face): State<Face>,
    Path((account, service)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if face.engine.directory().tenant_by_site(&account).is_none_or(|tenant| tenant.disabled) {
        return unknown_account();
    }
    if !SERVICES.contains(&service.as_str()) {
        return refusal(StatusCode::NOT_FOUND, "Service not found");
    }
    answer::json(StatusCode::OK, &row(&account, &service, &authority(&face, &headers, &uri)))
}

/// The rows of all services.
pub fn rows(account: &str, authority: &str) -> Vec<Value> {
    SERVICES.iter().map(|service| row(account, service, authority)).collect()
}

/// The configured public authority, else the request's own host.
pub fn authority(face: &Face, headers: &HeaderMap, uri: &Uri) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = host.or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost");
    face.settings.public_authority.clone().unwrap_or_else(|| own.to_owned())
}

fn row(account: &str, service: &str, authority: &str) -> Value {
    json!({ "service": service, "account": account, "baseURI": authority })
}

fn unknown_account() -> Response {
    refusal(StatusCode::UNAUTHORIZED, "Unknown account")
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let error = json!({ "statusCode": status.as_u16(), "internalCode": 9, "message": message });
    answer::json(status, &json!({ "error": error }))
}
