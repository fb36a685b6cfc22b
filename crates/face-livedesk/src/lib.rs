//! The agent side: LiveDesk's API and the Chatwoot API it descends from, as one set of handlers.
//!
//! `/api/v2/accounts/…` takes the account from a LiveDesk key, `/api/v1/accounts/{account_id}/…` from a Chatwoot
//! token. Handlers translate to one command of the core and back; what a message may say is checked in `create`,
//! everything else is decided by the core. Deviations are listed in `docs/faces/livedesk.md`.

mod assign;
mod attachment;
mod auth;
mod blob;
mod callback;
mod conversation;
mod create;
mod draft;
mod error;
mod event_view;
mod form;
mod input;
mod items;
mod list;
mod once;
mod profile;
mod routes;
mod sender;
mod settings;
mod shown;
mod signed;
mod standing;
mod status;
mod throttle;
mod typing;
mod upload;
mod view;
mod webhook;

use std::sync::Arc;

pub use error::refuse;
pub use settings::Settings;

/// All routes of this face.
pub fn router(engine: engine::Engine, settings: Settings) -> axum::Router {
    routes::all(engine, settings)
}

/// The callbacks of account webhooks and of API inboxes.
pub fn dialect(settings: &Settings) -> Arc<dyn engine::Dialect> {
    Arc::new(callback::Chatwoot::new(settings.signing_key))
}
