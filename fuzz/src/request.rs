//! A request as fuzz input: method and target on the first line, headers, an empty line, the body.
//!
//! Lines end in a bare line feed, so that seeds are easy to read; a body may hold any bytes.

use axum::body::Body;
use axum::http::{Request, Uri};
use bytes::Bytes;

/// The request that the input spells; `None` when HTTP itself would refuse it.
pub fn read(input: &[u8]) -> Option<Request<Bytes>> {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &input[input.len()..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let (method, target) = (first.next()?, first.next()?);
    let uri = Uri::try_from(target).ok().filter(|uri| uri.path().starts_with('/'))?;
    let mut request = Request::builder().method(method).uri(uri);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    request.body(Bytes::copy_from_slice(body)).ok()
}

/// The same with a body that can be sent.
pub fn sendable(request: Request<Bytes>) -> Request<Body> {
    request.map(Body::from)
}
