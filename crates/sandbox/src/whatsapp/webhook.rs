//! Webhooks: statuses and what persons write, signed over the raw body with the app secret.
//!
//! Bodies are ASCII with `\u` escapes, as Meta's are: whoever verifies a re-serialized body is found out.
//! Contract: <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components>.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{NAME, WhatsApp, errors, messages};
use crate::accounts::Account;
use crate::callbacks;
use crate::channel::{Person, Said};
use crate::handset::{Author, Bubble};
use crate::outcome::Status;
use crate::world::{World, now_ms};

pub(super) fn request(account: &Account, body: &Bytes) -> Option<http::Request<Full<Bytes>>> {
    let url = account.text("callback_url")?;
    let mut request = http::Request::post(url).header(CONTENT_TYPE, "application/json");
    if let Some(secret) = account.text("app_secret") {
        request = request.header("X-Hub-Signature-256", format!("sha256={}", sign(secret, body)));
    }
    request.body(Full::new(body.clone())).ok()
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn escaped(body: &Value) -> Bytes {
    let text = body.to_string();
    if text.is_ascii() {
        return text.into();
    }
    let mut ascii = String::with_capacity(text.len() * 2);
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => ascii.push(char::from(byte)),
            _ => write!(ascii, "\\u{unit:04x}").expect("writing to a string succeeds"),
        }
    }
    ascii.into()
}

fn envelope(account: &Account, key: &str, items: Value, contacts: Option<Value>) -> Bytes {
    let number = account.text("display_phone_number").unwrap_or(&account.id);
    let metadata = json!({ "display_phone_number": number, "phone_number_id": account.id });
    let mut value = json!({ "messaging_product": "whatsapp" });
    value["metadata"] = metadata;
    value[key] = items;
    if let Some(contacts) = contacts {
        value["contacts"] = contacts;
    }
    // Moved into its place: `json!` copies what it is given.
    let mut change = json!({ "field": "messages" });
    change["value"] = value;
    let mut entry = json!({ "id": account.text("waba_id").unwrap_or("100000000000000") });
    entry["changes"] = Value::Array(vec![change]);
    let mut body = json!({ "object": "whatsapp_business_account" });
    body["entry"] = Value::Array(vec![entry]);
    escaped(&body)
}

pub(super) fn undeliverable() -> Value {
    errors::in_status(131_026, "Message undeliverable", "Message Undeliverable.")
}

pub(super) fn window_closed() -> Value {
    let details = "Message failed to send because more than 24 hours have passed since the customer last replied \
                   to this number.";
    errors::in_status(131_047, "Re-engagement message", details)
}

/// What every status of one message carries.
#[derive(Clone)]
pub(super) struct Report {
    pub account: String,
    pub recipient: String,
    pub id: String,
    pub echo: Option<String>,
    pub failure: Arc<Value>,
}

impl Report {
    pub(super) async fn post(self, world: Arc<World>, status: Status) {
        let Some(account) = world.accounts.get(NAME, &self.account) else {
            return;
        };
        let mut item = json!({
            "id": self.id,
            "status": status.as_str(),
            "timestamp": (now_ms() / 1000).to_string(),
            "recipient_id": self.recipient,
        });
        if let Some(echo) = &self.echo {
            item["biz_opaque_callback_data"] = echo.as_str().into();
        }
        if status == Status::Failed {
            item["errors"] = Value::clone(&self.failure);
        } else {
            item["pricing"] = json!({ "billable": true, "pricing_model": "PMP", "category": "service" });
        }
        world.handsets.mark(NAME, &self.recipient, &self.id, status.as_str());
        let body = envelope(&account, "statuses", Value::Array(vec![item]), None);
        callbacks::deliver(&world, &WhatsApp, &self.account, body).await;
    }
}

pub(super) fn read(world: &Arc<World>, identity: &str) -> usize {
    let read = world.handsets.read_all(NAME, identity);
    let count = read.len();
    for bubble in read {
        let report = Report {
            account: bubble.account,
            recipient: identity.to_owned(),
            id: bubble.provider_id,
            echo: bubble.echo,
            failure: Arc::new(Value::Null),
        };
        let shared = world.clone();
        let job = async move { report.post(shared, Status::Read).await };
        world.callbacks.in_order(world, NAME, identity, job);
    }
    count
}

