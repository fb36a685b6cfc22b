//! The request element that CREATE and SEND share: kind, id, type, body, metadata.
//! Ids are never refused, only echoed; unknown fields are ignored.

use axum::body::Body;
use serde_json::{Map, Value};

use crate::settings::{BODY_BYTES_MAX, ELEMENT_CHARS_MAX};

/// One request element.
#[derive(Clone, Debug)]
pub struct Request {
    pub kind: String,
    pub body: Map<String, Value>,
    /// A JSON array as text, or empty.
    pub metadata: String,
}

/// Reads a whole body as JSON; `None` when it is too large or no JSON.
pub async fn read(body: Body) -> Option<Value> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The API version is `3`, or left out.
pub fn is_version_3(query: Option<&str>) -> bool {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
    pairs.iter().all(|(name, value)| name != "v" || matches!(value.as_str(), "3" | "3.0"))
}

/// The `id` as it is echoed: always a string, or null when it cannot be read.
pub fn req_id(element: &Value) -> Value {
    match element.get("id") {
        Some(Value::String(id)) => Value::String(id.clone()),
        Some(Value::Number(id)) => Value::String(id.to_string()),
        _ => Value::Null,
    }
}

/// Reads an element; `None` when its envelope is malformed or it is too long.
pub fn parse(element: &Value) -> Option<Request> {
    if element.get("kind").is_some_and(|kind| kind != "req") || is_too_long(element) {
        return None;
    }
    let kind = element.get("type")?.as_str()?.to_owned();
    let body = match element.get("body") {
        Some(Value::Object(body)) => body.clone(),
        None | Some(Value::Null) => Map::new(),
        Some(_) => return None,
    };
    let metadata = match element.get("metadata") {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(entries)) if entries.iter().all(Value::is_object) => {
            Value::from(entries.clone()).to_string()
        }
        Some(_) => return None,
    };
    Some(Request { kind, body, metadata })
}

/// The documented limit; a file's preview has a limit of its own.
fn is_too_long(element: &Value) -> bool {
    let content_type = element.pointer("/body/event/contentType").and_then(Value::as_str);
    let file = matches!(content_type, Some("hosted/file" | "HostedFile"));
    !file && element.to_string().chars().count() > ELEMENT_CHARS_MAX
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_come_back_as_strings() {
        assert_eq!(req_id(&json!({ "id": 3 })), json!("3"));
        assert_eq!(req_id(&json!({ "id": "2," })), json!("2,"));
        assert_eq!(req_id(&json!({})), Value::Null);
    }

    #[test]
    fn the_limit_is_met_at_its_edge() {
        let element = |text: String| json!({ "type": "x", "body": { "m": text } });
        let frame = element(String::new()).to_string().chars().count();
        assert!(parse(&element("ü".repeat(ELEMENT_CHARS_MAX - frame))).is_some());
        assert!(parse(&element("ü".repeat(ELEMENT_CHARS_MAX - frame + 1))).is_none());
    }
}
