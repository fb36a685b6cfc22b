//! The webhooks: which events an installation hears, in the vendor's words, signed and retried as documented.
//!
//! Every event that changes something goes out as one notification with one change. Account, client and extra headers
//! belong to the rendering; the signature to the seal.

mod conversation;
mod event;
mod message;
mod rich;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::channel::Channel;
use domain::contact::Contact;
use domain::content::Face;
use domain::conversation::{Conversation, Standing};
use domain::event::{Event, Fact};
use domain::message::Message;
use domain::subscription::Subscription;
use engine::{Dialect, Facts, Near, Patience, Rendered, Seal, Verdict};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::manifest::{CHAT_STATE, CONTENT, CONVERSATION, Manifest, RECEIPT, RICH};
use crate::{Settings, files, tokens};

/// Distance of repeats by count.
const REPEAT_MS: i64 = 30_000;
/// Distances of repeats by age: doubling, never more than five minutes.
const DOUBLING_MS: [i64; 9] = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000];
/// Five seconds to connect and five to answer.
const TIMEOUT_MS: u64 = 10_000;

/// The consumer face's callbacks.
pub struct LivePerson {
    links: Links,
}

/// What signs the links of files.
#[derive(Clone, Copy)]
struct Links {
    key: [u8; 32],
    lifetime_s: u64,
}

impl Links {
    /// What opens a path, counted from the event, so that every try carries the same bytes.
    fn query(self, facts: &Facts, path: &str) -> Value {
        let expires_s = facts.event.at.seconds().saturating_add_unsigned(self.lifetime_s);
        files::query(&self.key, "GET", path, expires_s)
    }
}

impl LivePerson {
    pub fn new(settings: &Settings) -> LivePerson {
        let (key, lifetime_s) = (settings.signing_key, settings.webhook_file_url_lifetime_s);
        LivePerson { links: Links { key, lifetime_s } }
    }
}

impl Dialect for LivePerson {
    fn face(&self) -> Face {
        Face::LivePerson
    }

    fn hears(&self, subscription: &Subscription, event: &Event) -> bool {
        let wants = |capability: &str| subscription.triggers.iter().any(|trigger| trigger == capability);
        let is_own = subscription.app.is_none_or(|app| event.app == Some(app));
        is_own
            && event.conversation.is_some()
            && match &event.fact {
                // It may carry the message, so it is heard whatever was asked for.
                Fact::MessageSubmitted => subscription.carries.is_some() || wants(CONTENT) || wants(RICH),
                Fact::MessageReceived => wants(CONTENT) || wants(RICH),
                Fact::ConsumerReceipt { .. } => wants(RECEIPT),
                Fact::SignalSeen { .. } => wants(CHAT_STATE),
                Fact::ConversationStarted | Fact::ConversationUpdated => wants(CONVERSATION),
                // A reopening has no word here: the consumer sees a new conversation.
                Fact::StandingChanged { to, .. } => *to == Standing::Resolved && wants(CONVERSATION),
                _ => false,
            }
    }

    fn concerns(&self, event: &Event, near: &Near) -> bool {
        let Near { contact, conversation: Some(conversation), message } = near else { return true };
        let unread =
            (event.contact.is_some() && contact.is_none()) || (event.message.is_some() && message.is_none());
        unread || concerns(event, contact.as_deref(), conversation, message.as_deref())
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let manifest = Manifest::read(&facts.subscription.settings);
        let conversation = facts.conversation.as_deref()?;
        if !concerns(&facts.event, facts.contact.as_deref(), conversation, facts.message.as_deref()) {
            return None;
        }
        let (capability, body) = match &facts.event.fact {
            Fact::MessageReceived | Fact::MessageSubmitted => message::notification(facts, self.links)?,
            Fact::ConsumerReceipt { .. } => (RECEIPT, event::receipt(facts)?),
            Fact::SignalSeen { .. } => (CHAT_STATE, event::chat_state(facts)?),
            _ => (CONVERSATION, conversation::notification(facts)?),
        };
        let mut headers = manifest.headers(capability);
        let account = facts.tenant.as_ref().map(|tenant| tenant.site_id.as_str()).unwrap_or_default();
        for (name, value) in
            [("x-liveperson-account-id", account), ("x-liveperson-client-id", manifest.text("client_id"))]
        {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        let target = manifest.endpoint(capability).map(str::to_owned);
        Some(Rendered { body: Bytes::from(body.to_string()), target, headers })
    }

    fn seal(&self, seal: &Seal<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !seal.subscription.secret.is_empty() {
            let signature = signature(&seal.subscription.secret, seal.body);
            headers.extend(HeaderValue::try_from(signature).ok().map(|value| (SIGNATURE, value)));
        }
        headers
    }

    fn verdict(&self, status: u16) -> Verdict {
        if matches!(status, 200 | 201) { Verdict::Delivered } else { Verdict::Again }
    }

    fn patience(&self, subscription: &Subscription) -> Patience {
        let manifest = Manifest::read(&subscription.settings);
        match manifest.retention_s() {
            Some(retention_s) => Patience {
                delays_ms: DOUBLING_MS.to_vec(),
                give_up_after_ms: retention_s.saturating_mul(1000),
                tries_max: 0,
                timeout_ms: TIMEOUT_MS,
                per_second_per_app: 0,
            },
            None => {
                let tries_max = manifest.retries() + 1;
                let give_up_after_ms = i64::from(tries_max) * (REPEAT_MS + TIMEOUT_MS as i64);
                Patience {
                    delays_ms: vec![REPEAT_MS],
                    give_up_after_ms,
                    tries_max,
                    timeout_ms: TIMEOUT_MS,
                    per_second_per_app: 0,
                }
            }
        }
    }
}

const SIGNATURE: http::HeaderName = http::HeaderName::from_static("x-liveperson-signature");

/// `sha1=` and the Base64 of the body's HMAC-SHA1.
fn signature(secret: &str, body: &[u8]) -> String {
    format!("sha1={}", STANDARD.encode(tokens::hmac_sha1(secret.as_bytes(), body)))
}

/// Whether the installation has to do with this conversation at all.
fn concerns(
    event: &Event,
    contact: Option<&Contact>,
    conversation: &Conversation,
    message: Option<&Message>,
) -> bool {
    let on_connector = |channel: &Channel| channel.as_str() == Channel::CONNECTOR;
    let reached = message.and_then(|message| message.address.as_ref());
    conversation.announced_to_connector
        || reached.is_some_and(|address| on_connector(&address.channel))
        || contact.is_some_and(|contact| consumer_address(event, contact).is_some())
}

/// The contact's address with this app's installation.
fn consumer_address<'a>(event: &Event, contact: &'a Contact) -> Option<&'a str> {
    let mut own =
        contact.identities_for(event.app?).filter(|one| one.address.channel.as_str() == Channel::CONNECTOR);
    own.next().map(|identity| &*identity.address.address)
}

/// The consumer's participant id: the 64 hex characters, or for people of other channels the contact's id.
fn consumer_id(facts: &Facts) -> String {
    let address = facts.contact.as_ref().and_then(|contact| consumer_address(&facts.event, contact));
    let contact = || facts.event.contact.map(|contact| contact.uuid()).unwrap_or_default();
    address.map_or_else(contact, str::to_owned)
}

/// A notification with one change.
fn notification(kind: &str, change: Value) -> Value {
    serde_json::json!({ "kind": "notification", "body": { "changes": [change] }, "type": kind })
}
