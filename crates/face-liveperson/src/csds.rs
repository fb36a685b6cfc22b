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

/// The configured public authority, else the request's own host, with the TLS port where there is one.
pub fn authority(face: &Face, headers: &HeaderMap, uri: &Uri) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = host.or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost");
    match (&face.settings.public_authority, face.settings.tls_port) {
        (Some(authority), _) => authority.clone(),
        (None, Some(port)) => format!("{}:{port}", without_port(own)),
        (None, None) => own.to_owned(),
    }
}

/// A host as it stands in an authority: an IPv6 address keeps its brackets.
fn without_port(authority: &str) -> &str {
    let host_ends = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    authority[host_ends..].find(':').map_or(authority, |colon| &authority[..host_ends + colon])
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

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn a_host_loses_its_port_and_nothing_else() {
        for (authority, host) in [
            ("talk.example", "talk.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(without_port(authority), host);
        }
    }
}
