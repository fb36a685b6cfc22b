//! Requests of the agent face: JSON, forms and multipart bodies.
//!
//! Beside what every face promises: a message that was made is listed, and reads there as in the answer.
#![no_main]

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use fuzz::face::{Face, serve};
use fuzz::world::{Answer, World};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| serve(&FACE, input));

const FACE: Face = Face { paths: &["/api/v1", "/api/v2", "/rails"], refuses, holds };

fn refuses(answer: &Answer) -> bool {
    let body = answer.json();
    body["error"].is_string() || body["errors"].is_array() || body["message"].is_string()
}

fn holds(world: &World, request: &Request<Bytes>, answer: &Answer) {
    let path = request.uri().path().trim_end_matches('/').trim_end_matches(".json");
    let made = answer.json();
    let creates =
        request.method() == Method::POST && path.ends_with("/messages") && answer.status == StatusCode::OK;
    let Some(id) = made["id"].as_u64().filter(|_| creates) else { return };
    let list = Request::get(format!("{path}?before={}", id + 1)).body(Body::empty()).expect("a path");
    let list = world.call(list);
    assert_eq!(list.status, StatusCode::OK, "{list:?}");
    let list = list.json();
    let listed = list["payload"].as_array().into_iter().flatten().find(|one| one["id"] == id);
    let listed = listed.unwrap_or_else(|| panic!("{made} is not in {list}"));
    for member in ["content", "content_type", "content_attributes", "private", "message_type", "attachments"]
    {
        assert_eq!(listed[member], made[member], "{member}: {listed}");
    }
}
