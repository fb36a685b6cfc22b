//! The methods that put a message on a phone. Limits: <https://core.telegram.org/bots/api#sendmessage>.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::Telegram;
use super::methods::{bad_request, bot_user, error, ok, throttled};
use super::parameters::Parameters;
use crate::accounts::Account;
use crate::handset::{Author, Bubble, Choice};
use crate::http::drop_connection;
use crate::outcome::{Plan, Verdict};
use crate::receipts;
use crate::world::{Sent, World, now_ms};

const TEXT_MAX: usize = 4096;
const CAPTION_MAX: usize = 1024;
const CALLBACK_DATA_BYTES_MAX: usize = 64;
const BUTTONS_MAX: usize = 100;

pub(super) async fn call(
    world: &Arc<World>,
    account: &Account,
    method: &str,
    parameters: Parameters,
) -> Response {
    let Some(kind) = kind(method) else {
        return error(404, "Not Found");
    };
    let chat = chat_id(&parameters);
    let checked = match &chat {
        Some(chat) => {
            quoted(&parameters, world, chat).and_then(|()| check(kind, &parameters, world, account))
        }
        None => Err("chat_id is empty".to_owned()),
    };
    let chat = chat.unwrap_or_default();
    let raw = Value::Object(parameters);
    match checked {
        Ok((bubble, part)) => accept(world, account, &chat, &raw, bubble, part).await,
        Err(reason) => {
            let text = raw["text"].as_str().or(raw["caption"].as_str()).unwrap_or_default();
            let sent = Sent { recipient: &chat, text, provider_id: "", raw: &raw };
            world.record(&Telegram, &sent, Plan::refused());
            bad_request(&reason)
        }
    }
}

/// What the method sends; also the name of its field.
fn kind(method: &str) -> Option<&'static str> {
    let method = method.to_ascii_lowercase();
    let kinds = [
        "message",
        "photo",
        "document",
        "audio",
        "video",
        "voice",
        "animation",
        "sticker",
        "location",
        "contact",
        "venue",
    ];
    kinds.into_iter().find(|kind| method.strip_prefix("send") == Some(kind))
}

