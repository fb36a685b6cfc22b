//! Errors in Graph form: `{"error": {message, type, code, error_subcode, error_data, fbtrace_id}}`.
//! Codes: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>.

use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::http::json as answer;
use crate::world::World;

#[derive(Debug)]
pub(super) struct GraphError {
    status: StatusCode,
    kind: &'static str,
    pub code: u32,
    subcode: Option<u32>,
    message: String,
    details: String,
    transient: bool,
}

impl GraphError {
    fn new(status: StatusCode, code: u32, message: &str, details: impl Into<String>) -> Self {
        let subcode = (code >= 130_000).then_some(2_494_010);
        let message = format!("(#{code}) {message}");
        let details = details.into();
        Self { status, kind: "OAuthException", code, subcode, message, details, transient: false }
    }

    pub(super) fn respond(&self, world: &World) -> Response {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "error_data": { "messaging_product": "whatsapp", "details": self.details },
            "is_transient": self.transient,
            "fbtrace_id": format!("A{:x}", world.next_id()),
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        let mut response = answer(self.status, &json!({ "error": error }));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The `errors` of a failed status.
pub(super) fn in_status(code: u32, title: &str, details: &str) -> Value {
    json!([{
        "code": code,
        "title": title,
        "message": title,
        "error_data": { "details": details },
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }])
}

/// A parameter that is not what the contract says.
pub(super) fn invalid(details: impl Into<String>) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, 100, "Invalid parameter", details)
}

pub(super) fn missing(details: impl Into<String>) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, 131_008, "Required parameter is missing", details)
}

pub(super) fn bad_value(details: impl Into<String>) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, 131_009, "Parameter value is not valid", details)
}

pub(super) fn not_reachable() -> GraphError {
    let details = "Message Undeliverable.";
    GraphError::new(StatusCode::BAD_REQUEST, 131_026, "Message undeliverable", details)
}

pub(super) fn unavailable() -> GraphError {
    let details = "The service is temporarily unavailable. Please try again later.";
    let error = GraphError::new(StatusCode::SERVICE_UNAVAILABLE, 131_016, "Service unavailable", details);
    GraphError { transient: true, ..error }
}

pub(super) fn throttled() -> GraphError {
    let details = "Cloud API message throughput has been reached.";
    let error = GraphError::new(StatusCode::TOO_MANY_REQUESTS, 130_429, "Rate limit hit", details);
    GraphError { transient: true, ..error }
}

pub(super) fn no_token() -> GraphError {
    let details = "An access token is required to request this resource.";
    GraphError::new(StatusCode::UNAUTHORIZED, 104, "An access token is required", details)
}

pub(super) fn bad_token() -> GraphError {
    let message = "Invalid OAuth access token - Cannot parse access token";
    GraphError {
        message: message.to_owned(),
        ..GraphError::new(StatusCode::UNAUTHORIZED, 190, message, message)
    }
}

pub(super) fn unknown_object(id: &str) -> GraphError {
    let message = format!(
        "Unsupported post request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
         permissions, or does not support this operation"
    );
    GraphError {
        kind: "GraphMethodException",
        subcode: Some(33),
        message: message.clone(),
        ..GraphError::new(StatusCode::BAD_REQUEST, 100, "", message)
    }
}
