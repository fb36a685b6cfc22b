//! Plain HTTP for the demo's play: what any client would send, through the same door that everybody leaves by.

use std::sync::LazyLock;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connector_api::{HttpOut as _, HttpRequest};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use http_out::{Client, Limits, Policy};
use serde_json::Value;

/// Longest answer read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Time for one call.
const TIMEOUT_MS: u64 = 10_000;

static CLIENT: LazyLock<Client> =
    LazyLock::new(|| Client::new(Policy { allow: Vec::new(), allow_loopback: true }, Limits::default()));

/// One request being put together.
pub struct Call {
    request: HttpRequest,
}

impl Call {
    pub fn new(method: Method, url: &str) -> Call {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let url = url.to_owned();
        let (timeout_ms, answer_bytes_max) = (TIMEOUT_MS, ANSWER_BYTES_MAX);
        Call { request: HttpRequest { method, url, headers, body, timeout_ms, answer_bytes_max } }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Call {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.request.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub fn basic(self, user: &str, password: &str) -> Call {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        self.header(AUTHORIZATION_NAME, &format!("Basic {encoded}"))
    }

    pub fn bearer(self, token: &str) -> Call {
        self.header(AUTHORIZATION_NAME, &format!("Bearer {token}"))
    }

    pub fn json(mut self, body: &Value) -> Call {
        self.request.body = Bytes::from(body.to_string());
        self.request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Call {
        self.request.body = Bytes::from(body);
        self.header("content-type", content_type)
    }

    /// Sends; anything but 2xx is an error that shows the answer.
    pub async fn send(self) -> anyhow::Result<Value> {
        let what = format!("{} {}", self.request.method, self.request.url);
        let answer = CLIENT.call(self.request).await.map_err(|error| anyhow::anyhow!("{what}: {error:?}"))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if !(200..300).contains(&answer.status) {
            bail!("{what} answered {}: {text}", answer.status);
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{what} answered no JSON: {text}"))
    }

    /// Sends and returns the bytes and the content type of a 2xx answer.
    pub async fn bytes(self) -> anyhow::Result<(Bytes, String)> {
        let what = format!("{} {}", self.request.method, self.request.url);
        let answer = CLIENT.call(self.request).await.map_err(|error| anyhow::anyhow!("{what}: {error:?}"))?;
        if answer.status == 302 {
            let target =
                answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
            return Box::pin(Call::new(Method::GET, target).bytes()).await;
        }
        if !(200..300).contains(&answer.status) {
            bail!("{what} answered {}", answer.status);
        }
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok((answer.body, kind.to_owned()))
    }
}

const AUTHORIZATION_NAME: &str = "authorization";

pub async fn get_json(url: &str) -> anyhow::Result<Value> {
    Call::new(Method::GET, url).send().await
}

pub async fn put_json(url: &str, body: &Value) -> anyhow::Result<Value> {
    Call::new(Method::PUT, url).json(body).send().await
}
