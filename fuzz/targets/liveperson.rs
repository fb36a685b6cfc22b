//! Requests of the consumer face.
//!
//! Beside what every face promises: an answer has one element for each element of the request, with its id.
#![no_main]

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use fuzz::face::{Face, serve};
use fuzz::world::{Answer, World};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| serve(&FACE, input));

const FACE: Face =
    Face { paths: &["/api/account", "/csdr", "/sentinel", "/v1/AUTH_async-images"], refuses, holds };

fn refuses(answer: &Answer) -> bool {
    let element =
        |body: &Value| body["code"].is_string() && body["body"].is_object() && body.get("reqId").is_some();
    let body = answer.json();
    let of_tokens = body["type"] == ".ReqBody$ErrorResp" && body["body"]["errorCode"].is_number();
    let of_services = body["error"].is_object() || body["error"].is_string() || body["message"].is_string();
    let of_batch = body.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(element));
    // The object store speaks no JSON.
    let of_files = answer.bytes.starts_with(b"Temp URL") || answer.status == StatusCode::PAYLOAD_TOO_LARGE;
    of_tokens || of_services || of_batch || of_files || element(&body)
}

fn holds(_world: &World, request: &Request<Bytes>, answer: &Answer) {
    if !request.uri().path().contains("/messaging/consumer/conversation") {
        return;
    }
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    match (asked.as_array(), answer.json().as_array()) {
        (Some(asked), Some(answered)) => {
            assert_eq!(asked.len(), answered.len(), "{request:?}: {answer:?}");
            asked.iter().zip(answered).for_each(|(asked, answered)| same_id(asked, answered));
        }
        (None, None) if answer.json()["code"].is_string() => same_id(&asked, &answer.json()),
        _ => assert!(answer.status.is_client_error(), "{request:?}: {answer:?}"),
    }
}

fn same_id(asked: &Value, answered: &Value) {
    let id = match asked.get("id") {
        Some(Value::String(id)) => Value::String(id.clone()),
        Some(Value::Number(id)) => Value::String(id.to_string()),
        _ => Value::Null,
    };
    assert_eq!(answered["reqId"], id, "{asked}: {answered}");
}
