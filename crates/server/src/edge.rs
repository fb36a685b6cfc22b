//! The edge of the one origin: what is refused before a face's route is reached, in the form of the face whose path
//! it is; and how long a body may take and be. It stands before the router and not in it: a layer there costs each
//! request a few allocations.
//!
//! Paths are told apart by their beginnings, which no two faces share. Paths that are nobody's answer in a plain form.
//! While the server stops, reads that wait for something to happen end early: their clients come back elsewhere.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use percent_encoding::percent_decode_str;
use tokio::sync::watch;
use tokio::time::Sleep;

/// Providers post many events at once; larger than this is none of them.
pub const CALLBACK_BYTES_MAX: usize = 3 << 20;
/// A body that is refused for its length is read so far before the answer, or clients would not see the answer.
const DISCARDED_BYTES_MAX: usize = 16 << 20;
/// A read that has no answer so long after the server was told to stop waits for something that may never happen.
const READ_GRACE: Duration = Duration::from_secs(1);

/// Prints a status in one face's error form.
type Refuse = fn(StatusCode) -> Response;

/// Whose paths begin so.
const FACES: &[(&str, &str, Refuse)] = &[
    ("/api/account", "liveperson", face_liveperson::refuse),
    ("/csdr", "liveperson", face_liveperson::refuse),
    ("/sentinel", "liveperson", face_liveperson::refuse),
    ("/v1/AUTH_async-images", "liveperson", face_liveperson::refuse),
    ("/oauth2", "sinch", face_sinch::refuse),
    ("/v1/projects", "sinch", face_sinch::refuse),
    ("/v2/projects", "sinch", face_sinch::refuse),
    ("/batch/v1", "sinch", face_sinch::refuse),
    ("/api/v1", "livedesk", face_livedesk::refuse),
    ("/api/v2", "livedesk", face_livedesk::refuse),
    ("/public/api/v1", "livedesk", face_livedesk::refuse),
    ("/platform/api/v1", "livedesk", face_livedesk::refuse),
    ("/rails/active_storage", "livedesk", face_livedesk::refuse),
    ("/auth", "livedesk", face_livedesk::refuse),
    ("/cable", "livedesk", face_livedesk::refuse),
    ("/trunkline", "trunkline", face_trunkline::refuse),
    ("/callbacks", "provider", plain),
];

fn plain(status: StatusCode) -> Response {
    let words = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "error": { "status": status.as_u16(), "message": words } });
    (status, axum::Json(body)).into_response()
}

