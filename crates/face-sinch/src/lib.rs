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

pub use callbacks::{Sinch, dialect, hidden_subscription};
pub use messages::merge::merge_patch;
pub use routes::router;

/// What the face needs to know beside the engine.
#[derive(Clone)]
pub struct Settings {
    /// How long an access token lives, in seconds.
    pub token_lifetime_s: u64,
    /// Signs access tokens; the same on every node. Secret.
    pub signing_key: [u8; 32],
}

impl Settings {
    /// Settings with the vendor's defaults.
    pub fn new(signing_key: [u8; 32]) -> Settings {
        Settings { token_lifetime_s: 3600, signing_key }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("token_lifetime_s", &self.token_lifetime_s).finish_non_exhaustive()
    }
}
