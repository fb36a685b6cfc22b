//! A running sandbox, an HTTP client, and a receiver of webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sandbox::{Delays, Running, Sandbox, Settings};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

pub const WAIT: Duration = Duration::from_secs(5);
/// Long enough for everything that is due to have come.
pub const QUIET: Duration = Duration::from_millis(250);

pub struct Bench {
    pub running: Running,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("a JSON answer")
    }
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(Settings { delays: quick(), ..Settings::default() }).await
    }

    #[expect(clippy::disallowed_methods, reason = "the tests play a server of their own, on loopback only")]
    pub async fn with(settings: Settings) -> Self {
        let running = Sandbox::start(settings).await.expect("start");
        Self { running, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// `None` when the connection closed without an answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.running.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("request");
        let (parts, body) = self.client.request(request).await.ok()?.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        Some(Answer { status: parts.status, headers: parts.headers, bytes })
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.call(method, path, &[("content-type", "application/json")], &body.to_string())
            .await
            .expect("answer")
    }

    pub async fn account(&self, channel: &str, account: &str, properties: Value) {
        let answer = self.send(Method::PUT, &format!("/accounts/{channel}/{account}"), &properties).await;
        assert_eq!(answer.status, 200);
    }

    pub async fn get(&self, path: &str) -> Vec<Value> {
        let answer = self.call(Method::GET, path, &[], "").await.expect("answer");
        answer.json().as_array().expect("an array").clone()
    }

    pub async fn ledger_of(&self, recipient: &str) -> Vec<Value> {
        let rows = self.get("/ledger?after=0").await;
        rows.into_iter().filter(|row| row["recipient"] == recipient).collect()
    }

    pub async fn row(&self, recipient: &str) -> Value {
        for _ in 0..500 {
            if let Some(row) = self.ledger_of(recipient).await.pop() {
                return row;
            }
            tokio::task::yield_now().await;
        }
        panic!("no ledger row for {recipient}");
    }

    pub async fn says(&self, channel: &str, identity: &str, message: Value) -> Value {
        let path = format!("/handsets/{channel}/{identity}/messages");
        let answer = self.send(Method::POST, &path, &message).await;
        assert_eq!(answer.status, 200, "{:?}", answer.bytes);
        answer.json()
    }

    pub async fn phone(&self, channel: &str, identity: &str) -> Vec<String> {
        let bubbles = self.get(&format!("/handsets/{channel}/{identity}")).await;
        bubbles.iter().map(|bubble| bubble["text"].as_str().expect("text").to_owned()).collect()
    }
}

pub fn quick() -> Delays {
    Delays {
        delivered_after: Duration::from_millis(5),
        read_after: Duration::from_millis(10),
        slow_answer: Duration::from_millis(150),
        callback_pause_min: Duration::from_millis(5),
        ..Delays::default()
    }
}

pub struct Hook {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Hook {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON callback")
    }
}

/// Takes webhooks after refusing the first few.
pub struct Receiver {
    pub url: String,
    pub hooks: mpsc::Receiver<Hook>,
}

type Door = (mpsc::Sender<Hook>, Arc<AtomicUsize>);

impl Receiver {
    pub async fn start(refusals: usize) -> Self {
        let (sender, hooks) = mpsc::channel(1000);
        let door: Door = (sender, Arc::new(AtomicUsize::new(refusals)));
        let router = Router::new().route("/hook", post(take)).with_state(door);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}/hook", listener.local_addr().expect("address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, hooks }
    }

    pub async fn next(&mut self) -> Hook {
        timeout(WAIT, self.hooks.recv()).await.expect("a callback in time").expect("open")
    }

    pub async fn quiet(&mut self) -> bool {
        timeout(QUIET, self.hooks.recv()).await.is_err()
    }
}

async fn take(State((sender, refusals)): State<Door>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let left = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    sender.send(Hook { headers, body }).await.expect("receiver");
    StatusCode::OK
}

pub fn is_hung<T>(result: &Result<T, tokio::time::error::Elapsed>) -> bool {
    result.is_err()
}

pub fn text_message(to: &str, text: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": text },
        "biz_opaque_callback_data": "ours-1" })
}
