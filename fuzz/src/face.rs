//! What every face promises about any request: an answer, no failure of ours, refusals in the face's own form.

use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::request;
use crate::world::{self, Answer, World};

/// One face.
pub struct Face {
    /// How its paths begin.
    pub paths: &'static [&'static str],
    /// Whether an answer with this status refuses in the face's form.
    pub refuses: fn(&Answer) -> bool,
    /// What else holds of a request that was answered.
    pub holds: fn(&World, &Request<Bytes>, &Answer),
}

/// Asks what the input spells, if it is for this face.
pub fn serve(face: &Face, input: &[u8]) {
    world::with(|world| {
        let Some(request) = request::read(&world.named(input)) else { return };
        let asked = request.uri().path();
        // A path that is no text is refused at the server's edge.
        let is_text = percent_decode_str(asked).decode_utf8().is_ok();
        if !is_text || !face.paths.iter().any(|path| asked.starts_with(path)) {
            return;
        }
        let answer = world.call(request::sendable(request.clone()));
        check(face, &request, &answer);
        (face.holds)(world, &request, &answer);
    });
}

fn check(face: &Face, request: &Request<Bytes>, answer: &Answer) {
    let status = answer.status;
    // Known to a vendor and not offered here is no failure.
    let failed = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    assert!(!failed, "{request:?}: {answer:?}");
    // The server's edge speaks for paths and methods that no route has.
    let unrouted =
        matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) && answer.bytes.is_empty();
    if status.as_u16() >= 400 && !unrouted {
        assert!((face.refuses)(answer), "refused in another form: {request:?}: {answer:?}");
    }
    let kind = answer.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    if kind.starts_with(b"application/json") && !answer.bytes.is_empty() {
        let read: Result<Value, _> = serde_json::from_slice(&answer.bytes);
        assert!(read.is_ok(), "no JSON, though it says so: {request:?}: {answer:?}");
    }
}
