//! Our content as Graph request bodies. Pure and total: what has no native form, or goes over a limit of the native
//! form, becomes text. Limits: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>

use connector_api::Outbound;
use domain::content::{Action, Body, Card, Choice, Media, Section, text};
use domain::delivery::{Reason, ReasonKind};
use serde_json::{Value, json};

use super::is_scoped_id;
use crate::hand_over::chunks;

pub const TEXT_CHARS_MAX: usize = 4_096;
pub const ROWS_MAX: usize = 10;
const BUTTONS_MAX: usize = 3;
const BUTTON_TITLE_CHARS_MAX: usize = 20;
const ROW_TITLE_CHARS_MAX: usize = 24;
const ROW_DESCRIPTION_CHARS_MAX: usize = 72;
const INTERACTIVE_TEXT_CHARS_MAX: usize = 1_024;
const CAPTION_CHARS_MAX: usize = 1_024;
const ROW_ID_CHARS_MAX: usize = 200;

/// The request bodies of one message, in order.
pub fn outbound(message: &Outbound) -> Result<Vec<Value>, Reason> {
    let mut bodies = match &message.raw {
        Some(raw) => vec![raw_object(raw)?],
        None => of_body(&message.content.body),
    };
    for (at, body) in bodies.iter_mut().enumerate() {
        body["messaging_product"] = json!("whatsapp");
        body["recipient_type"] = json!("individual");
        // An override may hold the other field, and the provider prefers `to`.
        let (field, other) =
            if is_scoped_id(&message.to) { ("recipient", "to") } else { ("to", "recipient") };
        if let Some(fields) = body.as_object_mut() {
            fields.remove(other);
        }
        body[field] = json!(&*message.to.address);
        body["biz_opaque_callback_data"] = json!(&*message.token);
        if let Some(answered) = message.reply_to.as_ref().filter(|_| at == 0) {
            body["context"] = json!({ "message_id": &**answered });
        }
    }
    Ok(bodies)
}

fn raw_object(raw: &str) -> Result<Value, Reason> {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    if value.is_object() {
        return Ok(value);
    }
    Err(Reason::new(ReasonKind::ContentUnsupported, "the channel override is not a JSON object"))
}

fn of_body(body: &Body) -> Vec<Value> {
    match body {
        Body::Media(item) => media(item),
        Body::Album { caption, items } => album(caption, items),
        Body::Location { title, label, latitude, longitude } => {
            let place = with_words(json!({ "latitude": latitude, "longitude": longitude }), "name", title);
            vec![json!({ "type": "location", "location": with_words(place, "address", label) })]
        }
        Body::Choice { text, choices } => match interactive(text, None, choices) {
            Some(native) => vec![native],
            None => plain(&text::render(body)),
        },
        Body::Card(card) => of_card(card),
        Body::Carousel { text, cards, choices } => carousel(text, cards, choices),
        Body::List { title, description, sections, menu_title } => {
            match list(title, description, sections, menu_title) {
                Some(native) => vec![native],
                None => plain(&text::render(body)),
            }
        }
        Body::ContactCard { name, phones, emails, organization } => {
            vec![contact(name, phones, emails, organization)]
        }
        Body::Template { name, language, parameters } => vec![template(name, language, parameters)],
        Body::Text(_) | Body::Picked { .. } | Body::Other { .. } => plain(&text::render(body)),
    }
}

fn plain(text: &str) -> Vec<Value> {
    let piece = |piece: String| json!({ "type": "text", "text": { "body": piece, "preview_url": true } });
    chunks(text, TEXT_CHARS_MAX).into_iter().map(piece).collect()
}

fn fits(text: &str, chars_max: usize) -> bool {
    text.chars().count() <= chars_max
}

fn media_kind(mime: &str) -> &'static str {
    match mime.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" | "image/png" => "image",
        "video/mp4" | "video/3gpp" => "video",
        "audio/aac" | "audio/mp4" | "audio/mpeg" | "audio/amr" | "audio/ogg" => "audio",
        _ => "document",
    }
}

