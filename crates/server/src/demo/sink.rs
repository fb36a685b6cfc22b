//! The demo's webhook receiver: an ordinary subscriber on loopback that checks every signature by the vendors' own
//! rules and keeps what came in, so that the play can be judged by what was received.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use tokio::sync::watch;

/// Where the business hears.
pub const SINK_PATH: &str = "/trunkline-demo/sinch";
/// Callbacks that are kept: those of the play. The demo goes on serving, and whoever tries it may send many more.
const KEPT_MAX: usize = 1_000;
/// How long the play waits for one callback.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running receiver.
#[derive(Clone)]
pub struct Sink {
    state: Arc<Received>,
    /// Where to post.
    pub url: String,
}

struct Received {
    liveperson_secret: String,
    sinch_secret: String,
    callbacks: Mutex<Vec<Value>>,
    refused: Mutex<Vec<String>>,
    count: watch::Sender<usize>,
}

impl Sink {
    /// Opens a receiver on a free port.
    pub async fn open(liveperson_secret: &str, sinch_secret: &str) -> anyhow::Result<Sink> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Received {
            liveperson_secret: liveperson_secret.to_owned(),
            sinch_secret: sinch_secret.to_owned(),
            callbacks: Mutex::default(),
            refused: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let routes = Router::new()
            .route("/liveperson", post(liveperson))
            .route(SINK_PATH, post(sinch))
            .with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Sink { state, url })
    }

    /// Waits for a callback that was received and whose signature was right.
    pub async fn wait(&self, what: &str, matches: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let mut count = self.state.count.subscribe();
        let search = async {
            loop {
                count.borrow_and_update();
                if let Some(found) = self.find(&matches) {
                    return found;
                }
                if count.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.with_context(|| format!("no callback came: {what}{}", self.complaint()))
    }

    fn find(&self, matches: impl Fn(&Value) -> bool) -> Option<Value> {
        let callbacks = self.state.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        callbacks.iter().find(|callback| matches(callback)).cloned()
    }

    /// Whether no callback received so far matches.
    pub fn has_none(&self, matches: impl Fn(&Value) -> bool) -> bool {
        self.find(matches).is_none()
    }

    /// How many callbacks came with a right signature.
    pub fn count(&self) -> usize {
        self.state.callbacks.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What was refused, as half a sentence; empty when nothing was.
    pub fn complaint(&self) -> String {
        let refused = self.state.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.first().map_or(String::new(), |first| format!(" ({} refused, first: {first})", refused.len()))
    }
}

impl Received {
    fn keep(&self, genuine: bool, face: &str, body: &[u8]) -> StatusCode {
        let parsed = serde_json::from_slice::<Value>(body);
        let Some(parsed) = parsed.ok().filter(|_| genuine) else {
            let shown = format!("{face}: {}", String::from_utf8_lossy(body));
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.len() < KEPT_MAX {
                refused.push(shown);
            }
            return StatusCode::FORBIDDEN;
        };
        let mut callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        if callbacks.len() < KEPT_MAX {
            callbacks.push(parsed);
        }
        self.count.send_replace(callbacks.len());
        StatusCode::OK
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn liveperson(State(state): State<Arc<Received>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let given = header(&headers, "x-liveperson-signature").strip_prefix("sha1=").unwrap_or_default();
    let genuine = STANDARD.decode(given).is_ok_and(|given| {
        let mac = Hmac::<Sha1>::new_from_slice(state.liveperson_secret.as_bytes());
        mac.is_ok_and(|mac| mac.chain_update(&body).verify_slice(&given).is_ok())
    });
    state.keep(genuine, "liveperson", &body)
}

async fn sinch(State(state): State<Arc<Received>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let nonce = header(&headers, "x-sinch-webhook-signature-nonce");
    let timestamp = header(&headers, "x-sinch-webhook-signature-timestamp");
    let given = STANDARD.decode(header(&headers, "x-sinch-webhook-signature"));
    let genuine = given.is_ok_and(|given| {
        let mac = Hmac::<Sha256>::new_from_slice(state.sinch_secret.as_bytes());
        let tail = format!(".{nonce}.{timestamp}");
        mac.is_ok_and(|mac| mac.chain_update(&body).chain_update(tail).verify_slice(&given).is_ok())
    });
    state.keep(genuine, "sinch", &body)
}
