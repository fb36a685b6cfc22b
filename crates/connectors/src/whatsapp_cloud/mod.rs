//! The folder's entry: identity, abilities, proof of the sender, reading, sending, in that order.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api>
//!
#![doc = include_str!("README.md")]

mod errors;
mod map;
mod read;
#[cfg(test)]
mod tests;
mod wire;

use connector_api::abilities::Setting;
use connector_api::{
    Abilities, Callback, Connector, Forged, Genuine, Handshake, Inbound, Line, Located, Outbound, SendError,
    Unreadable, same_secret,
};
use domain::channel::Address;
use domain::content::Media;
use domain::delivery::{Outcome, ReasonKind};
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;

use crate::hand_over::{Handed, bearer, call, in_order, post_json, refused, unlocated};

const CHANNEL: &str = "WHATSAPP";
const DEFAULT_BASE_URL: &str = "https://graph.facebook.com";
const DEFAULT_API_VERSION: &str = "v25.0";
const DIGITS_MIN: usize = 6;
const DIGITS_MAX: usize = 15;

const SETTINGS: &[Setting] = &[
    setting("access_token", true, true, "Token of a system user that may send messages."),
    setting("app_secret", true, true, "The app's secret; signs what the provider posts to us."),
    setting("verify_token", true, false, "A word of your own, given when the callback address is set up."),
    setting("base_url", false, false, "Where the Graph API is; https://graph.facebook.com unless given."),
    setting("api_version", false, false, "Version in the path, such as v25.0."),
];

const fn setting(name: &'static str, secret: bool, required: bool, about: &'static str) -> Setting {
    Setting { name, secret, required, about }
}

/// The business number of the account is `Line::account`: its phone number id.
#[derive(Debug)]
pub struct WhatsApp {
    abilities: Abilities,
}

impl Default for WhatsApp {
    fn default() -> WhatsApp {
        let abilities = Abilities {
            reports_delivered: true,
            reports_read: true,
            text_chars_max: map::TEXT_CHARS_MAX,
            media_bytes_max: 100 * 1024 * 1024,
            choices_max: map::ROWS_MAX,
            messages_per_second_max: 80,
            messages_per_minute_per_recipient_max: 10,
            recipient_burst_max: 45,
            open_attempts_max: 64,
            answer_timeout_ms: 10_000,
            settings: SETTINGS,
            ..Abilities::default()
        };
        WhatsApp { abilities }
    }
}

impl Connector for WhatsApp {
    fn channel(&self) -> &'static str {
        CHANNEL
    }

    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn normalize(&self, address: &str) -> Option<String> {
        normalize(address)
    }

    fn authenticate<'r>(&self, callback: &'r Callback, line: &Line) -> Result<Genuine<'r>, Forged> {
        callback.signed_sha256_hex("x-hub-signature-256", "sha256=", line.setting("app_secret"))
    }

    fn handshake(&self, query: &str, line: &Line) -> Result<Handshake, Forged> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).map_err(|_| Forged)?;
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let ours = same_secret(get("hub.verify_token"), line.setting("verify_token"));
        if get("hub.mode") != "subscribe" || !ours {
            return Err(Forged);
        }
        Ok(Handshake(get("hub.challenge").to_owned()))
    }

    fn read(&self, callback: Genuine<'_>, line: &Line) -> Result<Vec<Inbound>, Unreadable> {
        read::notification(callback.body(), &line.account)
    }

    fn send<'a>(&'a self, line: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let bodies = match map::outbound(message) {
                Ok(bodies) => bodies,
                Err(reason) => return Outcome::Refused(reason),
            };
            let bodies = &bodies;
            in_order(&message.parts_done, bodies.len(), self.abilities.answer_timeout_ms, |part| {
                Box::pin(self.post(line, &bodies[part]))
            })
            .await
        })
    }

    fn locate<'a>(&'a self, line: &'a Line, media: &'a Media) -> BoxFuture<'a, Result<Located, SendError>> {
        Box::pin(async move {
            let Some(id) = media.url.strip_prefix(read::MEDIA_PREFIX) else {
                return Ok(Located::open(&media.url));
            };
            let headers = bearer(line.setting("access_token")).ok_or_else(no_token).map_err(unlocated)?;
            let url = format!("{}/{id}", root(line));
            let timeout_ms = self.abilities.answer_timeout_ms;
            let asked = call(line, Method::GET, url, headers.clone(), Vec::new(), timeout_ms).await;
            let answer = asked.map_err(unlocated)?;
            let found = serde_json::from_slice::<wire::MediaAddress>(&answer.body).ok();
            match found.filter(|found| answer.status == 200 && !found.url.is_empty()) {
                Some(found) => Ok(Located { url: found.url, headers }),
                None => Err(errors::refused_file(&answer)),
            }
        })
    }
}

impl WhatsApp {
    async fn post(&self, line: &Line, body: &Value) -> Handed {
        let Some(headers) = bearer(line.setting("access_token")) else {
            return no_token();
        };
        let url = format!("{}/{}/messages", root(line), line.account);
        let timeout_ms = self.abilities.answer_timeout_ms;
        let answer = match post_json(line, url, headers, body.to_string().into_bytes(), timeout_ms).await {
            Ok(answer) => answer,
            Err(ended) => return ended,
        };
        if !(200..300).contains(&answer.status) {
            return Handed::No(errors::refused(&answer));
        }
        let sent = serde_json::from_slice::<wire::Sent>(&answer.body).ok();
        match sent.and_then(|sent| sent.messages.into_iter().next()) {
            Some(message) => Handed::Taken(message.id.into()),
            None => Handed::Unknown,
        }
    }
}

fn no_token() -> Handed {
    refused(ReasonKind::ChannelBadConfiguration, "the access token is not a header value")
}

fn root(line: &Line) -> String {
    let given = |name: &str, default: &'static str| match line.setting(name) {
        "" => default.to_owned(),
        value => value.trim_end_matches('/').to_owned(),
    };
    format!("{}/{}", given("base_url", DEFAULT_BASE_URL), given("api_version", DEFAULT_API_VERSION))
}

/// Digits of a phone number, or a business-scoped user id such as `GB.9f3K2`.
fn normalize(address: &str) -> Option<String> {
    if let Some((country, id)) = address.split_once('.') {
        let scoped = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let named = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        return (scoped && named && id.len() <= 132).then(|| address.to_owned());
    }
    let separators = [' ', '-', '(', ')', '\u{a0}'];
    let digits: String = address.chars().filter(|letter| !separators.contains(letter)).collect();
    let digits = digits.strip_prefix('+').unwrap_or(&digits);
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    (number && (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())).then(|| digits.to_owned())
}

fn is_scoped_id(address: &Address) -> bool {
    address.address.contains('.')
}
