//! Our content as Bot API calls: a method and its JSON each. Pure and total; what has no native form becomes text.
//! Limits: <https://core.telegram.org/bots/api#sendmessage> and its neighbours.

use connector_api::Outbound;
use domain::content::{Action, Body, Card, Choice, Media, text};
use domain::delivery::{Reason, ReasonKind};
use serde_json::{Value, json};

use crate::hand_over::chunks;

pub const TEXT_CHARS_MAX: usize = 4_096;
pub const BUTTONS_MAX: usize = 30;
const CAPTION_CHARS_MAX: usize = 1_024;
const POSTBACK_BYTES_MAX: usize = 64;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub method: String,
    pub body: Value,
}

fn new_call(method: &str, body: Value) -> Call {
    Call { method: method.to_owned(), body }
}

/// The calls of one message, in order.
pub fn outbound(message: &Outbound) -> Result<Vec<Call>, Reason> {
    let chat: i64 = message
        .to
        .address
        .parse()
        .map_err(|_| Reason::new(ReasonKind::RecipientInvalid, "a chat id is a whole number"))?;
    let mut calls = match &message.raw {
        Some(raw) => vec![raw_call(raw)?],
        None => of_body(&message.content.body),
    };
    for (at, call) in calls.iter_mut().enumerate() {
        call.body["chat_id"] = json!(chat);
        if let Some(answered) = message.reply_to.as_ref().filter(|_| at == 0) {
            let id = answered.rsplit(':').next().and_then(|id| id.parse::<i64>().ok());
            if let Some(id) = id {
                call.body["reply_parameters"] =
                    json!({ "message_id": id, "allow_sending_without_reply": true });
            }
        }
    }
    Ok(calls)
}

fn raw_call(raw: &str) -> Result<Call, Reason> {
    let wrong = |why: &str| Reason::new(ReasonKind::ContentUnsupported, why);
    let mut body: Value = serde_json::from_str(raw).unwrap_or_default();
    let Some(fields) = body.as_object_mut() else {
        return Err(wrong("the channel override is not a JSON object"));
    };
    let method = fields.remove("method");
    let method = method.as_ref().and_then(Value::as_str).unwrap_or("sendMessage");
    if !method.starts_with("send") || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(wrong("the channel override names a method that sends nothing"));
    }
    Ok(Call { method: method.to_owned(), body })
}

fn of_body(body: &Body) -> Vec<Call> {
    match body {
        Body::Media(item) => media(item, None),
        Body::Album { caption, items } if !items.is_empty() => album(caption, items),
        Body::Location { title, label, latitude, longitude } => {
            location(body, title, label, latitude, longitude)
        }
        Body::Choice { text, choices } => choice(text, choices),
        Body::Card(card) => of_card(card),
        Body::Carousel { text, cards, choices } => {
            let mut calls = Vec::new();
            if !text.is_empty() || !choices.is_empty() {
                calls.extend(choice(text, choices));
            }
            calls.extend(cards.iter().flat_map(of_card));
            calls
        }
        Body::List { sections, .. } => {
            let rows = sections.iter().flat_map(|section| &section.rows);
            let choices: Vec<Choice> = rows
                .map(|row| Choice {
                    action: Action::Reply { text: row.title.clone() },
                    postback: row.postback.clone(),
                })
                .collect();
            match keyboard(&choices) {
                (Some(keyboard), rest) if rest.is_empty() => plain(&text::render(body), Some(keyboard)),
                _ => plain(&text::render(body), None),
            }
        }
        Body::ContactCard { name, phones, .. } => match phones.first() {
            Some(phone) => {
                let (first, last) = name.split_once(' ').unwrap_or((name, ""));
                let body = json!({ "phone_number": phone, "first_name": first, "last_name": last });
                vec![new_call("sendContact", body)]
            }
            None => plain(&text::render(body), None),
        },
        _ => plain(&text::render(body), None),
    }
}

/// Text in as many messages as it needs; the keyboard hangs on the last one.
fn plain(text: &str, keyboard: Option<Value>) -> Vec<Call> {
    let pieces = chunks(text, TEXT_CHARS_MAX);
    let mut calls: Vec<Call> =
        pieces.into_iter().map(|piece| new_call("sendMessage", json!({ "text": piece }))).collect();
    if let (Some(last), Some(keyboard)) = (calls.last_mut(), keyboard) {
        last.body["reply_markup"] = keyboard;
    }
    calls
}

