//! WHATSAPP: the provider side of the WhatsApp Business Cloud API, below `/whatsapp`.
//!
//! An account is a phone number id with `access_token`, `app_secret`, `callback_url`, and optionally
//! `display_phone_number` and `waba_id`. Without a registered access token any bearer is taken.
//! Contract: <https://developers.facebook.com/docs/whatsapp/cloud-api>.
//! Not played: template approval, prices, throughput tiers, fetching of `link` media.

mod check;
mod errors;
mod files;
mod messages;
mod shape;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::Full;

use crate::accounts::Account;
use crate::channel::{Channel, Person, Said};
use crate::outcome::Status;
use crate::world::World;

pub(crate) struct WhatsApp;

pub(crate) const NAME: &str = "WHATSAPP";

impl Channel for WhatsApp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> Router<Arc<World>> {
        Router::new()
            .route("/whatsapp/{version}/{id}", get(files::describe))
            .route("/whatsapp/{version}/{id}/messages", post(messages::send))
            .route("/whatsapp/{version}/{id}/media", post(files::upload))
            .route("/whatsapp/{version}/{id}/register", post(messages::success))
            .route("/whatsapp/{version}/{id}/subscribed_apps", post(messages::success))
            .route("/whatsapp/download/{id}", get(files::download))
    }

    fn reports(&self) -> &'static [Status] {
        &[Status::Sent, Status::Delivered, Status::Read, Status::Failed]
    }

    fn callback(&self, account: &Account, body: &Bytes) -> Option<http::Request<Full<Bytes>>> {
        webhook::request(account, body)
    }

    fn say(&self, world: &Arc<World>, person: Person, said: Said) -> String {
        webhook::say(world, person, said)
    }

    fn read(&self, world: &Arc<World>, identity: &str) -> usize {
        webhook::read(world, identity)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(http::header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The account of a path, if the bearer opens it.
fn authorize(world: &World, id: &str, headers: &HeaderMap) -> Result<Arc<Account>, errors::GraphError> {
    let account = world.accounts.get(NAME, id).ok_or_else(|| errors::unknown_object(id))?;
    let given = bearer(headers).ok_or_else(errors::no_token)?;
    match account.text("access_token") {
        Some(token) if token != given => Err(errors::bad_token()),
        _ => Ok(account),
    }
}
