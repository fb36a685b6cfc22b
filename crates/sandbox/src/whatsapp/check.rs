//! Reads a send request as strictly as the published contract, and says what the person will see.
//! Limits: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>.

use std::collections::HashSet;

use serde_json::Value;

use super::errors::{GraphError, bad_value, invalid, missing};
use super::shape;
use crate::handset::{Author, Bubble, Choice};
use crate::media::MediaStore;

const TEXT_MAX: usize = 4096;
const CAPTION_MAX: usize = 1024;
const BODY_MAX: usize = 1024;
const LIST_BODY_MAX: usize = 4096;

type Checked<T> = Result<T, GraphError>;

/// What the person's phone shows for a valid message.
pub(super) fn message(request: &Value, files: &MediaStore) -> Checked<Bubble> {
    let kind = request["type"].as_str().unwrap_or("text");
    let mut bubble = Bubble::new(Author::Business, kind, "");
    let part = part(request, kind)?;
    shape::check(request)?;
    match kind {
        "text" => bubble.text = text(part, "body", TEXT_MAX)?,
        "image" | "video" | "audio" | "document" | "sticker" => media(kind, part, files, &mut bubble)?,
        "location" => location(part, &mut bubble)?,
        "contacts" => bubble.text = contacts(part)?,
        "interactive" => interactive(part, files, &mut bubble)?,
        "template" => template(part, &mut bubble)?,
        "reaction" => {
            text(part, "message_id", TEXT_MAX)?;
            let emoji = part["emoji"].as_str().ok_or_else(|| missing("Parameter 'emoji' is mandatory"))?;
            emoji.clone_into(&mut bubble.text);
        }
        other => {
            return Err(invalid(format!(
                "Param type must be one of {{AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, \
                 STICKER, TEMPLATE, TEXT, VIDEO}} - got \"{other}\"."
            )));
        }
    }
    Ok(bubble)
}

fn part<'a>(request: &'a Value, kind: &str) -> Checked<&'a Value> {
    let part = &request[kind];
    if part.is_object() || part.is_array() {
        return Ok(part);
    }
    match kind {
        "text" | "image" | "video" | "audio" | "document" | "sticker" | "location" | "contacts"
        | "interactive" | "template" | "reaction" => {
            Err(missing(format!("Parameter '{kind}' is mandatory for type '{kind}'")))
        }
        _ => Ok(part),
    }
}

fn text(of: &Value, key: &str, length_max: usize) -> Checked<String> {
    let text = of[key].as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| missing(format!("Parameter '{key}' is mandatory and must be a string")))?;
    if text.chars().count() > length_max {
        return Err(invalid(format!("Param {key} must be at most {length_max} characters long.")));
    }
    Ok(text.to_owned())
}

fn optional(of: &Value, key: &str, length_max: usize) -> Checked<Option<String>> {
    if of[key].is_null() { Ok(None) } else { text(of, key, length_max).map(Some) }
}

fn media(kind: &str, part: &Value, files: &MediaStore, bubble: &mut Bubble) -> Checked<()> {
    let url = match (part["link"].as_str(), part["id"].as_str()) {
        (Some(link), None) if link.starts_with("http://") || link.starts_with("https://") => link.to_owned(),
        (Some(_), None) => return Err(bad_value(format!("Param {kind}['link'] is not a valid URL."))),
        (None, Some(id)) if files.get(id).is_some() => format!("/whatsapp/download/{id}"),
        (None, Some(id)) => {
            return Err(bad_value(format!("Param {kind}['id'] is not a valid media ID: {id}.")));
        }
        _ => {
            return Err(missing(format!("Exactly one of 'link' and 'id' is mandatory in '{kind}'")));
        }
    };
    let caption = optional(part, "caption", CAPTION_MAX)?;
    bubble.text = caption.unwrap_or_default();
    bubble.media_url = Some(url);
    Ok(())
}

fn location(part: &Value, bubble: &mut Bubble) -> Checked<()> {
    for (key, most) in [("latitude", 90.0), ("longitude", 180.0)] {
        let number = part[key].as_f64().or_else(|| part[key].as_str().and_then(|text| text.parse().ok()));
        let number: f64 = number.ok_or_else(|| missing(format!("Parameter '{key}' is mandatory")))?;
        if !(-most..=most).contains(&number) {
            return Err(bad_value(format!("Param location['{key}'] is out of range.")));
        }
    }
    let lines = [optional(part, "name", CAPTION_MAX)?, optional(part, "address", CAPTION_MAX)?];
    bubble.text = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    bubble.location = Some(part.clone());
    Ok(())
}

fn contacts(part: &Value) -> Checked<String> {
    let cards = part.as_array().filter(|cards| !cards.is_empty());
    let cards = cards.ok_or_else(|| missing("Parameter 'contacts' must be an array with an element"))?;
    let mut lines = Vec::new();
    for card in cards {
        let name = &card["name"];
        lines.push(text(name, "formatted_name", CAPTION_MAX)?);
        let others = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
        if !others.iter().any(|other| name[other].is_string()) {
            return Err(missing(
                "At least one of first_name, last_name, middle_name, suffix, prefix is mandatory",
            ));
        }
        let phones = card["phones"].as_array().into_iter().flatten();
        lines.extend(phones.filter_map(|phone| phone["phone"].as_str()).map(str::to_owned));
    }
    Ok(lines.join("\n"))
}

