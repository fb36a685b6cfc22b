//! The only way out for HTTP, as connectors and callbacks see it. The `http-out` room implements it.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};

/// One request.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub timeout_ms: u64,
    /// Longest answer body that is read.
    pub answer_bytes_max: usize,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer. What matters is whether the far end may have read the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutError {
    /// The URL is not one we may call; nothing left.
    Forbidden(String),
    /// No connection was made; nothing left.
    NotSent(String),
    /// Bytes may have left and no whole answer came.
    NoAnswer(String),
}

/// Sends requests.
pub trait HttpOut: Send + Sync {
    /// Sends one request and reads its whole answer.
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>>;
}
