//! Messages of anybody as `ContentEvent` or `RichContentEvent`.
//!
//! What this face wrote is printed back as it came; what others wrote is translated, and to installations without
//! the rich event it is told as text.

use domain::content::{Body, Face, Media, text};
use domain::event::Fact;
use domain::message::Author;
use domain::tenant::File;
use engine::Facts;
use serde_json::{Value, json};

use super::event::{MESSAGING, add_metadata, change};
use super::{Links, consumer_id, rich};
use crate::files;
use crate::manifest::{CONTENT, RICH};

/// The notification and the event type under whose endpoint it goes.
pub fn notification(facts: &Facts, links: Links) -> Option<(&'static str, Value)> {
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
    let event = event(facts, links);
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
fn event(facts: &Facts, links: Links) -> Value {
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
        Body::Media(media) => match file(facts, links, media) {
            Some(file) => hosted(&file),
            None => plain(&text::render(&content.body)),
        },
        Body::Album { caption, items } => album(facts, links, caption, items),
        _ => plain(&text::render(&content.body)),
    }
}

/// One file as an object, several as an array of them; the caption stands with the first. When one of them is not
/// ours, there is no path for it and all go as text.
fn album(facts: &Facts, links: Links, caption: &str, items: &[Media]) -> Value {
    let mut items = items.to_vec();
    if let Some(first) = items.first_mut().filter(|first| first.caption.is_empty()) {
        first.caption = caption.to_owned();
    }
    let files: Option<Vec<Value>> = items.iter().map(|item| file(facts, links, item)).collect();
    match files.as_deref() {
        Some([one]) => hosted(one),
        Some(files) => hosted(&json!(files)),
        None => plain(&text::render(&linked(facts, links, caption, &items))),
    }
}

fn hosted(message: &Value) -> Value {
    json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": message })
}

/// A stored file by its path, with the signed parameters that open it for a while.
fn file(facts: &Facts, links: Links, media: &Media) -> Option<Value> {
    let (file, path) = stored(facts, media)?;
    Some(json!({
        "caption": media.caption,
        "relativePath": path,
        "fileType": files::type_of(&file.mime),
        "queryParams": links.query(facts, &path),
    }))
}

fn stored<'f>(facts: &'f Facts, media: &Media) -> Option<(&'f File, String)> {
    let file = media.file.and_then(|id| facts.files.iter().find(|file| file.id == id))?;
    Some((file, files::path_of(&facts.tenant.as_ref()?.site_id, file)))
}

/// An album as text: stored files have no address of their own, so a signed link stands for it.
fn linked(facts: &Facts, links: Links, caption: &str, items: &[Media]) -> Body {
    let url = |item: &Media| match stored(facts, item) {
        Some((_, path)) => {
            let query = links.query(facts, &path);
            let word = |name: &str| query[name].as_str().unwrap_or_default().to_owned();
            let (signature, expires) = (word("temp_url_sig"), word("temp_url_expires"));
            format!("{}{path}?temp_url_sig={signature}&temp_url_expires={expires}", facts.links.base_url())
        }
        None => item.url.clone(),
    };
    let items = items.iter().map(|item| Media { url: url(item), ..item.clone() }).collect();
    Body::Album { caption: caption.to_owned(), items }
}

fn plain(text: &str) -> Value {
    json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" })
}
