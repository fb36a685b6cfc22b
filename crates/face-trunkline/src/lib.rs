//! The face of our own: timelines, messages and the event log, for operators and programs that speak no vendor's words.
//!
//! Everything here reads; nothing changes. A bearer key names one tenant, and no id of another tenant answers anything
//! but "does not exist". The paths are described by `GET /trunkline/v1/openapi.json`, which `openapi.rs` holds.

mod auth;
mod callbacks;
mod cursor;
mod error;
mod events;
mod files;
mod messages;
mod openapi;
mod print;
mod subscriptions;
mod timeline;

use axum::Router;
use axum::routing::{any, get};
use engine::{Engine, FILES_PATH};

use crate::error::Refusal;
pub use crate::error::refuse;

/// The routes of this face, all under `/trunkline`.
pub fn router(engine: Engine) -> Router {
    Router::new()
        .route("/trunkline/v1/messages/{id}", get(messages::read))
        .route("/trunkline/v1/messages/{id}/timeline", get(timeline::read))
        .route("/trunkline/v1/events", get(events::list))
        .route("/trunkline/v1/subscriptions", get(subscriptions::list))
        .route("/trunkline/v1/subscriptions/{id}/events", get(subscriptions::events))
        .route(&format!("{FILES_PATH}/{{tenant}}/{{file}}"), get(files::read))
        .route("/trunkline/v1/openapi.json", get(openapi::read))
        .method_not_allowed_fallback(|| async { Refusal::WrongMethod })
        .route("/trunkline/{*rest}", any(|| async { Refusal::NoSuchPath }))
        .with_state(engine)
}
