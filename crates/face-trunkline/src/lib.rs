//! The face of our own: timelines, messages, the event log and what becomes of callbacks, for operators and programs
//! that speak no vendor's words.
//!
//! Messages are only read here; subscriptions can be changed. A bearer key names one tenant, and no id of another tenant answers anything
//! but "does not exist". The paths are described by `GET /trunkline/v1/openapi.json`, which `openapi.rs` holds.

mod auth;
mod callbacks;
mod cursor;
mod dialect;
mod error;
mod events;
mod files;
mod manage;
mod messages;
mod once;
mod openapi;
mod print;
mod subscriptions;
mod timeline;

use axum::Router;
use axum::routing::{any, get, patch, post};
use engine::{Dialect, Engine, FILES_PATH};
use std::sync::Arc;

use crate::error::Refusal;
pub use crate::error::refuse;

/// The callbacks of this face.
pub fn dialect() -> Arc<dyn Dialect> {
    Arc::new(dialect::Trunkline)
}

/// The routes of this face, all under `/trunkline`.
pub fn router(engine: Engine) -> Router {
    Router::new()
        .route("/trunkline/v1/messages/{id}", get(messages::read))
        .route("/trunkline/v1/messages/{id}/timeline", get(timeline::read))
        .route("/trunkline/v1/events", get(events::list))
        .route("/trunkline/v1/subscriptions", get(subscriptions::list).post(manage::create))
        .route(
            "/trunkline/v1/subscriptions/{id}",
            get(subscriptions::read).merge(patch(manage::change).delete(manage::delete)),
        )
        .route("/trunkline/v1/subscriptions/{id}/events", get(subscriptions::events))
        .route("/trunkline/v1/subscriptions/{id}/callbacks", get(callbacks::list))
        .route("/trunkline/v1/subscriptions/{id}/replay", post(manage::replay))
        .route("/trunkline/v1/subscriptions/{id}/secret", post(manage::replace_secret))
        .route(&format!("{FILES_PATH}/{{tenant}}/{{file}}"), get(files::read))
        .route("/trunkline/v1/openapi.json", get(openapi::read))
        .method_not_allowed_fallback(|| async { Refusal::WrongMethod })
        .route("/trunkline/{*rest}", any(|| async { Refusal::NoSuchPath }))
        .with_state(engine)
}
