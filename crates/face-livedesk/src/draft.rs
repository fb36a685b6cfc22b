//! What a create request asks for, read from its fields. Reference section 5.1; the checks are in `create` and
//! `items`.

use serde_json::{Map, Value};

use crate::error::Problem;
use crate::form;
use crate::input::{Input, Part};

const CONTENT_TYPES: [&str; 13] = [
    "text",
    "input_text",
    "input_textarea",
    "input_email",
    "input_select",
    "cards",
    "form",
    "article",
    "incoming_email",
    "input_csat",
    "integrations",
    "sticker",
    "voice_call",
];

/// Which of the four kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Incoming,
    Outgoing,
    Template,
}

/// A create request.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub content: Option<String>,
    pub private: bool,
    pub attributes: Map<String, Value>,
    /// Whether an answer to a message was meant, found or not.
    pub answers: bool,
    pub in_reply_to: Option<u64>,
    pub kind: Kind,
    pub content_type: String,
    pub echo_id: Option<Value>,
    pub source_id: String,
    pub template: Option<Map<String, Value>>,
    /// `sender_type` is a bot's: its number.
    pub bot: Option<u64>,
    pub files: Vec<Part>,
    /// Files stored before, by their signed ids.
    pub signed: Vec<String>,
}

/// Reads the fields.
pub(crate) fn read(input: Input) -> Result<Draft, Problem> {
    let mut attributes = attributes(input.get("content_attributes"));
    // The seed documents it inside the attributes; some clients send it beside them.
    let inner = attributes.remove("in_reply_to");
    let external = attributes.remove("in_reply_to_external_id");
    let reply = inner.as_ref().or_else(|| input.get("in_reply_to"));
    let present = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    if let Some(created) = input.get("external_created_at") {
        attributes.insert("external_created_at".to_owned(), created.clone());
    }
    let bot = form::text(input.get("sender_type")).filter(|kind| kind == "AgentBot");
    let signed = match input.get("attachments") {
        Some(Value::Array(ids)) => ids.iter().filter_map(|id| form::text(Some(id))).collect(),
        _ => Vec::new(),
    };
    Ok(Draft {
        content: form::text(input.get("content")),
        private: form::boolean(input.get("private")).unwrap_or(false),
        answers: present(reply) || present(external.as_ref()),
        in_reply_to: form::integer(reply),
        attributes,
        kind: kind(input.get("message_type"))?,
        content_type: content_type(input.get("content_type"))?,
        echo_id: input.get("echo_id").filter(|value| is_scalar(value)).cloned(),
        source_id: form::text(input.get("source_id")).unwrap_or_default(),
        template: input.get("template_params").and_then(Value::as_object).cloned(),
        bot: bot.and_then(|_| form::integer(input.get("sender_id"))),
        signed,
        files: input.files,
    })
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// An object, or a JSON string of one; anything else counts as empty.
fn attributes(value: Option<&Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(given)) => given.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    }
}

fn kind(value: Option<&Value>) -> Result<Kind, Problem> {
    let given = form::text(value).unwrap_or_default();
    match given.as_str() {
        "" | "outgoing" | "1" => Ok(Kind::Outgoing),
        "incoming" | "0" => Ok(Kind::Incoming),
        "template" | "3" => Ok(Kind::Template),
        other => Err(Problem::Invalid(format!("'{other}' is not a valid message_type"))),
    }
}

fn content_type(value: Option<&Value>) -> Result<String, Problem> {
    let given = form::text(value).filter(|given| !given.is_empty()).unwrap_or_else(|| "text".to_owned());
    if CONTENT_TYPES.contains(&given.as_str()) {
        return Ok(given);
    }
    Err(Problem::Invalid(format!("'{given}' is not a valid content_type")))
}
