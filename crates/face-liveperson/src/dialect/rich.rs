//! Choices, cards, lists and places as structured content.
//! Bodies that have no structured form are `None`: they go out as text or files.

use domain::content::{Action, Body, Card, Choice};
use serde_json::{Value, json};

/// A `RichContentEvent` for bodies that have one.
pub fn event(body: &Body) -> Option<Value> {
    let content = match body {
        Body::Choice { text, choices } => vertical(said(text).chain(choices.iter().map(button))),
        Body::Card(card) => self::card(card),
        Body::Carousel { text, cards, choices } => {
            let carousel =
                json!({ "type": "carousel", "elements": cards.iter().map(card).collect::<Vec<_>>() });
            vertical(said(text).chain([carousel]).chain(choices.iter().map(button)))
        }
        Body::List { title, description, sections, .. } => {
            let rows = sections.iter().flat_map(|section| {
                let rows = section.rows.iter().map(|row| press(&row.title, &row.title, &row.postback));
                said(&section.title).chain(rows)
            });
            vertical(said(title).chain(said(description)).chain(rows))
        }
        Body::Location { title, label, latitude, longitude } => {
            let (la, lo) = (latitude.parse::<f64>().ok()?, longitude.parse::<f64>().ok()?);
            vertical(said(title).chain(said(label)).chain([json!({ "type": "map", "la": la, "lo": lo })]))
        }
        _ => return None,
    };
    Some(json!({ "type": "RichContentEvent", "content": content }))
}

fn vertical(elements: impl Iterator<Item = Value>) -> Value {
    json!({ "type": "vertical", "elements": elements.collect::<Vec<_>>() })
}

fn said(text: &str) -> std::option::IntoIter<Value> {
    (!text.is_empty()).then(|| json!({ "type": "text", "text": text })).into_iter()
}

fn card(card: &Card) -> Value {
    let shown = card.media.as_ref().filter(|media| !media.url.is_empty());
    let image = shown.map(|media| json!({ "type": "image", "url": media.url }));
    let words = said(&card.title).chain(said(&card.description));
    vertical(image.into_iter().chain(words).chain(card.choices.iter().map(button)))
}

fn button(choice: &Choice) -> Value {
    let title = choice.action.title();
    let action = match &choice.action {
        Action::Link { url, .. } => json!({ "type": "link", "uri": url }),
        Action::Call { phone, .. } => json!({ "type": "link", "uri": format!("tel:{phone}") }),
        Action::ShowLocation { latitude, longitude, .. } => {
            json!({ "type": "navigate", "la": latitude.parse::<f64>().ok(), "lo": longitude.parse::<f64>().ok() })
        }
        Action::Reply { .. } | Action::Calendar { .. } | Action::ShareLocation { .. } => {
            return press(title, title, &choice.postback);
        }
    };
    json!({ "type": "button", "title": title, "click": { "actions": [action] } })
}

fn press(title: &str, text: &str, postback: &str) -> Value {
    let mut click = json!({ "actions": [{ "type": "publishText", "text": text }] });
    if !postback.is_empty() {
        click["metadata"] = json!([{ "type": "ExternalId", "id": postback }]);
    }
    json!({ "type": "button", "title": title, "click": click })
}
