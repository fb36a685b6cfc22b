//! Requests of the business face.
//!
//! Beside what every face promises: a message that was taken reads back, and sent again as it reads, it is taken and
//! reads the same.
#![no_main]

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use fuzz::face::{Face, serve};
use fuzz::rows;
use fuzz::world::{Answer, World, post};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| serve(&FACE, input));

const FACE: Face = Face { paths: &["/v1/projects", "/oauth2"], refuses, holds };

fn refuses(answer: &Answer) -> bool {
    let body = answer.json();
    let error = &body["error"];
    // The token's own errors follow RFC 6749.
    let of_token = error.is_string() && body["error_description"].is_string();
    let own = error["code"] == answer.status.as_u16()
        && error["message"].is_string()
        && error["status"].is_string()
        && error["details"].is_array();
    of_token || own
}

fn holds(world: &World, request: &Request<Bytes>, answer: &Answer) {
    let sends = request.method() == Method::POST && request.uri().path().ends_with("send");
    let Some(id) = answer.json()["message_id"].as_str().map(str::to_owned).filter(|_| sends) else { return };
    let Some(once) = app_message(world, &id) else { return };
    // Half a surrogate is let pass where it is neither read nor kept.
    let Ok(mut again) = serde_json::from_slice::<Value>(request.body()) else { return };
    again["message"] = once.clone();
    let target = format!("/v1/projects/{}/messages:send", rows::project());
    let answer = world.call(post(&target, &again));
    assert_eq!(answer.status, StatusCode::OK, "{again}: {answer:?}");
    let id = answer.json()["message_id"].as_str().map(str::to_owned).expect("an id");
    let twice = app_message(world, &id);
    assert_eq!(twice.as_ref(), Some(&once), "sent again as it reads: {again}");
}

/// The message as it reads; `None` when it is not kept, as in dispatch mode.
fn app_message(world: &World, id: &str) -> Option<Value> {
    let read = Request::get(format!("/v1/projects/{}/messages/{id}", rows::project()));
    let answer = world.call(read.body(Body::empty()).expect("a path"));
    if answer.status == StatusCode::NOT_FOUND {
        return None;
    }
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["id"], json!(id));
    Some(body["app_message"].clone())
}
