//! Bad input: no mutation of a valid request is answered with 5xx, and one that is refused leaves nothing behind.
//! The mutations are drawn by proptest under a fixed seed, so a failure shows its case and happens again.

use std::cell::Cell;

use face_livedesk::Settings;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::world::{World, request};

const SNIPPETS: [&str; 8] = [
    "1e999",
    "{\"a\":",
    "]",
    "\\u0000",
    "\u{feff}",
    "99999999999999999999999999",
    "\r\n--cut--\r\n",
    "%ff[a][b]=",
];

const KINDS: [&str; 5] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=cut",
    "multipart/form-data",
    "text/plain; charset=latin1",
];

/// What may stand anywhere: each JSON type, edges of numbers, long and odd text.
fn values() -> Vec<Value> {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(151_000)),
        json!("🦊 \u{202e} ü \r\n"),
        json!([]),
        json!({}),
        json!([null, { "": [] }]),
        json!("18446744073709551616"),
        deep,
    ]
}

/// A change to one place of a request.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(usize, usize),
    Remove(usize),
    Cut(usize),
    Flip(usize, u8),
    Insert(usize, usize),
    /// Declares another content type.
    Declare(usize),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = 0..10_000usize;
    let one = prop_oneof![
        6 => (place.clone(), 0..100usize).prop_map(|(place, with)| Mutation::Replace(place, with)),
        2 => place.clone().prop_map(Mutation::Remove),
        1 => place.clone().prop_map(Mutation::Cut),
        1 => (place.clone(), 1..=255u8).prop_map(|(place, by)| Mutation::Flip(place, by)),
        1 => (place, 0..100usize).prop_map(|(place, with)| Mutation::Insert(place, with)),
        1 => (0..100usize).prop_map(Mutation::Declare),
    ];
    proptest::collection::vec(one, 1..4)
}

/// All places of a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, inner)| places(inner, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, inner)| places(inner, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

/// The content type and the bytes of a mutated request.
fn apply(valid: &Value, mutations: &[Mutation]) -> (&'static str, Vec<u8>) {
    let (mut value, mut found, mut kind) = (valid.clone(), Vec::new(), KINDS[0]);
    places(valid, "", &mut found);
    for mutation in mutations {
        match mutation {
            Mutation::Replace(place, with) => {
                if let Some(slot) = value.pointer_mut(&found[place % found.len()]) {
                    *slot = values()[with % values().len()].clone();
                }
            }
            Mutation::Remove(place) => {
                let (parent, name) = found[place % found.len()].rsplit_once('/').unwrap_or_default();
                if let Some(Value::Object(fields)) = value.pointer_mut(parent) {
                    fields.remove(name);
                }
            }
            Mutation::Declare(which) => kind = KINDS[which % KINDS.len()],
            _ => {}
        }
    }
    let mut bytes = value.to_string().into_bytes();
    for mutation in mutations {
        let length = bytes.len().max(1);
        match mutation {
            Mutation::Cut(place) => bytes.truncate(place % length),
            Mutation::Flip(place, by) if !bytes.is_empty() => bytes[place % length] ^= by,
            Mutation::Insert(place, with) => {
                let at = (place % length).min(bytes.len());
                bytes.splice(at..at, SNIPPETS[with % SNIPPETS.len()].bytes());
            }
            _ => {}
        }
    }
    (kind, bytes)
}

