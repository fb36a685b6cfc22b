//! What one channel's provider side must be able to do, and the registry of those that exist.
//!
//! Adding a channel is one folder beside this file and one line in [`registry`]. A provider owns its protocol
//! completely; ledger, handsets, outcomes, receipts' timing and the patience of callbacks are shared.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use serde_json::Value;

use crate::accounts::Account;
use crate::outcome::Status;
use crate::world::World;
use crate::{sms, telegram, whatsapp};

pub(crate) fn registry() -> Vec<Arc<dyn Channel>> {
    vec![Arc::new(whatsapp::WhatsApp), Arc::new(telegram::Telegram), Arc::new(sms::Sms::default())]
}

/// What a person does with a phone.
pub(crate) enum Said {
    Text(String),
    Choice(String),
    Location(Value),
    /// A file, already fetched; `id` names it in the media store.
    Media {
        id: String,
        url: String,
        caption: String,
    },
}

pub(crate) struct Person {
    pub account: Arc<Account>,
    pub identity: String,
}

pub(crate) trait Channel: Send + Sync {
    /// Upper case, as in the interface's paths.
    fn name(&self) -> &'static str;

    /// The provider's HTTP routes, below the sandbox's listener.
    fn routes(&self) -> Router<Arc<World>> {
        Router::new()
    }

    /// Opens the provider's own sockets, if it has any beside HTTP.
    fn listen<'a>(&'a self, _world: &'a Arc<World>) -> BoxFuture<'a, io::Result<Option<SocketAddr>>> {
        Box::pin(async { Ok(None) })
    }

    /// Which reports this provider has; others are left out of every plan.
    fn reports(&self) -> &'static [Status];

    /// One callback request, addressed and signed as the account is registered now; `None` while it has no address.
    fn callback(&self, _account: &Account, _body: &Bytes) -> Option<http::Request<Full<Bytes>>> {
        None
    }

    /// The person writes: shown on the handset, and on its way to the account in order. Yields the provider's id.
    fn say(&self, world: &Arc<World>, person: Person, said: Said) -> String;

    /// The person types. Yields how many reports were sent: none where the provider keeps it to itself.
    fn typing(&self, _world: &Arc<World>, _identity: &str) -> usize {
        0
    }

    /// The person reads everything. Yields how many reports were sent.
    fn read(&self, _world: &Arc<World>, _identity: &str) -> usize {
        0
    }
}