/// Audio takes no caption, and captions are short: either way the words follow as a message of their own.
fn media(item: &Media) -> Vec<Value> {
    let kind = media_kind(&item.mime);
    let mut object = json!({ "link": item.url });
    if kind == "document" && !item.name.is_empty() {
        object["filename"] = json!(item.name);
    }
    let captioned = kind != "audio" && fits(&item.caption, CAPTION_CHARS_MAX);
    if captioned && !item.caption.is_empty() {
        object["caption"] = json!(item.caption);
    }
    let mut bodies = vec![json!({ "type": kind, kind: object })];
    if !captioned && !item.caption.is_empty() {
        bodies.extend(plain(&item.caption));
    }
    bodies
}

fn album(caption: &str, items: &[Media]) -> Vec<Value> {
    let mut bodies = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let mut item = item.clone();
        if at == 0 && item.caption.is_empty() {
            caption.clone_into(&mut item.caption);
        }
        bodies.extend(media(&item));
    }
    if bodies.is_empty() { plain(caption) } else { bodies }
}

/// Buttons, a list, one link or a request for the location; `None` where the choices have no native form.
fn interactive(text: &str, header: Option<&Media>, choices: &[Choice]) -> Option<Value> {
    if text.is_empty() || !fits(text, INTERACTIVE_TEXT_CHARS_MAX) {
        return None;
    }
    let mut inner = match choices {
        [Choice { action: Action::Link { title, url }, .. }] if fits(title, BUTTON_TITLE_CHARS_MAX) => {
            json!({
                "type": "cta_url",
                "action": { "name": "cta_url", "parameters": { "display_text": title, "url": url } },
            })
        }
        [Choice { action: Action::ShareLocation { .. }, .. }] if header.is_none() => {
            json!({ "type": "location_request_message", "action": { "name": "send_location" } })
        }
        _ => replies(choices, header.is_none())?,
    };
    inner["body"] = json!({ "text": text });
    if let Some(media) = header {
        let kind = media_kind(&media.mime);
        if kind == "audio" {
            return None;
        }
        inner["header"] = json!({ "type": kind, kind: { "link": media.url } });
    }
    Some(json!({ "type": "interactive", "interactive": inner }))
}

fn replies(choices: &[Choice], list_allowed: bool) -> Option<Value> {
    let is_button = choices.len() <= BUTTONS_MAX;
    let title_chars_max = if is_button { BUTTON_TITLE_CHARS_MAX } else { ROW_TITLE_CHARS_MAX };
    let mut options: Vec<(&str, &str)> = Vec::new();
    for choice in choices {
        let Action::Reply { text } = &choice.action else {
            return None;
        };
        let id = if choice.postback.is_empty() { text } else { &choice.postback };
        let repeated = options.iter().any(|(other, title)| other == id || title == text);
        if repeated || text.is_empty() || !fits(text, title_chars_max) || !fits(id, ROW_ID_CHARS_MAX) {
            return None;
        }
        options.push((id, text));
    }
    match options.len() {
        0 => None,
        1..=BUTTONS_MAX => {
            let button = |(id, title): &(&str, &str)| json!({ "type": "reply", "reply": { "id": id, "title": title } });
            let buttons: Vec<Value> = options.iter().map(button).collect();
            Some(json!({ "type": "button", "action": { "buttons": buttons } }))
        }
        4..=ROWS_MAX if list_allowed => {
            let row = |(id, title): &(&str, &str)| json!({ "id": id, "title": title });
            let rows: Vec<Value> = options.iter().map(row).collect();
            Some(json!({ "type": "list", "action": { "button": "…", "sections": [{ "rows": rows }] } }))
        }
        _ => None,
    }
}

fn of_card(card: &Card) -> Vec<Value> {
    let words: Vec<&str> = [card.title.as_str(), card.description.as_str()]
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    let words = words.join("\n");
    if let Some(native) = interactive(&words, card.media.as_ref(), &card.choices) {
        return vec![native];
    }
    let (Some(picture), true) = (&card.media, card.choices.is_empty()) else {
        return plain(&text::render(&Body::Card(card.clone())));
    };
    media(&Media { caption: words, ..picture.clone() })
}

fn carousel(words: &str, cards: &[Card], choices: &[Choice]) -> Vec<Value> {
    let mut bodies = Vec::new();
    let closing = Body::Choice { text: words.to_owned(), choices: choices.to_vec() };
    if !words.is_empty() || !choices.is_empty() {
        bodies.extend(of_body(&closing));
    }
    bodies.extend(cards.iter().flat_map(of_card));
    bodies
}

