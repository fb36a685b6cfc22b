//! Interactive content: the checks of `content_attributes.items`, and its shape in the core's words.
//!
//! Reference section 5.3. The vendor's own JSON is kept beside the body, so what is printed back is what was sent.

use domain::content::{Action, Body, Card, Choice, Media};
use serde_json::{Map, Value};

use crate::error::Problem;
use crate::form;

const CARD_ACTION_KEYS: &[&str] = &["text", "type", "payload", "uri"];

fn keys(content_type: &str) -> Option<&'static [&'static str]> {
    match content_type {
        "input_select" => Some(&["title", "value"]),
        "cards" => Some(&["title", "description", "media_url", "actions"]),
        "form" => Some(&[
            "type",
            "placeholder",
            "label",
            "name",
            "options",
            "default",
            "required",
            "pattern",
            "title",
            "pattern_error",
        ]),
        "article" => Some(&["title", "description", "link"]),
        _ => None,
    }
}

/// Refuses what the vendor refuses.
pub(crate) fn check(content_type: &str, attributes: &Map<String, Value>) -> Result<(), Problem> {
    let Some(allowed) = keys(content_type) else {
        return Ok(());
    };
    let wrong = |text: &str| Err(Problem::validation(&format!("Content attributes {text}")));
    let items = attributes.get("items").and_then(Value::as_array).filter(|items| !items.is_empty());
    let Some(items) = items else {
        return wrong("At least one item is required.");
    };
    let mut foreign = Vec::new();
    for item in items {
        let Some(item) = item.as_object() else {
            return wrong("Items should be a hash.");
        };
        foreign.extend(foreign_keys(item, allowed));
    }
    if !foreign.is_empty() {
        return wrong(&format!("contains invalid keys for items : [{}]", foreign.join(", ")));
    }
    if content_type == "cards" { check_actions(items) } else { Ok(()) }
}

fn check_actions(items: &[Value]) -> Result<(), Problem> {
    let wrong = |text: &str| Err(Problem::validation(&format!("Content attributes {text}")));
    let mut foreign = Vec::new();
    for item in items {
        let Some(actions) = item.get("actions").and_then(Value::as_array).filter(|given| !given.is_empty())
        else {
            return wrong("contains items missing actions");
        };
        for action in actions.iter().filter_map(Value::as_object) {
            foreign.extend(foreign_keys(action, CARD_ACTION_KEYS));
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    wrong(&format!("contains invalid keys for actions:  [{}]", foreign.join(", ")))
}

fn foreign_keys(item: &Map<String, Value>, allowed: &[&str]) -> Vec<String> {
    item.keys().filter(|key| !allowed.contains(&key.as_str())).map(|key| format!(":{key}")).collect()
}

/// The body that channels understand; `None` where the content type is no interactive one.
pub(crate) fn body(content_type: &str, text: &str, attributes: &Map<String, Value>) -> Option<Body> {
    let items = attributes.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let said = |item: &Value, key: &str| form::text(item.get(key)).unwrap_or_default();
    match content_type {
        "input_select" => {
            let choice = |item: &Value| Choice {
                action: Action::Reply { text: said(item, "title") },
                postback: said(item, "value"),
            };
            Some(Body::Choice { text: text.to_owned(), choices: items.iter().map(choice).collect() })
        }
        "cards" => {
            let cards = items.iter().map(card).collect();
            Some(Body::Carousel { text: text.to_owned(), cards, choices: Vec::new() })
        }
        "article" => {
            let link = |item: &Value| Choice {
                action: Action::Link { title: said(item, "title"), url: said(item, "link") },
                postback: String::new(),
            };
            Some(Body::Choice { text: text.to_owned(), choices: items.iter().map(link).collect() })
        }
        "text" => None,
        _ => Some(Body::Other { text: text.to_owned() }),
    }
}

fn card(item: &Value) -> Card {
    let said = |item: &Value, key: &str| form::text(item.get(key)).unwrap_or_default();
    let url = said(item, "media_url");
    let actions = item.get("actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let choice = |action: &Value| {
        let (title, uri) = (said(action, "text"), said(action, "uri"));
        let act =
            if uri.is_empty() { Action::Reply { text: title } } else { Action::Link { title, url: uri } };
        Choice { action: act, postback: said(action, "payload") }
    };
    Card {
        title: said(item, "title"),
        description: said(item, "description"),
        media: (!url.is_empty()).then(|| Media { url, ..Media::default() }),
        choices: actions.iter().map(choice).collect(),
    }
}