/// Name and error form of the face whose path it is.
fn face(path: &str) -> (&'static str, Refuse) {
    let whose = FACES.iter().find(|(beginning, ..)| {
        path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    whose.map_or(("none", plain as Refuse), |(_, name, refuse)| (name, *refuse))
}

/// Bounds of the edge.
pub struct Edge {
    pub body_bytes_max: usize,
    pub body_timeout: Duration,
    /// True once the server stops.
    pub stop: watch::Receiver<bool>,
}

/// Nothing is at this path.
pub async fn nothing(uri: Uri) -> Response {
    face(uri.path()).1(StatusCode::NOT_FOUND)
}

/// All routes, and the edge around them; cheap to clone.
#[derive(Clone)]
pub struct Guarded {
    edge: Arc<Edge>,
    routes: TowerToHyperService<Router>,
}

impl Guarded {
    pub fn new(edge: Edge, routes: Router) -> Guarded {
        Guarded { edge: Arc::new(edge), routes: TowerToHyperService::new(routes) }
    }

    /// Answers a request, whatever it is.
    pub async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path();
        let (name, refuse) = face(path);
        // A path that is no text names nothing, and routes would refuse it in words of their own.
        let is_text = percent_decode_str(path).decode_utf8().is_ok();
        let response = if is_text { self.pass(refuse, request).await } else { refuse(StatusCode::NOT_FOUND) };
        let class = match response.status().as_u16() {
            ..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        metrics::counter!("trunkline_http_requests_total", "face" => name, "status" => class).increment(1);
        response
    }

    async fn routed(&self, request: Request) -> Response {
        let Ok(response) = self.routes.call(request).await;
        response
    }

    async fn pass(&self, refuse: Refuse, request: Request) -> Response {
        let edge = &self.edge;
        if request.method() == Method::GET {
            return tokio::select! {
                response = self.routed(request) => edge.ending(wrong_method(response, refuse)),
                () = edge.stopped() => refuse(StatusCode::SERVICE_UNAVAILABLE),
            };
        }
        let bytes_max = edge.bytes_max(&request);
        if declared(request.headers()).is_some_and(|bytes| bytes > bytes_max as u64) {
            let discard = axum::body::to_bytes(request.into_body(), DISCARDED_BYTES_MAX);
            drop(tokio::time::timeout(edge.body_timeout, discard).await);
            return closing(refuse(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let verdict = Arc::new(OnceLock::new());
        let request = request.map(|body| edge.measured(body, bytes_max, verdict.clone()));
        let response = self.routed(request).await;
        match verdict.get() {
            Some(status) => closing(refuse(*status)),
            None => wrong_method(response, refuse),
        }
    }
}

impl Edge {
    /// Requests with files have limits of their own, which their faces hold.
    fn bytes_max(&self, request: &Request) -> usize {
        let kind = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let path = request.uri().path();
        if kind.starts_with(b"multipart/") || path.starts_with("/v1/AUTH_async-images/") {
            return usize::MAX;
        }
        if path.starts_with("/callbacks/") { CALLBACK_BYTES_MAX } else { self.body_bytes_max }
    }

    fn measured(&self, body: Body, left: usize, verdict: Arc<OnceLock<StatusCode>>) -> Body {
        if body.is_end_stream() {
            return body;
        }
        let until = Box::pin(tokio::time::sleep(self.body_timeout));
        Body::new(Measured { body, left, until, verdict })
    }

    /// A stream of events ends when the server stops; other answers are sent to their end.
    fn ending(&self, response: Response) -> Response {
        let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if !kind.starts_with(b"text/event-stream") {
            return response;
        }
        let mut stop = self.stop.clone();
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(stopped))))
    }

    async fn stopped(&self) {
        let mut stop = self.stop.clone();
        drop(stop.wait_for(|stop| *stop).await);
        tokio::time::sleep(READ_GRACE).await;
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The router's own 405 has no body: it gets the face's, and keeps the list of methods.
fn wrong_method(response: Response, refuse: Refuse) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED || response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    let mut refused = refuse(StatusCode::METHOD_NOT_ALLOWED);
    if let Some(allow) = response.headers().get(ALLOW) {
        refused.headers_mut().insert(ALLOW, allow.clone());
    }
    refused
}

/// A body that ends in an error, and leaves a verdict, when it grows too long or takes too long.
struct Measured {
    body: Body,
    left: usize,
    until: Pin<Box<Sleep>>,
    verdict: Arc<OnceLock<StatusCode>>,
}

impl Measured {
    fn end(&self, status: StatusCode) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // The first reason stands.
        self.verdict.get_or_init(|| status);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other(status.to_string())))))
    }
}

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                match self.left.checked_sub(bytes) {
                    Some(left) => self.left = left,
                    None => return self.end(StatusCode::PAYLOAD_TOO_LARGE),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => {
                ready!(self.until.as_mut().poll(context));
                self.end(StatusCode::REQUEST_TIMEOUT)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::face;

    #[test]
    fn a_path_belongs_to_the_face_whose_beginning_it_has() {
        let whose = |path: &str| face(path).0;
        assert_eq!(whose("/api/account/1/nowhere"), "liveperson");
        assert_eq!(whose("/v1/AUTH_async-images/1/2"), "liveperson");
        assert_eq!(whose("/v1/projects"), "sinch");
        assert_eq!(whose("/api/v1/accounts/1/nowhere"), "livedesk");
        assert_eq!(whose("/trunkline/v1"), "trunkline");
        for nobodys in ["/", "/api", "/api/v11", "/v1/projectsx", "/authority"] {
            assert_eq!(whose(nobodys), "none", "{nobodys}");
        }
    }
}