fn list(title: &str, description: &str, sections: &[Section], menu_title: &str) -> Option<Value> {
    let count: usize = sections.iter().map(|section| section.rows.len()).sum();
    let words = if description.is_empty() { title } else { description };
    let headed = !description.is_empty() && !title.is_empty();
    let button = if menu_title.is_empty() { "…" } else { menu_title };
    let sizes_fit = fits(words, INTERACTIVE_TEXT_CHARS_MAX)
        && fits(button, BUTTON_TITLE_CHARS_MAX)
        && (!headed || fits(title, 60))
        && sections.iter().all(|section| fits(&section.title, ROW_TITLE_CHARS_MAX));
    let titled = sections.len() < 2 || sections.iter().all(|section| !section.title.is_empty());
    if words.is_empty() || !(1..=ROWS_MAX).contains(&count) || !sizes_fit || !titled {
        return None;
    }
    let mut given = Vec::new();
    for section in sections {
        let mut rows = Vec::new();
        for row in &section.rows {
            if !fits(&row.title, ROW_TITLE_CHARS_MAX) || !fits(&row.description, ROW_DESCRIPTION_CHARS_MAX) {
                return None;
            }
            let id = if row.postback.is_empty() { &row.title } else { &row.postback };
            rows.push(with_words(json!({ "id": id, "title": row.title }), "description", &row.description));
        }
        given.push(with_words(json!({ "rows": rows }), "title", &section.title));
    }
    let mut inner = json!({
        "type": "list",
        "body": { "text": words },
        "action": { "button": button, "sections": given },
    });
    if headed {
        inner["header"] = json!({ "type": "text", "text": title });
    }
    Some(json!({ "type": "interactive", "interactive": inner }))
}

/// An optional text. The provider refuses an empty one.
fn with_words(mut part: Value, name: &str, words: &str) -> Value {
    if !words.is_empty() {
        part[name] = words.into();
    }
    part
}

fn contact(name: &str, phones: &[String], emails: &[String], organization: &str) -> Value {
    let phones: Vec<Value> = phones.iter().map(|phone| json!({ "phone": phone })).collect();
    let emails: Vec<Value> = emails.iter().map(|email| json!({ "email": email })).collect();
    let first = name.split_whitespace().next().unwrap_or(name);
    let mut card = json!({ "name": { "formatted_name": name, "first_name": first } });
    if !phones.is_empty() {
        card["phones"] = json!(phones);
    }
    if !emails.is_empty() {
        card["emails"] = json!(emails);
    }
    if !organization.is_empty() {
        card["org"] = json!({ "company": organization });
    }
    json!({ "type": "contacts", "contacts": [card] })
}

/// Parameters named by number (`1`, `body[1]text`) are positional, in the order given; others go by their name.
/// Those whose name begins with `header` belong to the header.
fn template(name: &str, language: &str, parameters: &[(String, String)]) -> Value {
    let mut components = Vec::new();
    for place in ["header", "body"] {
        let here = parameters.iter().filter(|(key, _)| key.starts_with("header[") == (place == "header"));
        let written: Vec<Value> = here.map(|(key, value)| parameter(key, value)).collect();
        if !written.is_empty() {
            components.push(json!({ "type": place, "parameters": written }));
        }
    }
    let mut template = json!({ "name": name, "language": { "policy": "deterministic", "code": language } });
    if !components.is_empty() {
        template["components"] = json!(components);
    }
    json!({ "type": "template", "template": template })
}

fn parameter(key: &str, value: &str) -> Value {
    let positional = key.contains('[') || key.bytes().all(|byte| byte.is_ascii_digit());
    if positional {
        return json!({ "type": "text", "text": value });
    }
    json!({ "type": "text", "parameter_name": key, "text": value })
}

#[cfg(test)]
mod tests {
    //! What the provider is strict about.
    use domain::content::Row;

    use super::*;

    #[test]
    fn a_list_leaves_out_the_words_it_does_not_have() {
        let row = Row { title: "Twelve".to_owned(), description: String::new(), postback: String::new() };
        let section = Section { title: String::new(), rows: vec![row] };
        let sent =
            list("Lockers", "", &[section], "").map(|sent| sent["interactive"]["action"]["sections"].clone());
        assert_eq!(sent, Some(json!([{ "rows": [{ "id": "Twelve", "title": "Twelve" }] }])));
    }
}
