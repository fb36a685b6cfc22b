//! Form keys with Rails nesting into JSON: `a[b]=1`, `a[]=1`, `a[][b]=1`. Every value is a string; readers cast.
//!
//! Nesting is bounded; a key that contradicts an earlier one replaces it.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

const DEPTH_MAX: usize = 8;

/// Puts one pair into the tree.
pub(crate) fn insert(root: &mut Map<String, Value>, key: &str, value: Value) {
    let mut steps = key.split('[').map(|step| step.strip_suffix(']').unwrap_or(step));
    let Some(first) = steps.next().filter(|first| !first.is_empty()) else {
        return;
    };
    let rest: Vec<&str> = steps.take(DEPTH_MAX).collect();
    let slot = root.entry(first.to_owned()).or_insert(Value::Null);
    place(slot, &rest, value);
}

fn place(slot: &mut Value, steps: &[&str], value: Value) {
    match steps.split_first() {
        None => *slot = value,
        Some((&"", rest)) => {
            if !slot.is_array() {
                *slot = Value::Array(Vec::new());
            }
            let Value::Array(items) = slot else { return };
            let fresh = match (rest.first(), items.last()) {
                (Some(key), Some(Value::Object(last))) => last.contains_key(*key),
                _ => true,
            };
            if fresh {
                items.push(Value::Null);
            }
            if let Some(last) = items.last_mut() {
                place(last, rest, value);
            }
        }
        Some((key, rest)) => {
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            if let Value::Object(map) = slot {
                place(map.entry((*key).to_owned()).or_insert(Value::Null), rest, value);
            }
        }
    }
}

/// Reads a form body or a query string.
pub(crate) fn parse(text: &[u8]) -> Map<String, Value> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(text).unwrap_or_default();
    let mut root = Map::new();
    for (key, value) in pairs {
        insert(&mut root, &key, Value::String(value));
    }
    root
}

/// Reads a form body; `None` when it is no UTF-8 once decoded.
pub(crate) fn checked(text: &[u8]) -> Option<Map<String, Value>> {
    percent_decode(text).decode_utf8().ok()?;
    Some(parse(text))
}

/// A boolean in any spelling: empty is absent, a short list is false, everything else is true.
pub(crate) fn boolean(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Null => None,
        Value::Bool(given) => Some(*given),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => {
            Some(!matches!(text.as_str(), "false" | "0" | "f" | "F" | "FALSE" | "off" | "OFF"))
        }
        _ => Some(true),
    }
}

/// An integer: a number, or the leading digits of a string.
pub(crate) fn integer(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text[..digits].parse().ok()
        }
        _ => None,
    }
}

/// A scalar as text; absent, null and nested ones are `None`.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(given) => Some(given.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nesting_follows_rails() {
        let form = b"a=1&b[c]=2&d[]=3&d[]=4&e[][x]=5&e[][y]=6&e[][x]=7";
        let expected = json!({
            "a": "1", "b": {"c": "2"}, "d": ["3", "4"], "e": [{"x": "5", "y": "6"}, {"x": "7"}]
        });
        assert_eq!(Value::Object(parse(form)), expected);
    }

    #[test]
    fn booleans_are_false_in_a_short_list_only() {
        for no in [json!("false"), json!("0"), json!("off"), json!(false), json!(0)] {
            assert_eq!(boolean(Some(&no)), Some(false), "{no}");
        }
        assert_eq!(boolean(Some(&json!(""))), None);
        assert_eq!(boolean(Some(&json!("true"))), Some(true));
    }
}
