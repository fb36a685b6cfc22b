//! The ceiling: a bare axum server that parses the same body and answers as many bytes, and keeps nothing.

use axum::Router;
use axum::extract::Json;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

/// As much of the body as a server would look at.
#[derive(Deserialize)]
struct Send {
    app_id: String,
    recipient: Value,
    message: Value,
}

/// Serves on a free port, which is printed, until killed.
pub async fn serve() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    crate::print(&listener.local_addr()?.to_string());
    Ok(axum::serve(listener, Router::new().route("/send", post(send))).await?)
}

async fn send(Json(body): Json<Send>) -> Json<Value> {
    let known =
        body.app_id.len() + body.recipient.to_string().len().min(1) + body.message.to_string().len().min(1);
    let id = format!("01JMSG00000000000000000{known:03}");
    Json(json!({"message_id": id, "accepted_time": "2026-01-01T00:00:00.000Z"}))
}