pub(super) fn say(world: &Arc<World>, person: Person, said: Said) -> String {
    let identity = person.identity;
    let id = messages::message_id(world, &identity);
    let (mut message, mut bubble) = content(world, &person.account, &identity, said);
    message["from"] = identity.as_str().into();
    message["id"] = id.as_str().into();
    message["timestamp"] = (now_ms() / 1000).to_string().into();
    bubble.provider_id.clone_from(&id);
    bubble.account.clone_from(&person.account.id);
    bubble.at_ms = now_ms();
    world.handsets.add(NAME, &identity, bubble);
    let contacts = json!([{ "profile": { "name": format!("Person {identity}") }, "wa_id": identity }]);
    let body = envelope(&person.account, "messages", Value::Array(vec![message]), Some(contacts));
    let (shared, account) = (world.clone(), person.account.id.clone());
    let job = async move { callbacks::deliver(&shared, &WhatsApp, &account, body).await };
    world.callbacks.in_order(world, NAME, &identity, job);
    id
}

fn content(world: &World, account: &Account, identity: &str, said: Said) -> (Value, Bubble) {
    match said {
        Said::Text(text) => plain(text),
        Said::Choice(choice) => match world.handsets.offered(NAME, identity, &choice) {
            Some((offer, pressed)) => {
                let number = account.text("display_phone_number").unwrap_or(&account.id);
                let reply = json!({ "id": pressed.id, "title": pressed.title });
                let mut message = match pressed.kind {
                    "row" => interactive("list_reply", reply),
                    "quick_reply" => json!({
                        "type": "button", "button": { "payload": pressed.id, "text": pressed.title } }),
                    "url" => return plain(pressed.title),
                    _ => interactive("button_reply", reply),
                };
                message["context"] = json!({ "from": number, "id": offer.provider_id });
                (message, Bubble::new(Author::Person, "choice", pressed.title))
            }
            None => plain(choice),
        },
        Said::Location(place) => {
            let mut bubble =
                Bubble::new(Author::Person, "location", place["name"].as_str().unwrap_or_default());
            bubble.location = Some(place.clone());
            (json!({ "type": "location", "location": place }), bubble)
        }
        Said::Media { id, url, caption } => file(world, &id, url, caption),
    }
}

fn plain(text: String) -> (Value, Bubble) {
    let message = json!({ "type": "text", "text": { "body": text } });
    (message, Bubble::new(Author::Person, "text", text))
}

fn interactive(kind: &str, reply: Value) -> Value {
    json!({ "type": "interactive", "interactive": { "type": kind, kind: reply } })
}

fn file(world: &World, id: &str, url: String, caption: String) -> (Value, Bubble) {
    let media = world.media.get(id);
    let mime = media.as_ref().map_or("application/octet-stream", |media| media.mime.as_str());
    let kind = match mime.split('/').next() {
        Some("image") if mime == "image/webp" => "sticker",
        Some(kind @ ("image" | "video" | "audio")) => kind,
        _ => "document",
    };
    let digest = media.as_ref().map(|media| hex::encode(Sha256::digest(&media.bytes)));
    let mut part = json!({ "id": id, "mime_type": mime, "sha256": digest });
    if kind == "document" {
        part["filename"] = media.as_ref().map_or("file", |media| media.name.as_str()).into();
    }
    if !caption.is_empty() && !matches!(kind, "audio" | "sticker") {
        part["caption"] = caption.as_str().into();
    }
    let mut bubble = Bubble::new(Author::Person, kind, caption);
    bubble.media_url = Some(url);
    (json!({ "type": kind, kind: part }), bubble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_matches_the_published_vector() {
        let expected = "79e65d5e06e173bb483d7f7824bf54a39a7509c6c05a3b16b7cce3660e6c7a6d";
        assert_eq!(sign("app-secret-1", br#"{"object":"page","entry":[]}"#), expected);
    }

    #[test]
    fn bodies_are_escaped_to_ascii_and_mean_the_same() {
        let value = json!({ "text": "Zażółć 🙂" });
        let body = escaped(&value);
        assert!(body.is_ascii());
        assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON"), value);
    }
}
