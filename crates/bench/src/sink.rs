//! The webhook receiver: counts callbacks and answers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::post;

pub struct Sink {
    pub url: String,
    count: Arc<AtomicUsize>,
}

impl Sink {
    pub async fn open() -> anyhow::Result<Sink> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let count = Arc::new(AtomicUsize::new(0));
        let routes = Router::new().route("/", post(take)).with_state(count.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Sink { url, count })
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

async fn take(State(count): State<Arc<AtomicUsize>>) {
    count.fetch_add(1, Ordering::Relaxed);
}
