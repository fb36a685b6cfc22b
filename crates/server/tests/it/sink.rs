//! A webhook receiver that outlives the killed server and keeps, per message, the statuses in order of first sight.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use serde_json::Value;

type Seen = Arc<Mutex<HashMap<String, Vec<String>>>>;

pub struct Sink {
    pub url: String,
    seen: Seen,
}

impl Sink {
    pub async fn open() -> Sink {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Seen::default();
        let routes = Router::new().route("/", post(take)).with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Sink { url, seen }
    }

    /// The statuses reported of a message, each once, in order of first sight.
    pub fn statuses(&self, message: &str) -> Vec<String> {
        self.seen.lock().unwrap().get(message).cloned().unwrap_or_default()
    }
}

async fn take(State(seen): State<Seen>, body: Bytes) {
    let callback: Value = serde_json::from_slice(&body).unwrap();
    let report = &callback["message_delivery_report"];
    let text = |name: &str| report[name].as_str().unwrap().to_owned();
    let mut seen = seen.lock().unwrap();
    let statuses = seen.entry(text("message_id")).or_default();
    if !statuses.contains(&text("status")) {
        statuses.push(text("status"));
    }
}
