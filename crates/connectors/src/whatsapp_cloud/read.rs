//! What a genuine notification says. Pure. A message that cannot be understood becomes `Body::Other`, so that one odd
//! entry never holds a whole batch back; reactions, groups and system notes are not messages and are left out.

use std::sync::Arc;

use connector_api::{Inbound, Unreadable};
use domain::content::{Body, Content, Media};
use domain::delivery::{Receipt, Status};
use domain::time::Time;
use serde_json::Value;

use super::wire::{self, Change, Message, Messages, Notification};
use super::{errors, normalize};

/// Stands before a media id in `Media::url`; `Connector::locate` turns it into an address.
pub const MEDIA_PREFIX: &str = "provider:";

pub fn notification(body: &[u8], account: &str) -> Result<Vec<Inbound>, Unreadable> {
    let notification: Notification =
        serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
    let changes = notification.entry.into_iter().flat_map(|entry| entry.changes);
    Ok(changes.flat_map(|part| change(part, account)).collect())
}

/// The provider posts what concerns any number of the business to one address: other numbers are other accounts.
fn change(change: Change, account: &str) -> Vec<Inbound> {
    if change.field != "messages" {
        return Vec::new();
    }
    let value: Messages = serde_json::from_value(change.value).unwrap_or_default();
    if value.metadata.phone_number_id != account {
        return Vec::new();
    }
    let messages = value.messages.iter().filter_map(|raw| message(raw, &value));
    let statuses = value.statuses.iter().filter_map(status);
    messages.chain(statuses).collect()
}

fn message(raw: &Value, batch: &Messages) -> Option<Inbound> {
    let message: Message = serde_json::from_value(raw.clone()).ok()?;
    if message.group_id.is_some() || matches!(message.kind.as_str(), "reaction" | "system") {
        return None;
    }
    let written = if message.from.is_empty() { &message.from_user_id } else { &message.from };
    let from = normalize(written)?;
    let contact =
        batch.contacts.iter().find(|contact| contact.wa_id == *written || contact.user_id == *written);
    let of_message = message.context.as_ref().and_then(|context| context.id.clone());
    let body = body(&message, of_message.clone());
    Some(Inbound::Message {
        from: from.into(),
        name: contact.map_or_else(String::new, |contact| contact.profile.name.clone()),
        source_id: Arc::from(message.id.as_str()),
        content: Content::from_body(body),
        reply_to: of_message.map(Arc::from),
        language: String::new(),
    })
}

fn body(message: &Message, of_message: Option<String>) -> Body {
    let content = message.content.get(&message.kind).unwrap_or(&Value::Null);
    let text = |path: &str| content.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    match message.kind.as_str() {
        "text" => Body::Text(text("/body")),
        "image" | "video" | "audio" | "document" | "sticker" => media(content),
        "location" => Body::Location {
            title: text("/name"),
            label: text("/address"),
            latitude: number(&content["latitude"]),
            longitude: number(&content["longitude"]),
        },
        "contacts" => contact_card(content),
        "button" => Body::Picked { text: text("/text"), postback: text("/payload"), of_message },
        "interactive" => {
            let kind = text("/type");
            match kind.as_str() {
                "button_reply" | "list_reply" => Body::Picked {
                    text: text(&format!("/{kind}/title")),
                    postback: text(&format!("/{kind}/id")),
                    of_message,
                },
                _ => Body::Other { text: text("/nfm_reply/body") },
            }
        }
        kind => Body::Other { text: format!("[{kind}]") },
    }
}

fn media(content: &Value) -> Body {
    let file: wire::File = serde_json::from_value(content.clone()).unwrap_or_default();
    Body::Media(Media {
        url: format!("{MEDIA_PREFIX}{}", file.id),
        mime: file.mime_type,
        name: file.filename,
        caption: file.caption,
        ..Media::default()
    })
}

/// Coordinates come as numbers, rarely as strings.
fn number(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn contact_card(content: &Value) -> Body {
    let first = &content[0];
    let all = |list: &str, field: &str| {
        let entries = first[list].as_array().map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter_map(|entry| entry[field].as_str().map(str::to_owned)).collect()
    };
    Body::ContactCard {
        name: first["name"]["formatted_name"].as_str().unwrap_or_default().to_owned(),
        phones: all("phones", "phone"),
        emails: all("emails", "email"),
        organization: first["org"]["company"].as_str().unwrap_or_default().to_owned(),
    }
}

fn status(raw: &Value) -> Option<Inbound> {
    let status: wire::Status = serde_json::from_value(raw.clone()).ok()?;
    let said = match status.status.as_str() {
        "sent" => Status::HandedOver,
        "delivered" => Status::Delivered,
        "read" | "played" => Status::Read,
        "failed" => Status::Failed,
        _ => return None,
    };
    let reason = (said == Status::Failed).then(|| {
        let error = status.errors.first();
        error.map_or_else(|| errors::reason(&wire::Error::default()), errors::reason)
    });
    let at: i64 = status.timestamp.parse().unwrap_or_default();
    // Seconds; milliseconds have been seen.
    let at_ms = if at > 100_000_000_000 { at } else { at.saturating_mul(1_000) };
    Some(Inbound::Receipt {
        provider_id: status.id.into(),
        token: status.biz_opaque_callback_data.map(Arc::from),
        recipient: status.recipient_id.and_then(|to| normalize(&to)).map(Arc::from),
        receipt: Receipt { status: said, reason, at: Time(at_ms) },
    })
}
