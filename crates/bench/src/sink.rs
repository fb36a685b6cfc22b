//! The webhook receiver: counts callbacks and answers at once. One that keeps them notes when each came.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::extract::State;
use axum::routing::any;
use bytes::Bytes;

pub struct Sink {
    pub url: String,
    taken: Taken,
}

/// When a callback came, and its body.
pub type Heard = (SystemTime, Bytes);

#[derive(Clone)]
struct Taken {
    count: Arc<AtomicUsize>,
    /// What a callback's body must have in it to count.
    word: &'static str,
    kept: Option<Arc<Mutex<Vec<Heard>>>>,
}

impl Sink {
    /// Opens one that counts the callbacks with this word in their bodies, and all of them for the empty one.
    pub async fn open(word: &'static str) -> anyhow::Result<Sink> {
        Sink::serve(Taken { count: Arc::default(), word, kept: None }).await
    }

    /// Opens one that keeps all callbacks.
    pub async fn keeping() -> anyhow::Result<Sink> {
        Sink::serve(Taken { count: Arc::default(), word: "", kept: Some(Arc::default()) }).await
    }

    async fn serve(taken: Taken) -> anyhow::Result<Sink> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let routes = Router::new().route("/", any(take)).with_state(taken.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Sink { url, taken })
    }

    pub fn count(&self) -> usize {
        self.taken.count.load(Ordering::Relaxed)
    }

    /// What was kept so far.
    pub fn heard(&self) -> Vec<Heard> {
        let kept = self.taken.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.map(|kept| kept.clone()).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with the provider's clock, which is this machine's")]
async fn take(State(taken): State<Taken>, body: Bytes) {
    if let Some(kept) = &taken.kept {
        kept.lock().unwrap_or_else(PoisonError::into_inner).push((SystemTime::now(), body.clone()));
    }
    let word = taken.word.as_bytes();
    if word.is_empty() || body.windows(word.len()).any(|part| part == word) {
        taken.count.fetch_add(1, Ordering::Relaxed);
    }
}
