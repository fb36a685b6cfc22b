//! The business face: the Sinch Conversation API, version 1, wire for wire.
//!
//! Routes, wire types, authentication, the error envelope, and callbacks with their signature. It translates into
//! commands of the core and back; it decides nothing. Routes and deviations are listed in `docs/faces/sinch.md`.

mod apps;
mod callbacks;
mod channels;
mod contacts;
mod conversations;
mod error;
mod gate;
mod json;
mod messages;
mod page;
mod print;
mod print_content;
mod routes;
mod token;
mod webhooks;
mod webhooks_wire;

pub use callbacks::{Sinch, dialect, hidden_subscription, is_hidden};
pub use error::refuse;
pub use messages::merge::merge_patch;
pub use routes::router;

/// What the face needs to know beside the engine.
#[derive(Clone)]
pub struct Settings {
    /// How long an access token lives, in seconds.
    pub token_lifetime_s: u64,
    /// Signs access tokens; the same on every node. Secret.
    pub signing_key: [u8; 32],
    pub rates: Rates,
}

/// How much a second holds; 0 is no limit. Beyond it requests and sends are refused with 429.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Requests of one project.
    pub requests_per_second: u32,
    /// Messages that one app sends.
    pub sends_per_second_per_app: u32,
    /// Callbacks to one app; those beyond wait.
    pub callbacks_per_second_per_app: u32,
}

impl Settings {
    /// Settings with the vendor's defaults, without its rates.
    pub fn new(signing_key: [u8; 32]) -> Settings {
        Settings { token_lifetime_s: 3600, signing_key, rates: Rates::default() }
    }
}

impl Rates {
    /// What the vendor publishes.
    pub const VENDOR: Rates =
        Rates { requests_per_second: 800, sends_per_second_per_app: 20, callbacks_per_second_per_app: 25 };
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("token_lifetime_s", &self.token_lifetime_s).finish_non_exhaustive()
    }
}
