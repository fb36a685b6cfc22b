//! The only way out, as connectors and callbacks see it: HTTP, and judged addresses for channels that hold a connection
//! of their own. The `http-out` room implements it.
//! Requests and located files may carry credentials, so their `Debug` shows none of them.

use std::net::IpAddr;

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use http::{HeaderMap, Method};

/// One request. URL, headers and body may hold credentials, so its `Debug` shows sizes alone.
#[derive(Clone)]
pub struct HttpRequest {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub timeout_ms: u64,
    /// Longest answer body that is read.
    pub answer_bytes_max: usize,
}

impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
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
    /// An answer came that is longer than [`HttpRequest::answer_bytes_max`].
    TooLong,
}

/// Sends requests.
pub trait HttpOut: Send + Sync {
    /// Sends one request and reads its whole answer.
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>>;

    /// Addresses of a host that may be connected to, at least one. Connect to what is returned: looking the name up
    /// once more would go around the judgement. A way out that knows no names forbids all of them.
    fn addresses(&self, _host: String) -> BoxFuture<'_, Result<Vec<IpAddr>, OutError>> {
        Box::pin(ready(Err(OutError::Forbidden("this way out looks no names up".to_owned()))))
    }
}
