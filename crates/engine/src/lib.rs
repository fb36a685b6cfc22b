//! The engine: runs commands in batches, hands messages to channels, delivers callbacks, and answers reads.
//!
//! Actors: the *batcher* is the one place that commits. The *runner* takes send jobs lane by lane through attempts, and
//! fetches the files that persons sent. The *courier* reads the log for every subscription and posts callbacks. The
//! *intake* turns providers' callbacks into commands. The *keeper* forgets what has outlived its use, the *watchdog* ends
//! what lost its job. All of them learn the time, ids and the way out from the [`Parts`] they are given.

mod batcher;
mod breaker;
pub mod buckets;
mod cache;
mod courier;
mod dialect;
mod directory;
mod engine;
mod files;
mod hold;
mod ids;
mod intake;
mod keeper;
mod level;
mod limits;
mod links;
mod log;
mod once;
mod queue;
mod runner;
mod tail;
mod union;
mod watchdog;

pub use courier::{Fate, Found, Replay};
pub use dialect::{Dialect, Facts, Near, Patience, Rendered, Seal, Verdict};
pub use directory::Directory;
pub use engine::{Engine, Failure, Parts, Registered};
pub use ids::Ids;
pub use intake::Rejected;
pub use limits::Limits;
pub use links::{FILES_PATH, FileLinks};
pub use once::{OnceFailure, OnceKey, StoredAnswer};

// What faces need of the core, by one name.
pub use connector_api::{
    Abilities, Callback, Connector, Handshake, HttpOut, HttpRequest, HttpResponse, OutError,
};
pub use domain;
pub use ports::files::Rendering;
pub use ports::store::Page;
