//! The folder's entry: identity, abilities, proof of the sender, reading, sending, in that order.
//! <https://core.telegram.org/bots/api>
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
    Abilities, Callback, Connector, Forged, Genuine, Inbound, Line, Located, Outbound, SendError, Unreadable,
};
use domain::channel::Address;
use domain::content::Media;
use domain::delivery::{Outcome, ReasonKind};
use domain::event::SignalKind;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::hand_over::{Handed, in_order, post_json, refused, unlocated};

const CHANNEL: &str = "TELEGRAM";
const DEFAULT_BASE_URL: &str = "https://api.telegram.org";

const SETTINGS: &[Setting] = &[
    Setting { name: "bot_token", secret: true, required: true, about: "The bot's token, from its maker." },
    Setting {
        name: "secret_token",
        secret: true,
        required: true,
        about: "The word given to setWebhook, which comes back with every update.",
    },
    Setting {
        name: "base_url",
        secret: false,
        required: false,
        about: "Where the Bot API is; https://api.telegram.org unless given.",
    },
];

/// One bot per account.
#[derive(Debug)]
pub struct Telegram {
    abilities: Abilities,
}

impl Default for Telegram {
    fn default() -> Telegram {
        let abilities = Abilities {
            shows_typing: true,
            addresses_are_app_scoped: true,
            text_chars_max: map::TEXT_CHARS_MAX,
            media_bytes_max: 20 * 1024 * 1024,
            choices_max: map::BUTTONS_MAX,
            messages_per_second_max: 30,
            messages_per_minute_per_recipient_max: 60,
            recipient_burst_max: 10,
            open_attempts_max: 32,
            answer_timeout_ms: 10_000,
            settings: SETTINGS,
            ..Abilities::default()
        };
        Telegram { abilities }
    }
}

impl Connector for Telegram {
    fn channel(&self) -> &'static str {
        CHANNEL
    }

    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn normalize(&self, address: &str) -> Option<String> {
        address.trim().parse::<i64>().ok().map(|chat| chat.to_string())
    }

    fn authenticate<'r>(&self, callback: &'r Callback, line: &Line) -> Result<Genuine<'r>, Forged> {
        callback.token("x-telegram-bot-api-secret-token", line.setting("secret_token"))
    }

    fn read(&self, callback: Genuine<'_>, _: &Line) -> Result<Vec<Inbound>, Unreadable> {
        read::update(callback.body())
    }

    fn send<'a>(&'a self, line: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let calls = match map::outbound(message) {
                Ok(calls) => calls,
                Err(reason) => return Outcome::Refused(reason),
            };
            let calls = &calls;
            in_order(&message.parts_done, calls.len(), self.abilities.answer_timeout_ms, |part| {
                Box::pin(self.send_one(line, &calls[part]))
            })
            .await
        })
    }

    fn signal<'a>(&'a self, line: &'a Line, to: &'a Address, signal: SignalKind) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if signal == SignalKind::Composing {
                let body = json!({ "chat_id": to.address.parse::<i64>().ok(), "action": "typing" });
                // A lost signal is no loss: nobody waits for it.
                let _ = self.post(line, "sendChatAction", &body).await;
            }
        })
    }

    fn locate<'a>(&'a self, line: &'a Line, media: &'a Media) -> BoxFuture<'a, Result<Located, SendError>> {
        Box::pin(async move {
            let Some(id) = media.url.strip_prefix(read::MEDIA_PREFIX) else {
                return Ok(Located::open(&media.url));
            };
            let answer = self.post(line, "getFile", &json!({ "file_id": id })).await.map_err(unlocated)?;
            let found: Option<wire::Answer<wire::FilePath>> = serde_json::from_slice(&answer.body).ok();
            let path = found.and_then(|found| found.result).map(|file| file.file_path);
            let path = path.filter(|path| !path.is_empty()).ok_or_else(|| errors::refused_file(&answer))?;
            let url = format!("{}/file/bot{}/{path}", root(line), line.setting("bot_token"));
            Ok(Located::open(&url))
        })
    }
}

impl Telegram {
    async fn post(
        &self,
        line: &Line,
        method: &str,
        body: &Value,
    ) -> Result<connector_api::HttpResponse, Handed> {
        let token = line.setting("bot_token");
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if token.is_empty() || !token.bytes().all(letters) {
            return Err(refused(ReasonKind::ChannelBadConfiguration, "the bot token is not one"));
        }
        let url = format!("{}/bot{token}/{method}", root(line));
        let timeout_ms = self.abilities.answer_timeout_ms;
        post_json(line, url, HeaderMap::new(), body.to_string().into_bytes(), timeout_ms).await
    }

    async fn send_one(&self, line: &Line, call: &map::Call) -> Handed {
        let answer = match self.post(line, &call.method, &call.body).await {
            Ok(answer) => answer,
            Err(ended) => return ended,
        };
        if !(200..300).contains(&answer.status) {
            return Handed::No(errors::refused(&answer));
        }
        match serde_json::from_slice::<wire::Answer<wire::Sent>>(&answer.body) {
            Ok(wire::Answer { ok: true, result: Some(sent), .. }) => {
                Handed::Taken(format!("{}:{}", sent.chat.id, sent.message_id).into())
            }
            Ok(wire::Answer { ok: false, error_code: 1.., .. }) => Handed::No(errors::refused(&answer)),
            _ => Handed::Unknown,
        }
    }
}

fn root(line: &Line) -> &str {
    match line.setting("base_url") {
        "" => DEFAULT_BASE_URL,
        given => given.trim_end_matches('/'),
    }
}
