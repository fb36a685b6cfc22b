//! Events that a consumer publishes, from the vendor's JSON to domain words.
//! The event's own JSON is kept beside the content and printed back unchanged in webhooks.

use domain::command::consumer::SEQUENCES_MAX;
use domain::content::{Body, Content, Face, Media, Original};
use domain::event::{ConsumerStatus, SignalKind};
use serde_json::{Map, Value, json};

use crate::files;
use crate::settings::{FILES_MAX, PREVIEW_BYTES_MAX};

/// What was published.
#[derive(Clone, Debug)]
pub enum Published {
    Content(Content),
    Signal(SignalKind),
    Receipt { status: ConsumerStatus, sequences: Vec<i64> },
}

/// Reads an event; `None` when it is malformed.
pub fn parse(event: &Value) -> Option<Published> {
    match event.get("type")?.as_str()? {
        "ContentEvent" => content(event).map(Published::Content),
        "RichContentEvent" => rich(event).map(Published::Content),
        "ChatStateEvent" => signal(event.get("chatState")?.as_str()?).map(Published::Signal),
        "AcceptStatusEvent" => receipt(event),
        _ => None,
    }
}

fn content(event: &Value) -> Option<Content> {
    match event.get("contentType")?.as_str()? {
        "text/plain" => {
            let text = event.get("message")?.as_str().filter(|text| !text.is_empty())?;
            Some(kept(Body::Text(text.to_owned()), event))
        }
        "hosted/file" | "HostedFile" => hosted_file(event),
        "forms/secure-submission" => {
            event.get("message").filter(|message| message.is_object())?;
            Some(kept(Body::Other { text: "[secure form]".to_owned() }, event))
        }
        _ => None,
    }
}

/// One file as an object, or as an array of objects that together are it; several files as an array of whole objects.
fn hosted_file(event: &Value) -> Option<Content> {
    let mut files = files_in(event.get("message")?)?;
    let mut items = files.iter().map(media).collect::<Option<Vec<Media>>>()?;
    let mut event = event.clone();
    event["contentType"] = json!("hosted/file");
    if items.len() == 1 {
        event["message"] = Value::Object(files.pop()?);
        return Some(kept(Body::Media(items.pop()?), &event));
    }
    event["message"] = json!(files);
    Some(kept(Body::Album { caption: String::new(), items }, &event))
}

fn files_in(message: &Value) -> Option<Vec<Map<String, Value>>> {
    let parts = match message {
        Value::Object(file) => return Some(vec![file.clone()]),
        Value::Array(parts) if !parts.is_empty() && parts.len() <= FILES_MAX => parts,
        _ => return None,
    };
    let parts: Vec<Map<String, Value>> =
        parts.iter().map(|part| part.as_object().cloned()).collect::<Option<_>>()?;
    let whole = |part: &Map<String, Value>| part.contains_key("relativePath");
    if parts.len() > 1 && parts.iter().all(whole) {
        return Some(parts);
    }
    Some(vec![parts.into_iter().flatten().collect()])
}

fn media(file: &Map<String, Value>) -> Option<Media> {
    let optional = |name: &str| match file.get(name) {
        None | Some(Value::Null) => Some(String::new()),
        Some(value) => value.as_str().map(str::to_owned),
    };
    let path = file.get("relativePath")?.as_str().filter(|path| !path.is_empty())?;
    let file_type = file.get("fileType")?.as_str().filter(|kind| !kind.is_empty())?;
    if optional("preview")?.len() > PREVIEW_BYTES_MAX {
        return None;
    }
    Some(Media {
        url: path.to_owned(),
        file: files::id_in(path),
        mime: files::mime_of(file_type).to_owned(),
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        caption: optional("caption")?,
        ..Media::default()
    })
}

fn rich(event: &Value) -> Option<Content> {
    let content = event.get("content").filter(|content| content.is_object())?;
    let mut words = Vec::new();
    collect_words(content, &mut words);
    Some(kept(Body::Other { text: words.join("\n") }, event))
}

fn collect_words(element: &Value, words: &mut Vec<String>) {
    for key in ["text", "title", "caption"] {
        words.extend(element.get(key).and_then(Value::as_str).map(str::to_owned));
    }
    let children = element.get("elements").and_then(Value::as_array);
    children.into_iter().flatten().for_each(|child| collect_words(child, words));
}

fn signal(state: &str) -> Option<SignalKind> {
    Some(match state {
        "ACTIVE" => SignalKind::Active,
        "INACTIVE" | "BACKGROUND" => SignalKind::Inactive,
        "GONE" => SignalKind::Gone,
        "COMPOSING" => SignalKind::Composing,
        "PAUSE" => SignalKind::Paused,
        _ => return None,
    })
}

fn receipt(event: &Value) -> Option<Published> {
    let status = match event.get("status")?.as_str()? {
        "ACCEPT" => ConsumerStatus::Accept,
        "READ" => ConsumerStatus::Read,
        "ACCESS" => ConsumerStatus::Access,
        "NACK" => ConsumerStatus::Nack,
        "ACTION" => ConsumerStatus::Action,
        _ => return None,
    };
    let sequences: Vec<i64> = match event.get("sequenceList")? {
        Value::Array(list) => list.iter().map(Value::as_i64).collect::<Option<_>>()?,
        single => vec![single.as_i64()?],
    };
    let fits = !sequences.is_empty() && sequences.len() <= SEQUENCES_MAX;
    fits.then_some(Published::Receipt { status, sequences })
}

fn kept(body: Body, event: &Value) -> Content {
    let original = Some(Original { face: Face::LivePerson, json: event.to_string() });
    Content { original, ..Content::from_body(body) }
}
