//! Channels by name, and addresses on them.
//!
//! The core treats a channel as an opaque name: what a channel can do is data of its connector. Only the two
//! channels that are our own faces have names here, because the core routes to them itself.

use std::sync::Arc;

use crate::app::UnknownPolicy;

/// What a delivery must know of a channel: taken from its abilities, and from its state, by whoever runs the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// For an attempt whose outcome stays unknown, where the app says nothing.
    pub unknown: UnknownPolicy,
    /// The provider reports when a message reached the person.
    pub reports_delivered: bool,
    /// The message was kept from the channel for as long as the app is patient with it: no further try is waited for.
    pub patience_over: bool,
}

/// A channel's upper-case name, as the registry spells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(Arc<str>);

impl Channel {
    /// The consumer is reached through a connector installation's webhook.
    pub const CONNECTOR: &'static str = "CONNECTOR";
    /// The consumer is reached through an API inbox's webhook.
    pub const API: &'static str = "API";

    /// A channel of that name.
    pub fn new(name: &str) -> Channel {
        Channel(Arc::from(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the provider behind this channel is the webhook of one of our own faces.
    pub fn is_face(&self) -> bool {
        matches!(&*self.0, Self::CONNECTOR | Self::API)
    }
}

/// An address on one channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub channel: Channel,
    /// As the channel writes it, normalized by its connector (phone numbers: digits without `+`).
    pub address: Arc<str>,
}

impl Address {
    /// An address on a channel.
    pub fn new(channel: &str, address: &str) -> Address {
        Address { channel: Channel::new(channel), address: Arc::from(address) }
    }
}
