//! Messages of anybody as `ContentEvent` or `RichContentEvent`.
//!
//! What this face wrote is printed back as it came; what others wrote is translated, and to installations without
//! the rich event it is told as text.

use domain::content::{Body, Content, Face, Media, text};
use domain::event::Fact;
use domain::message::Author;
use engine::Facts;
use serde_json::{Value, json};

use super::event::{MESSAGING, add_metadata, change};
use super::{consumer_id, rich};
use crate::files;
use crate::manifest::{CONTENT, RICH};

/// The notification and the event type under whose endpoint it goes.
pub fn notification(facts: &Facts) -> Option<(&'static str, Value)> {
    let message = facts.message.as_ref()?;
    let note = message.private;
    if note && !facts.app.as_ref().is_some_and(|app| app.notes_to_connector) {
        return None;
    }
    let (originator, role) = match message.author {
        Author::Contact => (consumer_id(facts), "CONSUMER"),
        Author::Agent(agent) => (agent.uuid(), "ASSIGNED_AGENT"),
        Author::App => (message.app.uuid(), "ASSIGNED_AGENT"),
        // Activity lines are the agents' own.
        Author::System => return None,
    };
    let event = event(facts);
    let is_rich = event.get("type").is_some_and(|kind| kind == "RichContentEvent");
    let capability = if is_rich { RICH } else { CONTENT };
    // A message that is handed over by this very call is told whatever was asked for.
    if !wants(facts, capability) && facts.event.fact != Fact::MessageSubmitted {
        return None;
    }
    let mut change = change(facts, &originator, role, event)?;
    if let Some(sequence) = message.sequence {
        change["sequence"] = json!(sequence);
    }
    change["serverTimestamp"] = json!(message.accepted_at.0);
    if note {
        change["messageAudience"] = json!("AGENTS_AND_MANAGERS");
    }
    if message.face == Face::LivePerson {
        add_metadata(&mut change, &message.metadata);
    }
    Some((capability, super::notification(MESSAGING, change)))
}

fn wants(facts: &Facts, capability: &str) -> bool {
    facts.subscription.triggers.iter().any(|trigger| trigger == capability)
}

/// The event itself.
fn event(facts: &Facts) -> Value {
    let Some(content) = &facts.content else {
        return plain("");
    };
    if let Some(original) = content.original.as_ref().filter(|original| original.face == Face::LivePerson)
        && let Ok(event) = serde_json::from_str(&original.json)
    {
        return event;
    }
    if wants(facts, RICH)
        && let Some(rich) = rich::event(&content.body)
    {
        return rich;
    }
    match &content.body {
        Body::Media(media) => hosted(facts, media),
        Body::Album { caption, items } if items.len() == 1 => {
            let single = items.first().map(|item| Media { caption: caption.clone(), ..item.clone() });
            hosted(facts, &single.unwrap_or_default())
        }
        _ => plain(&text::render(&body_with_links(facts, content))),
    }
}

/// A stored file by its path; any other as text with its link.
fn hosted(facts: &Facts, media: &Media) -> Value {
    let stored = media.file.and_then(|id| facts.files.iter().find(|file| file.id == id));
    let (Some(file), Some(tenant)) = (stored, &facts.tenant) else {
        return plain(&text::render(&Body::Media(media.clone())));
    };
    let message = json!({
        "caption": media.caption,
        "relativePath": files::path_of(&tenant.site_id, file),
        "fileType": files::type_of(&file.mime),
    });
    json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": message })
}

/// Stored files of an album have no link of their own: their path stands for it.
fn body_with_links(facts: &Facts, content: &Content) -> Body {
    let Body::Album { caption, items } = &content.body else {
        return content.body.clone();
    };
    let account = facts.tenant.as_ref().map(|tenant| tenant.site_id.as_str()).unwrap_or_default();
    let linked = items.iter().map(|item| {
        let file = item.file.and_then(|id| facts.files.iter().find(|file| file.id == id));
        let url = match file {
            Some(file) if item.url.is_empty() => {
                format!("{}{}", facts.base_url, files::path_of(account, file))
            }
            _ => item.url.clone(),
        };
        Media { url, ..item.clone() }
    });
    Body::Album { caption: caption.clone(), items: linked.collect() }
}

fn plain(text: &str) -> Value {
    json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" })
}
