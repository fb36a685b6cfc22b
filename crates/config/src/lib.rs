//! Configuration: the compiled-in default file, over it the operator's file, over it `TRUNKLINE_SECTION__KEY`.
//!
//! This is the only room that reads the environment. Loading lists all problems at once, in sentences that name the
//! key and where its value came from. `default.toml` is also the reference of every key. What the keys do is the
//! business of the rooms that receive them.

mod check;
mod http_out;
mod limits;
mod livedesk;
mod liveperson;
mod load;
mod log;
mod server;
mod sinch;
mod store;

use serde::{Deserialize, Serialize};

pub use http_out::HttpOut;
pub use limits::Limits;
pub use livedesk::LiveDesk;
pub use liveperson::LivePerson;
pub use load::{load, load_over};
pub use log::Log;
pub use server::Server;
pub use sinch::Sinch;
pub use store::{Store, Sync};

/// The annotated default file, for people who want to start from it.
pub const DEFAULT_FILE: &str = include_str!("../default.toml");

/// Everything that can be set. `Default` is the default file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Listeners and how the server stops.
    pub server: Server,
    /// Where data lies and how durable it is.
    pub store: Store,
    /// The business API.
    pub sinch: Sinch,
    /// The connector API.
    pub liveperson: LivePerson,
    /// The agent API.
    pub livedesk: LiveDesk,
    /// What outbound requests may reach, and for how long.
    pub http_out: HttpOut,
    /// Bounds of queues, caches and bodies.
    pub limits: Limits,
    /// What is logged and how.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        load::defaults()
    }
}
