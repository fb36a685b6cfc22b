//! Updates: what persons write, as <https://core.telegram.org/bots/api#update> has it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::send::{pressed_message, private_chat};
use super::{NAME, Telegram};
use crate::accounts::Account;
use crate::callbacks;
use crate::channel::{Person, Said};
use crate::handset::{Author, Bubble};
use crate::world::{World, now_ms};

pub(super) fn say(world: &Arc<World>, person: Person, said: Said) -> String {
    let Person { account, identity } = person;
    let id = world.next_small_id();
    let (update, mut bubble) = match said {
        Said::Choice(choice) => pressed(world, &account, &identity, id, choice),
        Said::Text(text) => written(&identity, id, text),
        Said::Location(place) => {
            let mut part = json!({ "location": {
                "latitude": place["latitude"], "longitude": place["longitude"] } });
            if let Some(name) = place["name"].as_str() {
                part["venue"] = json!({
                    "location": part["location"], "title": name,
                    "address": place["address"].as_str().unwrap_or_default() });
            }
            let mut bubble =
                Bubble::new(Author::Person, "location", place["name"].as_str().unwrap_or_default());
            bubble.location = Some(place);
            (message(&identity, id, part), bubble)
        }
        Said::Media { id: file, url, caption } => media(world, &identity, id, &file, url, caption),
    };
    bubble.provider_id = id.to_string();
    bubble.account.clone_from(&account.id);
    bubble.at_ms = now_ms();
    world.handsets.add(NAME, &identity, bubble);
    let mut update = update;
    update["update_id"] = world.next_small_id().into();
    let (shared, account) = (world.clone(), account.id.clone());
    let job =
        async move { callbacks::deliver(&shared, &Telegram, &account, update.to_string().into()).await };
    world.callbacks.in_order(world, NAME, &identity, job);
    id.to_string()
}

fn user(identity: &str) -> Value {
    let mut user = private_chat(identity);
    if let Some(user) = user.as_object_mut() {
        user.remove("type");
        user.insert("is_bot".to_owned(), false.into());
        user.insert("language_code".to_owned(), "en".into());
    }
    user
}

fn message(identity: &str, id: u64, part: Value) -> Value {
    let mut message = json!({
        "message_id": id,
        "date": now_ms() / 1000,
        "from": user(identity),
        "chat": private_chat(identity),
    });
    if let (Some(message), Value::Object(part)) = (message.as_object_mut(), part) {
        message.extend(part);
    }
    json!({ "message": message })
}

fn written(identity: &str, id: u64, text: String) -> (Value, Bubble) {
    (message(identity, id, json!({ "text": text })), Bubble::new(Author::Person, "text", text))
}

/// An inline button comes as a callback query; a keyboard button only types its text.
fn pressed(world: &World, account: &Account, identity: &str, id: u64, choice: String) -> (Value, Bubble) {
    let Some((offer, pressed)) = world.handsets.offered(NAME, identity, &choice) else {
        return written(identity, id, choice);
    };
    if pressed.kind != "reply" {
        return written(identity, id, pressed.title);
    }
    let query = json!({
        "id": world.next_id().to_string(),
        "from": user(identity),
        "message": pressed_message(account, identity, &offer),
        "chat_instance": format!("-{}", account.id.split(':').next().unwrap_or_default()),
        "data": pressed.id,
    });
    (json!({ "callback_query": query }), Bubble::new(Author::Person, "choice", pressed.title))
}

fn media(
    world: &World,
    identity: &str,
    id: u64,
    file: &str,
    url: String,
    caption: String,
) -> (Value, Bubble) {
    let stored = world.media.get(file);
    let mime = stored.as_ref().map_or("application/octet-stream", |media| media.mime.as_str());
    let size = stored.as_ref().map_or(0, |media| media.bytes.len());
    let name = stored.as_ref().map_or("file", |media| media.name.as_str());
    let mut item = json!({ "file_id": file, "file_unique_id": format!("u{file}"), "file_size": size });
    let kind = match mime.split('/').next() {
        Some("image") => "photo",
        Some("audio") if mime == "audio/ogg" => "voice",
        Some(kind @ ("audio" | "video")) => kind,
        _ => "document",
    };
    match kind {
        "photo" => {
            (item["width"], item["height"]) = (90.into(), 90.into());
            item = json!([item]);
        }
        _ => {
            item["mime_type"] = mime.into();
            if kind == "document" {
                item["file_name"] = name.into();
            } else {
                item["duration"] = 1.into();
            }
        }
    }
    if kind == "video" {
        (item["width"], item["height"]) = (90.into(), 90.into());
    }
    let mut part = json!({ kind: item });
    if !caption.is_empty() {
        part["caption"] = caption.as_str().into();
    }
    let mut bubble = Bubble::new(Author::Person, kind, caption);
    bubble.media_url = Some(url);
    (message(identity, id, part), bubble)
}
