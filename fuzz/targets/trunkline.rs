//! Requests of our own face: ids, cursors, numbers in queries, file links.
//!
//! Beside what every face promises: the cursor of an answer reads on from there.
#![no_main]

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use fuzz::face::{Face, serve};
use fuzz::world::{Answer, World};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| serve(&FACE, input));

const FACE: Face = Face { paths: &["/trunkline"], refuses, holds };

fn refuses(answer: &Answer) -> bool {
    let error = &answer.json()["error"];
    ["code", "message", "hint"].iter().all(|member| error[*member].is_string())
}

fn holds(world: &World, request: &Request<Bytes>, answer: &Answer) {
    let page = answer.json();
    let Some(next) = page["next"].as_str().filter(|_| request.uri().path() == "/trunkline/v1/events") else {
        return;
    };
    let on = Request::get(format!("/trunkline/v1/events?after={next}")).body(Body::empty()).expect("a path");
    let on = world.call(on);
    assert_eq!(on.status, StatusCode::OK, "{on:?}");
    let repeated = on.json()["events"].as_array().into_iter().flatten().any(|event| {
        page["events"].as_array().into_iter().flatten().any(|before| before["cursor"] == event["cursor"])
    });
    assert!(!repeated, "{page} and then {on:?}");
}