fn choice(text: &str, choices: &[Choice]) -> Vec<Call> {
    // A place can only be asked for below the writing field, where buttons of other kinds have no room.
    if let [Choice { action: Action::ShareLocation { title }, .. }] = choices {
        let button = json!({ "text": title, "request_location": true });
        let keyboard = json!({ "keyboard": [[button]], "one_time_keyboard": true, "resize_keyboard": true });
        return plain(text, Some(keyboard));
    }
    let (keyboard, rest) = keyboard(choices);
    let words = Body::Choice { text: text.to_owned(), choices: rest };
    plain(&text::render(&words), keyboard)
}

/// Choices as buttons, one a row, and those that cannot be one: calls, calendars, long postbacks.
fn keyboard(choices: &[Choice]) -> (Option<Value>, Vec<Choice>) {
    let mut rows = Vec::new();
    let mut rest = Vec::new();
    for choice in choices {
        match button(choice) {
            Some(button) if rows.len() < BUTTONS_MAX => rows.push(json!([button])),
            _ => rest.push(choice.clone()),
        }
    }
    let keyboard = (!rows.is_empty()).then(|| json!({ "inline_keyboard": rows }));
    (keyboard, rest)
}

fn button(choice: &Choice) -> Option<Value> {
    match &choice.action {
        Action::Reply { text } => {
            let data = if choice.postback.is_empty() { text } else { &choice.postback };
            let sized = (1..=POSTBACK_BYTES_MAX).contains(&data.len());
            sized.then(|| json!({ "text": text, "callback_data": data }))
        }
        Action::Link { title, url } => {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
            let usable = host.contains('.') && !url.contains(char::is_whitespace);
            usable.then(|| json!({ "text": title, "url": url }))
        }
        Action::ShowLocation { title, latitude, longitude } => Some(json!({
            "text": title,
            "url": format!("https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"),
        })),
        Action::Call { .. } | Action::Calendar { .. } | Action::ShareLocation { .. } => None,
    }
}

fn media_method(mime: &str) -> (&'static str, &'static str) {
    match mime.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" | "image/png" | "image/webp" => ("sendPhoto", "photo"),
        "image/gif" => ("sendAnimation", "animation"),
        "video/mp4" => ("sendVideo", "video"),
        "audio/mpeg" | "audio/mp4" | "audio/x-m4a" => ("sendAudio", "audio"),
        "audio/ogg" => ("sendVoice", "voice"),
        _ => ("sendDocument", "document"),
    }
}

fn media(item: &Media, keyboard: Option<Value>) -> Vec<Call> {
    let (method, field) = media_method(&item.mime);
    let mut body = json!({ field: item.url });
    let long = item.caption.chars().count() > CAPTION_CHARS_MAX;
    if long {
        let mut calls = vec![new_call(method, body)];
        calls.extend(plain(&item.caption, keyboard));
        return calls;
    }
    if !item.caption.is_empty() {
        body["caption"] = json!(item.caption);
    }
    if let Some(keyboard) = keyboard {
        body["reply_markup"] = keyboard;
    }
    vec![new_call(method, body)]
}

fn album(caption: &str, items: &[Media]) -> Vec<Call> {
    let mut calls = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let mut item = item.clone();
        if at == 0 && item.caption.is_empty() {
            caption.clone_into(&mut item.caption);
        }
        calls.extend(media(&item, None));
    }
    calls
}

fn location(body: &Body, title: &str, label: &str, latitude: &str, longitude: &str) -> Vec<Call> {
    let (Ok(latitude), Ok(longitude)) = (latitude.parse::<f64>(), longitude.parse::<f64>()) else {
        return plain(&text::render(body), None);
    };
    let mut place = json!({ "latitude": latitude, "longitude": longitude });
    if title.is_empty() {
        return vec![new_call("sendLocation", place)];
    }
    place["title"] = json!(title);
    place["address"] = json!(if label.is_empty() { title } else { label });
    vec![new_call("sendVenue", place)]
}

fn of_card(card: &Card) -> Vec<Call> {
    let (keyboard, rest) = keyboard(&card.choices);
    let words = Card { media: None, choices: rest, ..card.clone() };
    let words = text::render(&Body::Card(words));
    match &card.media {
        Some(picture) => media(&Media { caption: words, ..picture.clone() }, keyboard),
        None => plain(&words, keyboard),
    }
}