fn interactive(part: &Value, files: &MediaStore, bubble: &mut Bubble) -> Checked<()> {
    let kind = text(part, "type", TEXT_MAX)?;
    let mut lines = Vec::new();
    if !part["header"].is_null() {
        header(&kind, &part["header"], files, bubble)?;
        lines.append(&mut vec![std::mem::take(&mut bubble.text)]);
    }
    let body_max = if kind == "list" { LIST_BODY_MAX } else { BODY_MAX };
    lines.push(text(&part["body"], "text", body_max)?);
    if !part["footer"].is_null() {
        lines.push(text(&part["footer"], "text", 60)?);
    }
    let action = &part["action"];
    match kind.as_str() {
        "button" => buttons(action, bubble)?,
        "list" => list(action, bubble)?,
        "cta_url" => {
            let parameters = &action["parameters"];
            let title = text(parameters, "display_text", 20)?;
            let id = text(parameters, "url", 2000)?;
            lines.push(id.clone());
            bubble.choices.push(Choice { id, title, kind: "url" });
        }
        "location_request_message" if action["name"] == "send_location" => {}
        "flow" => {
            text(&action["parameters"], "flow_cta", 30)?;
        }
        "carousel" => carousel(action, &mut lines)?,
        other => {
            return Err(invalid(format!("Param interactive['type'] is not valid: \"{other}\".")));
        }
    }
    lines.retain(|line| !line.is_empty());
    bubble.text = lines.join("\n");
    Ok(())
}

fn header(kind: &str, header: &Value, files: &MediaStore, bubble: &mut Bubble) -> Checked<()> {
    match header["type"].as_str() {
        Some("text") => bubble.text = text(header, "text", 60)?,
        Some(file @ ("image" | "video" | "document")) if kind != "list" => {
            media(file, &header[file], files, bubble)?;
        }
        _ => {
            return Err(invalid("Param interactive['header']['type'] is not valid for this type."));
        }
    }
    Ok(())
}

fn buttons(action: &Value, bubble: &mut Bubble) -> Checked<()> {
    let buttons = action["buttons"].as_array().filter(|buttons| (1..=3).contains(&buttons.len()));
    let buttons = buttons.ok_or_else(|| invalid("Number of buttons must be between 1 and 3."))?;
    for button in buttons {
        if button["type"] != "reply" {
            return Err(invalid("Param buttons['type'] must be one of {reply}."));
        }
        let id = text(&button["reply"], "id", 256)?;
        let title = text(&button["reply"], "title", 20)?;
        bubble.choices.push(Choice { id, title, kind: "reply" });
    }
    unique(bubble.choices.iter().map(|choice| choice.id.as_str()))?;
    unique(bubble.choices.iter().map(|choice| choice.title.as_str()))
}

fn list(action: &Value, bubble: &mut Bubble) -> Checked<()> {
    text(action, "button", 20)?;
    let sections = action["sections"].as_array().filter(|sections| (1..=10).contains(&sections.len()));
    let sections = sections.ok_or_else(|| invalid("Number of sections must be between 1 and 10."))?;
    for section in sections {
        if sections.len() > 1 || !section["title"].is_null() {
            text(section, "title", 24)?;
        }
        for row in section["rows"].as_array().into_iter().flatten() {
            optional(row, "description", 72)?;
            bubble.choices.push(Choice {
                id: text(row, "id", 200)?,
                title: text(row, "title", 24)?,
                kind: "row",
            });
        }
    }
    if !(1..=10).contains(&bubble.choices.len()) {
        return Err(invalid("Total row count must be between 1 and 10."));
    }
    unique(bubble.choices.iter().map(|choice| choice.id.as_str()))
}

fn carousel(action: &Value, lines: &mut Vec<String>) -> Checked<()> {
    let cards = action["cards"].as_array().filter(|cards| (2..=10).contains(&cards.len()));
    let cards = cards.ok_or_else(|| invalid("Number of cards must be between 2 and 10."))?;
    for (index, card) in cards.iter().enumerate() {
        let header = card["header"]["type"].as_str();
        if card["card_index"].as_u64() != Some(index as u64) {
            return Err(invalid("Param card_index must count from 0."));
        }
        if !matches!(header, Some("image" | "video")) || header != cards[0]["header"]["type"].as_str() {
            return Err(invalid("Every card needs an image or video header of the same kind."));
        }
        lines.extend(optional(&card["body"], "text", 160)?);
    }
    Ok(())
}

fn unique<'a>(values: impl Iterator<Item = &'a str>) -> Checked<()> {
    let mut seen = HashSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(invalid(format!("Duplicated value: \"{value}\".")));
        }
    }
    Ok(())
}

fn template(part: &Value, bubble: &mut Bubble) -> Checked<()> {
    let name = text(part, "name", 512)?;
    let code = text(&part["language"], "code", 16)?;
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err(invalid(
            "Param template['name'] may hold only lower-case letters, digits and underscores.",
        ));
    }
    let mut values = Vec::new();
    for component in part["components"].as_array().into_iter().flatten() {
        let kind = component["type"].as_str().unwrap_or_default().to_lowercase();
        if !matches!(kind.as_str(), "header" | "body" | "button" | "carousel" | "limited_time_offer") {
            return Err(invalid(format!("Param template component type is not valid: \"{kind}\".")));
        }
        for parameter in component["parameters"].as_array().into_iter().flatten() {
            let parameter_kind = text(parameter, "type", 40)?;
            if kind == "button" && parameter_kind == "payload" {
                let id = text(parameter, "payload", 256)?;
                bubble.choices.push(Choice { title: id.clone(), id, kind: "quick_reply" });
            } else if parameter_kind == "text" {
                values.push(text(parameter, "text", TEXT_MAX)?);
            }
        }
    }
    let shown = format!("[{name}/{code}] {}", values.join(" · "));
    shown.trim_end().clone_into(&mut bubble.text);
    Ok(())
}
