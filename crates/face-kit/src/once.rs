//! `Idempotency-Key` for every face: the header, the canonical digest of a request, and one way to run a command
//! with a key or without.
//!
//! Two requests are the same when operation, values and bytes of files are: key order, spacing, content type and
//! multipart boundaries do not count. What a face's vendor says about repeats holds where the header is absent.

use domain::command::Command;
use domain::once::Once;
use domain::record::Key;
use engine::{Engine, Failure, OnceFailure, OnceKey, StoredAnswer};
use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Characters of a key.
pub const KEY_CHARS_MAX: usize = 255;

/// The header is there and names no key: blank, too long, given twice, or not printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable;

/// The key that the client gave, if any.
pub fn key(headers: &HeaderMap) -> Result<Option<&str>, Unusable> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().map_err(|_| Unusable)?;
    let usable = given.next().is_none()
        && (1..=KEY_CHARS_MAX).contains(&text.len())
        && !text.trim().is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if usable { Ok(Some(text)) } else { Err(Unusable) }
}

/// The digest of what makes two requests the same. Parts are framed by their length, so that none runs into the next.
#[derive(Clone)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Begins with what is done: a verb and what it is done to.
    pub fn of(operation: &str) -> Fingerprint {
        Fingerprint(Sha256::new()).bytes(operation.as_bytes())
    }

    /// Adds a JSON value, whatever the order of its keys.
    pub fn json(self, value: &Value) -> Fingerprint {
        let mut text = String::new();
        write_sorted(value, &mut text);
        self.bytes(text.as_bytes())
    }

    /// Adds bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Fingerprint {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Compact JSON with sorted keys, whatever map `serde_json` was built with.
fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (name, value) in sorted {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_sorted(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                write_sorted(value, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// Runs a command; under a key its answer is kept in the same commit, and a repeat gets it again.
pub async fn run<C, F>(
    engine: &Engine,
    key: Option<OnceKey>,
    command: C,
    render: F,
) -> Result<StoredAnswer, OnceFailure<C::Refusal>>
where
    C: Command,
    F: Fn(&C::Answer) -> StoredAnswer + Send + 'static,
{
    match key {
        Some(key) => engine.execute_once(key, command, render).await,
        None => engine.execute(command).await.map(|answer| render(&answer)).map_err(OnceFailure::Failed),
    }
}

/// The answer kept under a key, for calls that prepare before they run (store files, count against a limit).
/// It only saves work: what decides is [`run`].
pub async fn kept<R>(engine: &Engine, key: &OnceKey) -> Result<Option<StoredAnswer>, OnceFailure<R>> {
    let row = engine.row::<Once>(Key::once(key.tenant, key.face, &key.key)).await;
    let kept = row.map_err(|error| OnceFailure::Failed(Failure::Unavailable(error.to_string())))?;
    match kept.filter(|kept| kept.expires_at > engine.now()) {
        Some(kept) if kept.fingerprint != key.fingerprint => Err(OnceFailure::Reused),
        Some(kept) => Ok(Some(StoredAnswer { status: kept.status, body: kept.body.clone() })),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_printable_ascii_of_bounded_length() {
        let check = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("Idempotency-Key", HeaderValue::from_bytes(given).unwrap());
            key(&headers).map(|key| key.map(str::to_owned))
        };
        assert_eq!(check(b"a-1"), Ok(Some("a-1".to_owned())));
        assert_eq!(check(b"order 7"), Ok(Some("order 7".to_owned())));
        let longest = "k".repeat(KEY_CHARS_MAX);
        assert_eq!(check(longest.as_bytes()), Ok(Some(longest.clone())));
        for wrong in [b"".as_slice(), b" ", b"a\tb", "ü".as_bytes(), format!("{longest}k").as_bytes()] {
            assert_eq!(check(wrong), Err(Unusable));
        }
        assert_eq!(key(&HeaderMap::new()), Ok(None));
        let mut twice = HeaderMap::new();
        twice.append("idempotency-key", HeaderValue::from_static("a"));
        twice.append("idempotency-key", HeaderValue::from_static("b"));
        assert_eq!(key(&twice), Err(Unusable));
    }

    #[test]
    fn key_order_and_spacing_do_not_count_and_values_do() {
        let digest =
            |text: &str| Fingerprint::of("x").json(&serde_json::from_str::<Value>(text).unwrap()).finish();
        assert_eq!(
            digest(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#),
            digest(r#"{ "b":{"d":null,"c":[1,2]},"a":1}"#)
        );
        assert_ne!(digest(r#"{"a":[1,2]}"#), digest(r#"{"a":[2,1]}"#));
        assert_ne!(digest(r#"{"a":"1"}"#), digest(r#"{"a":1}"#));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let digest = |parts: [&[u8]; 2]| Fingerprint::of("x").bytes(parts[0]).bytes(parts[1]).finish();
        assert_ne!(digest([b"ab", b"c"]), digest([b"a", b"bc"]));
        assert_ne!(
            Fingerprint::of("x").json(&json!("a")).finish(),
            Fingerprint::of("y").json(&json!("a")).finish()
        );
    }
}
