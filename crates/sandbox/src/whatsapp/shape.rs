//! Which members each object of a message may have. The Graph API refuses any other by name, below the envelope.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>

use serde_json::Value;

use super::errors::{GraphError, invalid};

/// Objects by their path; `*` stands for any place in a list.
const MEMBERS: &[(&str, &[&str])] = &[
    ("context", &["message_id"]),
    ("text", &["body", "preview_url"]),
    ("image", &["link", "id", "caption"]),
    ("video", &["link", "id", "caption"]),
    ("audio", &["link", "id", "voice"]),
    ("sticker", &["link", "id"]),
    ("document", &["link", "id", "caption", "filename"]),
    ("location", &["latitude", "longitude", "name", "address"]),
    ("reaction", &["message_id", "emoji"]),
    ("contacts/*", &["name", "phones", "emails", "org", "urls", "addresses", "birthday"]),
    ("contacts/*/name", &["formatted_name", "first_name", "last_name", "middle_name", "suffix", "prefix"]),
    ("contacts/*/phones/*", &["phone", "type", "wa_id"]),
    ("contacts/*/emails/*", &["email", "type"]),
    ("contacts/*/org", &["company", "department", "title"]),
    ("contacts/*/urls/*", &["url", "type"]),
    ("contacts/*/addresses/*", &["street", "city", "state", "zip", "country", "country_code", "type"]),
    ("interactive", &["type", "header", "body", "footer", "action"]),
    ("interactive/header", &["type", "text", "sub_text", "image", "video", "document"]),
    ("interactive/header/image", &["link", "id"]),
    ("interactive/header/video", &["link", "id"]),
    ("interactive/header/document", &["link", "id", "filename"]),
    ("interactive/body", &["text"]),
    ("interactive/footer", &["text"]),
    ("interactive/action", &["buttons", "button", "sections", "name", "parameters", "cards"]),
    ("interactive/action/buttons/*", &["type", "reply"]),
    ("interactive/action/buttons/*/reply", &["id", "title"]),
    ("interactive/action/sections/*", &["title", "rows"]),
    ("interactive/action/sections/*/rows/*", &["id", "title", "description"]),
    ("interactive/action/cards/*", &["card_index", "type", "header", "body", "action"]),
    ("template", &["name", "namespace", "language", "components"]),
    ("template/language", &["code", "policy"]),
    ("template/components/*", &["type", "sub_type", "index", "parameters", "cards"]),
];

/// Refuses the first member that the provider does not know.
pub(super) fn check(request: &Value) -> Result<(), GraphError> {
    MEMBERS.iter().try_for_each(|(path, members)| at(request, path, path, members))
}

fn at(of: &Value, rest: &str, path: &str, members: &[&str]) -> Result<(), GraphError> {
    if rest.is_empty() {
        let Value::Object(fields) = of else { return Ok(()) };
        return match fields.keys().find(|key| !members.contains(&key.as_str())) {
            Some(key) => {
                let param = path.rsplit('/').find(|step| *step != "*").unwrap_or(path);
                Err(invalid(format!("Unexpected key \"{key}\" on param \"{param}\".")))
            }
            None => Ok(()),
        };
    }
    let (step, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match (step, of) {
        ("*", Value::Array(items)) => items.iter().try_for_each(|item| at(item, rest, path, members)),
        (step, Value::Object(fields)) => {
            fields.get(step).map_or(Ok(()), |inner| at(inner, rest, path, members))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_members_are_refused_by_name_at_any_depth() {
        let rows = [
            (json!({ "type": "text", "text": { "body": "hi", "preview_url": true }, "novel": 1 }), None),
            (json!({ "text": { "body": "hi", "color": 1 } }), Some(r#""color" on param "text""#)),
            (json!({ "audio": { "link": "x", "caption": "no" } }), Some(r#""caption" on param "audio""#)),
            (
                json!({ "interactive": { "action": { "sections": [{ "rows": [{ "id": "1" }, { "url": "x" }] }] } } }),
                Some(r#""url" on param "rows""#),
            ),
            (json!({ "contacts": [{ "name": { "nickname": "A" } }] }), Some(r#""nickname" on param "name""#)),
            (json!({ "interactive": "not an object", "contacts": {} }), None),
        ];
        for (request, expected) in rows {
            let refused = check(&request).err().map(|error| format!("{error:?}"));
            assert_eq!(refused.is_some(), expected.is_some(), "{request}");
            if let (Some(refused), Some(expected)) = (refused, expected) {
                assert!(refused.replace('\\', "").contains(expected), "{refused}");
            }
        }
    }
}