/// Valid requests: method, path, body.
fn valid() -> Vec<(&'static str, &'static str, Value)> {
    let items = json!([{ "title": "Morning", "value": "am" }]);
    let cards = json!([{ "title": "a", "media_url": "https://x.test/1.png", "actions": [{ "type": "link", "text": "t", "uri": "https://x.test" }] }]);
    let select = json!({ "content": "Pick", "content_type": "input_select", "echo_id": "e", "content_attributes": { "items": items } });
    let webhook = json!({ "webhook": { "url": "https://example.org/h", "subscriptions": ["message_created"], "name": "n", "inbox_id": 1 } });
    let template = json!({ "content": "t", "template_params": { "name": "n", "language": "en", "processed_params": { "1": "x" } } });
    vec![
        (
            "POST",
            "/api/v2/accounts/conversations/1/messages",
            json!({ "content": "x", "private": false, "content_attributes": { "in_reply_to": 1 } }),
        ),
        (
            "POST",
            "/api/v1/accounts/14/conversations/1/messages",
            json!({ "content": "x", "message_type": "incoming", "source_id": "s" }),
        ),
        ("POST", "/api/v1/accounts/14/conversations/1/messages", select),
        (
            "POST",
            "/api/v1/accounts/14/conversations/1/messages",
            json!({ "content": "c", "content_type": "cards", "content_attributes": { "items": cards } }),
        ),
        ("POST", "/api/v1/accounts/14/conversations/1/messages", template),
        (
            "POST",
            "/api/v1/accounts/14/conversations/1/messages",
            json!({ "attachments": ["a--b"], "sender_type": "AgentBot", "sender_id": 1 }),
        ),
        (
            "PATCH",
            "/api/v1/accounts/14/conversations/1/messages/1",
            json!({ "status": "failed", "external_error": "no" }),
        ),
        ("POST", "/api/v1/accounts/14/conversations/1/toggle_status", json!({ "status": "open" })),
        (
            "POST",
            "/api/v1/accounts/14/conversations/1/toggle_typing_status",
            json!({ "typing_status": "on", "is_private": false }),
        ),
        (
            "POST",
            "/api/v1/accounts/14/conversations/1/assignments",
            json!({ "assignee_id": 1, "expected_assignee_id": 0 }),
        ),
        ("POST", "/api/v1/accounts/14/webhooks", webhook),
        ("PATCH", "/api/v1/accounts/14/webhooks/1", json!({ "name": "m", "url": "https://example.org/i" })),
    ]
}

#[test]
fn no_mutation_of_a_valid_request_fails_us_or_leaves_something_when_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settings = Settings { throttle_per_conversation_per_minute: None, ..Settings::default() };
    let world = runtime.block_on(World::new(settings));
    let (refused, taken) = (Cell::new(0), Cell::new(0));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[23; 32]);
    let config = Config { cases: 500, failure_persistence: None, ..Config::default() };
    let all = valid();
    let test = |(which, mutations): (usize, Vec<Mutation>)| {
        let (method, path, body) = &all[which % all.len()];
        let (kind, bytes) = apply(body, &mutations);
        let before = runtime.block_on(world.position());
        let answer = runtime.block_on(world.send(request(method, path, kind, bytes.into())));
        let status = answer.status.as_u16();
        prop_assert!(status < 500, "{} {}: {} {}", method, path, status, answer.text());
        if status >= 400 {
            let error: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
            let worded = ["error", "errors", "message"].iter().any(|name| error.get(name).is_some());
            prop_assert!(worded || status == 409, "an error in this API's form: {}", answer.text());
            prop_assert_eq!(
                runtime.block_on(world.position()),
                before,
                "{} {} was refused and left something",
                method,
                path
            );
        }
        let count = if status >= 400 { &refused } else { &taken };
        count.set(count.get() + 1);
        Ok(())
    };
    TestRunner::new_with_rng(config, rng).run(&(0..1_000usize, mutations()), test).unwrap();
    assert!(refused.get() > 30 && taken.get() > 30, "{} refused, {} taken", refused.get(), taken.get());
}

#[tokio::test]
async fn odd_numbers_in_paths_and_queries_name_nothing() {
    let world = World::new(Settings::default()).await;
    let messages = "/api/v1/accounts/14/conversations/1/messages";
    for number in
        ["0", "-1", "18446744073709551615", "18446744073709551616", "1e3", "%00", "%ff", "1.json.json", "٣"]
    {
        let path = format!("/api/v1/accounts/14/conversations/{number}/messages");
        assert_eq!(world.get(&path).await.status.as_u16(), 404, "{number}");
        assert_eq!(world.get(&format!("{messages}/{number}")).await.status.as_u16(), 404, "{number}");
        for name in ["before", "after", "page"] {
            let listed = world.get(&format!("{messages}?{name}={number}")).await;
            assert_eq!(listed.status.as_u16(), 200, "{name}={number}: {}", listed.text());
        }
    }
    let listed = world.get("/api/v1/accounts/14/conversations?page=18446744073709551615&status=%ff").await;
    assert_eq!(listed.status.as_u16(), 200);
}
