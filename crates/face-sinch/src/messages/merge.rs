//! JSON merge patch (RFC 7396), as a function over texts, for the conversation metadata's MERGE_PATCH.

use serde_json::{Map, Value};

/// Merges a patch into a target text. A target that is missing or no JSON counts as absent; a patch that is no JSON
/// changes nothing.
pub fn merge_patch(target: Option<&str>, patch: &str) -> String {
    let kept = target.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    match serde_json::from_str(patch) {
        Ok(patch) => merged(kept, patch).to_string(),
        Err(_) => target.unwrap_or_default().to_owned(),
    }
}

fn merged(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut members = match target {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, change) in patch {
        if change.is_null() {
            members.remove(&name);
        } else {
            let kept = members.remove(&name).unwrap_or(Value::Null);
            members.insert(name, merged(kept, change));
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_rfc_7396_holds() {
        let table = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ];
        for (target, patch, result) in table {
            let expected: Value = serde_json::from_str(result).unwrap();
            let got: Value = serde_json::from_str(&merge_patch(Some(target), patch)).unwrap();
            assert_eq!(got, expected, "{target} patched with {patch}");
        }
        assert_eq!(merge_patch(None, r#"{"a":1,"b":null}"#), r#"{"a":1}"#);
    }
}
