//! The contract between the core and a channel: abilities, authenticated callbacks, sending, and the way out.
//!
//! A connector is protocol knowledge only. Retry, throttling, time-outs and tracing wrap it from outside; it never
//! sees storage, a face or another channel.

pub mod abilities;
pub mod callback;
pub mod connector;
pub mod http_out;
pub mod inbound;
pub mod session;

pub use abilities::Abilities;
pub use callback::{Callback, Forged, Genuine, same_secret};
pub use connector::{Connector, Handshake, Line, Located, Outbound, SendError, Unreadable};
pub use http_out::{HttpOut, HttpRequest, HttpResponse, OutError};
pub use inbound::Inbound;
pub use session::{Intake, Session};