pub(super) fn chat_id(parameters: &Parameters) -> Option<String> {
    match parameters.get("chat_id")? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// An answered message must be one of this chat, unless the sender does not mind.
fn quoted(given: &Parameters, world: &World, chat: &str) -> Result<(), String> {
    let Some(reply) = given.get("reply_parameters") else {
        return Ok(());
    };
    let id = reply["message_id"].as_i64().ok_or("can't parse reply parameters")?.to_string();
    let known = || world.handsets.bubbles(super::NAME, chat).iter().any(|bubble| bubble.provider_id == id);
    if reply["allow_sending_without_reply"] == true || known() {
        return Ok(());
    }
    Err("message to be replied not found".to_owned())
}

/// The bubble, and the part of the resulting message that depends on its kind.
fn check(
    kind: &str,
    given: &Parameters,
    world: &World,
    account: &Account,
) -> Result<(Bubble, Value), String> {
    let mut bubble = Bubble::new(Author::Business, kind, "");
    bubble.choices = choices(given)?;
    let part = match kind {
        "message" => {
            bubble.text = text(given, "text").ok_or("message text is empty")?;
            if bubble.text.chars().count() > TEXT_MAX {
                return Err("message is too long".to_owned());
            }
            json!({ "text": bubble.text })
        }
        "location" | "venue" => place(kind, given, &mut bubble)?,
        "contact" => {
            let phone = text(given, "phone_number").ok_or("phone number is empty")?;
            let name = text(given, "first_name").ok_or("first name is empty")?;
            bubble.text = format!("{name}\n{phone}");
            json!({ "contact": { "phone_number": phone, "first_name": name } })
        }
        _ => file(kind, given, &mut bubble, world, account)?,
    };
    Ok((bubble, part))
}

fn text(given: &Parameters, key: &str) -> Option<String> {
    given.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(given: &Parameters, key: &str) -> Option<f64> {
    let value = given.get(key)?;
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn place(kind: &str, given: &Parameters, bubble: &mut Bubble) -> Result<Value, String> {
    let latitude = number(given, "latitude").filter(|number| number.abs() <= 90.0).ok_or("wrong latitude")?;
    let longitude =
        number(given, "longitude").filter(|number| number.abs() <= 180.0).ok_or("wrong longitude")?;
    let location = json!({ "latitude": latitude, "longitude": longitude });
    bubble.location = Some(location.clone());
    if kind == "location" {
        return Ok(json!({ "location": location }));
    }
    let title = text(given, "title").ok_or("title is empty")?;
    let address = text(given, "address").ok_or("address is empty")?;
    bubble.text = format!("{title}\n{address}");
    Ok(json!({ "location": location, "venue": { "location": location, "title": title, "address": address } }))
}

fn file(
    kind: &str,
    given: &Parameters,
    bubble: &mut Bubble,
    world: &World,
    account: &Account,
) -> Result<Value, String> {
    let source = text(given, kind).ok_or_else(|| format!("there is no {kind} in the request"))?;
    let caption = text(given, "caption").unwrap_or_default();
    if caption.chars().count() > CAPTION_MAX {
        return Err("message caption is too long".to_owned());
    }
    let id = if source.starts_with("http://") || source.starts_with("https://") {
        bubble.media_url = Some(source);
        world.next_id().to_string()
    } else if world.media.get(&source).is_some_and(|media| media.account == account.id) {
        bubble.media_url = Some(format!("/telegram/file/bot{}/files/{source}", account.id));
        source
    } else {
        return Err("wrong file identifier/HTTP URL specified".to_owned());
    };
    bubble.text.clone_from(&caption);
    let mut file = json!({ "file_id": id, "file_unique_id": format!("u{id}") });
    match kind {
        "photo" => {
            file = json!([{ "file_id": id, "file_unique_id": format!("u{id}"), "width": 90, "height": 90 }]);
        }
        "audio" | "voice" => file["duration"] = 1.into(),
        "video" | "animation" => {
            file["duration"] = 1.into();
            (file["width"], file["height"]) = (90.into(), 90.into());
        }
        _ => {}
    }
    let mut part = json!({ kind: file });
    if !caption.is_empty() {
        part["caption"] = caption.into();
    }
    Ok(part)
}

fn choices(given: &Parameters) -> Result<Vec<Choice>, String> {
    let Some(markup) = given.get("reply_markup") else {
        return Ok(Vec::new());
    };
    let kinds = ["inline_keyboard", "keyboard", "remove_keyboard", "force_reply"];
    if !kinds.iter().any(|kind| markup.get(kind).is_some()) {
        return Err("can't parse reply keyboard markup JSON object".to_owned());
    }
    let rows = |key: &str| markup[key].as_array().into_iter().flatten().filter_map(Value::as_array).flatten();
    let mut choices = Vec::new();
    for button in rows("inline_keyboard") {
        let title = button["text"].as_str().filter(|text| !text.is_empty());
        let title = title.ok_or("inline keyboard button must have a text")?.to_owned();
        match (button["callback_data"].as_str(), button["url"].as_str()) {
            (Some(data), None) if (1..=CALLBACK_DATA_BYTES_MAX).contains(&data.len()) => {
                choices.push(Choice { id: data.to_owned(), title, kind: "reply" });
            }
            (Some(_), None) => return Err("BUTTON_DATA_INVALID".to_owned()),
            (None, Some(url)) if is_link(url) => {
                choices.push(Choice { id: url.to_owned(), title, kind: "url" });
            }
            (None, Some(_)) => return Err("BUTTON_URL_INVALID".to_owned()),
            (None, None) if button["copy_text"].is_object() || button["web_app"].is_object() => {}
            _ => return Err("BUTTON_TYPE_INVALID".to_owned()),
        }
    }
    if choices.len() > BUTTONS_MAX {
        return Err("reply markup is too long".to_owned());
    }
    for button in rows("keyboard") {
        let title = button["text"].as_str().or(button.as_str()).unwrap_or_default().to_owned();
        choices.push(Choice { id: title.clone(), title, kind: "keyboard" });
    }
    Ok(choices)
}

/// A name without a dot or with a space in it refuses the whole message.
fn is_link(url: &str) -> bool {
    let web = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    url.starts_with("tg://")
        || web.is_some_and(|rest| rest.contains('.') && !rest.contains(char::is_whitespace))
}

async fn accept(
    world: &Arc<World>,
    account: &Account,
    chat: &str,
    raw: &Value,
    mut bubble: Bubble,
    part: Value,
) -> Response {
    let id = world.next_small_id();
    let provider_id = id.to_string();
    let sent = Sent { recipient: chat, text: &bubble.text, provider_id: &provider_id, raw };
    let plan = world.receive(&Telegram, &sent);
    bubble.account.clone_from(&account.id);
    bubble.provider_id = provider_id;
    bubble.silent = true;
    if plan.phone_got {
        world.show(&Telegram, chat, None, bubble);
    }
    receipts::play(world, &plan, |_| async {}).await;
    match plan.verdict {
        Verdict::Accepted => ok(&message(account, chat, id, part)),
        Verdict::Refused => bad_request("chat not found"),
        Verdict::Temporary => error(502, "Bad Gateway"),
        Verdict::Throttled => throttled(),
        Verdict::Hung => std::future::pending().await,
        Verdict::Dropped => drop_connection(),
    }
}

fn message(account: &Account, chat: &str, id: u64, part: Value) -> Value {
    let mut message = json!({
        "message_id": id,
        "date": now_ms() / 1000,
        "from": bot_user(&account.id),
        "chat": private_chat(chat),
    });
    if let (Some(message), Value::Object(part)) = (message.as_object_mut(), part) {
        message.extend(part);
    }
    message
}

/// Real chat ids are integers; a public name stays a name.
pub(super) fn private_chat(chat: &str) -> Value {
    let id = chat.parse::<i64>().map_or_else(|_| Value::from(chat), Value::from);
    json!({ "id": id, "type": "private", "first_name": format!("Person {chat}") })
}

/// The message a button was pressed under, as far as an update repeats it: with its keyboard.
pub(super) fn pressed_message(account: &Account, chat: &str, bubble: &Bubble) -> Value {
    let id = bubble.provider_id.parse().unwrap_or(0);
    let button = |choice: &Choice| match choice.kind {
        "url" => json!([{ "text": choice.title, "url": choice.id }]),
        _ => json!([{ "text": choice.title, "callback_data": choice.id }]),
    };
    let keyboard: Vec<Value> = bubble.choices.iter().map(button).collect();
    let part = json!({ "text": bubble.text, "reply_markup": { "inline_keyboard": keyboard } });
    message(account, chat, id, part)
}
