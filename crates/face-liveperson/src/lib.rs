//! The consumer face: LivePerson's Connector API over the engine.
//!
//! Routes stand in `routes`; each handler reads the vendor's words, runs one command and answers in the vendor's
//! words. Webhooks are rendered and signed by the [`dialect`]. Deviations: `docs/faces/liveperson.md`.

mod answer;
mod connector_event;
mod create;
mod csds;
mod dialect;
mod door;
mod envelope;
mod fields;
mod files;
mod idp;
mod installations;
mod login;
mod manifest;
mod once;
mod profile;
mod routes;
mod send;
mod sentinel;
mod settings;
mod throttle;
mod tokens;

use std::sync::Arc;

pub use answer::refuse;
pub use settings::Settings;

/// All routes of this face.
pub fn router(engine: engine::Engine, settings: Settings) -> axum::Router {
    let throttle = throttle::Throttle::new(settings.requests_per_second_max);
    routes::router(Arc::new(Inner { engine, settings, throttle }))
}

/// The webhooks of this face, for the courier. They name files by signed links, so they need the settings too.
pub fn dialect(settings: &Settings) -> Arc<dyn engine::Dialect> {
    Arc::new(dialect::LivePerson::new(settings))
}

/// What every handler needs.
pub(crate) struct Inner {
    pub engine: engine::Engine,
    pub settings: Settings,
    pub throttle: throttle::Throttle,
}

/// Shared by all handlers.
pub(crate) type Face = Arc<Inner>;
