//! The channels: one folder each, speaking its provider's protocol and nothing else; `dialects` for protocols that
//! several share; the registry with one line per channel.
//!
//! A channel never sees another one, storage or a face. Retry, throttling and tracing wrap it from outside.

mod dialects;
mod hand_over;
pub mod registry;
mod sms;
mod telegram;
#[cfg(test)]
mod testing;
mod whatsapp_cloud;

/// What the fuzz targets drive beside the registry: the protocol, and a receiving side without a session.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use dialects::smpp;
pub use registry::{Registered, all};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use sms::receiver;
