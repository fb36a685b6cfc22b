//! TELEGRAM: the provider side of the Bot API, below `/telegram`.
//!
//! An account is a bot token with `callback_url` and `secret_token`; `setWebhook` registers the same the provider's
//! way, and makes the bot exist. There are no receipts: `ok: true` is the last that is known of a message.
//! Contract: <https://core.telegram.org/bots/api>. Unlike the real one, webhooks may be plain HTTP on any port.

mod inbound;
mod methods;
mod parameters;
mod send;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::Full;

use crate::accounts::Account;
use crate::channel::{Channel, Person, Said};
use crate::outcome::Status;
use crate::world::World;

pub(crate) struct Telegram;

pub(crate) const NAME: &str = "TELEGRAM";

impl Channel for Telegram {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> Router<Arc<World>> {
        Router::new()
            .route("/telegram/{bot}/{method}", get(methods::call).post(methods::call))
            .route("/telegram/file/{bot}/{*path}", get(methods::download))
    }

    fn reports(&self) -> &'static [Status] {
        &[]
    }

    fn callback(&self, account: &Account, body: &Bytes) -> Option<http::Request<Full<Bytes>>> {
        let url = account.text("callback_url")?;
        let mut request = http::Request::post(url).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = account.text("secret_token") {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        request.body(Full::new(body.clone())).ok()
    }

    fn say(&self, world: &Arc<World>, person: Person, said: Said) -> String {
        inbound::say(world, person, said)
    }
}
