//! Bad input: no mutation of a valid request is answered with 5xx, and one that is refused leaves nothing behind.
//! The mutations are drawn by proptest under a fixed seed, so a failure shows its case and happens again.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::world::{
    ACCOUNT, INSTALLATIONS, World, closing, manifest, publishing, smallest, text, update_field, world,
};

/// A change to one place of a request.
#[derive(Clone, Debug)]
enum Mutation {
    /// Puts another value where one stands.
    Replace(usize, usize),
    /// Drops a member or an element.
    Remove(usize),
    /// Cuts the text.
    Cut(usize),
    /// Flips a byte, often into invalid UTF-8.
    Flip(usize, u8),
    /// Puts raw text into it.
    Insert(usize, usize),
}

/// What may stand anywhere: each JSON type, edges of numbers, long and odd text.
fn values() -> Vec<Value> {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(0.1),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(6_000)),
        json!("🦊 \u{202e} ü \r\n"),
        json!([]),
        json!({}),
        json!([null, null]),
        json!({ "": { "type": [] } }),
        json!("0b7c9a52-5f0e-4d0c-9f55-3c1a2b4d5e6f"),
        deep,
    ]
}

const SNIPPETS: [&str; 7] =
    ["1e999", "{\"a\":", "]", "\\u0000", "\u{feff}", "99999999999999999999999999", "\"\\ud800\""];

/// All places of a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                places(inner, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
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

fn apply(request: &Value, mutations: &[Mutation]) -> Vec<u8> {
    let mut value = request.clone();
    let mut found = Vec::new();
    places(request, "", &mut found);
    for mutation in mutations {
        match mutation {
            Mutation::Replace(place, with) => {
                let values = values();
                if let Some(slot) = value.pointer_mut(&found[place % found.len()]) {
                    *slot = values[with % values.len()].clone();
                }
            }
            Mutation::Remove(place) => {
                let (parent, name) = found[place % found.len()].rsplit_once('/').unwrap_or_default();
                match value.pointer_mut(parent) {
                    Some(Value::Object(fields)) => drop(fields.remove(name)),
                    Some(Value::Array(items)) if !items.is_empty() => drop(items.pop()),
                    _ => {}
                }
            }
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
    bytes
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = 0..10_000usize;
    let one = prop_oneof![
        6 => (place.clone(), 0..100usize).prop_map(|(place, with)| Mutation::Replace(place, with)),
        2 => place.clone().prop_map(Mutation::Remove),
        1 => place.clone().prop_map(Mutation::Cut),
        1 => (place.clone(), 1..=255u8).prop_map(|(place, by)| Mutation::Flip(place, by)),
        1 => (place, 0..100usize).prop_map(|(place, with)| Mutation::Insert(place, with)),
    ];
    proptest::collection::vec(one, 1..4)
}

/// Valid requests of a consumer, by the tail of their path.
fn consumers(id: &str, file: &str) -> Vec<(&'static str, Value)> {
    let element = |kind: &str, body: Value| json!({ "kind": "req", "id": "1", "type": kind, "body": body });
    let hosted = json!({ "type": "ContentEvent", "contentType": "hosted/file",
        "message": { "relativePath": file, "fileType": "PNG", "caption": "c", "preview": "data:image/png;base64,AA" } });
    let rich = json!({ "type": "RichContentEvent", "content": { "type": "vertical", "elements": [{ "type": "text", "text": "x" }] } });
    let mut marked = publishing(id, text("hello"));
    marked["metadata"] = json!([{ "type": "ExternalId", "id": "7" }]);
    let sdes = json!([{ "type": "ctmrinfo", "info": { "userName": "ola" } }, { "type": "personal", "personal": { "firstname": "O", "contacts": [{ "email": "a@b" }] } }]);
    let mut create = smallest();
    create[1]["body"] = json!({ "brandId": ACCOUNT, "ttrDefName": "URGENT", "skillId": "-1", "channelType": "MESSAGING",
        "campaignInfo": { "campaignId": 1 }, "conversationContext": { "type": "SharkContext" } });
    create
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "e", "type": "ms.PublishEvent", "body": { "event": text("x") } }));
    vec![
        ("/send", marked),
        ("/send", publishing(id, hosted)),
        ("/send", publishing(id, rich)),
        ("/send", publishing(id, json!({ "type": "ChatStateEvent", "chatState": "PAUSE" }))),
        (
            "/send",
            publishing(id, json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0, 1] })),
        ),
        ("/send", update_field(id, json!([{ "field": "CSATRate", "csatRate": 5, "status": "FILLED" }]))),
        ("/send", update_field(id, json!({ "field": "TTRField", "ttrType": "CUSTOM", "value": 9 }))),
        (
            "/send",
            element(
                "userprofile.SetUserProfile",
                json!({ "firstName": "O", "authenticatedData": { "lp_sdes": sdes } }),
            ),
        ),
        ("/send", element("ms.GenerateURLForUploadFile", json!({ "fileSize": "8", "fileType": "PNG" }))),
        ("/send", element("ms.GenerateURLForDownloadFile", json!({ "relativePath": file }))),
        ("", create),
        ("/send", update_field(id, closing())),
    ]
}

/// Sends a mutated request and checks the answer; the vendor documents CREATE's partial success.
async fn try_one(
    world: &World,
    headers: &[(&str, &str)],
    method: &str,
    path: &str,
    body: Vec<u8>,
    counted: &Counted,
) {
    let before = world.engine.position();
    let shown = String::from_utf8_lossy(&body).into_owned();
    let answer = world.call(method, path, headers, body).await;
    let status = answer.status.as_u16();
    assert!(status < 500, "{method} {path} with {shown}: {status} {}", answer.body);
    let kind = if status >= 400 { &counted.refused } else { &counted.taken };
    kind.set(kind.get() + 1);
    if status >= 400 {
        assert!(
            answer.body.is_object() || answer.body.is_array(),
            "an error in this API's form: {}",
            answer.body
        );
        let partly =
            answer.body.as_array().is_some_and(|entries| entries.iter().any(|entry| entry["code"] == "OK"));
        assert!(
            partly || world.engine.position() == before,
            "{method} {path} with {shown} was refused and left something"
        );
    }
}

/// How many mutations were refused and how many were harmless: a run without both shows nothing.
#[derive(Default)]
struct Counted {
    refused: Cell<u32>,
    taken: Cell<u32>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let both = self.refused.get() > 30 && self.taken.get() > 30;
        assert!(
            std::thread::panicking() || both,
            "{} refused, {} taken",
            self.refused.get(),
            self.taken.get()
        );
    }
}

fn run(cases: u32, test: impl Fn(usize, Vec<Mutation>)) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[17; 32]);
    let mut runner =
        TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, rng);
    let strategy = (0..1_000usize, mutations());
    runner
        .run(&strategy, |(which, mutations)| {
            test(which, mutations);
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_mutation_of_a_consumers_request_fails_us_or_leaves_something_when_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (world, app, consumer, file) = runtime.block_on(async {
        let world = world().await;
        let file = world.upload("a", b"\x89PNG\r\n\x1a\n").await;
        let (app, consumer) = (world.app_token(1).await, world.consumer_token(1, "a").await);
        (world, app, consumer, file)
    });
    let headers = [("authorization", app.as_str()), ("x-lp-on-behalf", consumer.as_str())];
    let (open, counted) = (RefCell::new(String::new()), Counted::default());
    run(600, |which, mutations| {
        runtime.block_on(async {
            // A mutation may well have closed it.
            if let Some(fresh) =
                world.speak("a", "", &smallest()).await.body[1]["body"]["conversationId"].as_str()
            {
                open.replace(fresh.to_owned());
            }
            let all = consumers(&open.borrow().clone(), &file);
            let (tail, request) = &all[which % all.len()];
            let path = format!("/api/account/{ACCOUNT}/messaging/consumer/conversation{tail}?v=3");
            try_one(&world, &headers, "POST", &path, apply(request, &mutations), &counted).await;
        });
    });
}

#[test]
fn no_mutation_of_an_administrators_request_fails_us_or_leaves_something_when_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (world, bearer, app) = runtime.block_on(async {
        let world = world().await;
        let tokens = (world.bearer(1).await, world.app_token(1).await);
        (world, tokens.0, tokens.1)
    });
    let token = json!("grant_type=client_credentials&client_id=client-1&client_secret=s3cret");
    let counted = Counted::default();
    run(300, |which, mutations| {
        let consumer = json!({ "ext_consumer_id": "a" });
        let login = json!({ "username": "root", "password": "pass" });
        let (one, sentinel) =
            (format!("{INSTALLATIONS}/client-1"), "/sentinel/api/account/70000001/app/token");
        let routes: [(&str, &str, &Value, &str); 5] = [
            ("POST", INSTALLATIONS, &manifest(), &bearer),
            ("PUT", &one, &manifest(), &bearer),
            ("POST", "/api/account/70000001/consumer", &consumer, &app),
            ("POST", "/api/account/70000001/login", &login, ""),
            ("POST", sentinel, &token, ""),
        ];
        let (method, path, request, authorization) = routes[which % routes.len()];
        runtime.block_on(try_one(
            &world,
            &[("authorization", authorization)],
            method,
            path,
            apply(request, &mutations),
            &counted,
        ));
    });
}

#[tokio::test]
async fn odd_framing_is_refused_and_nothing_is_kept() {
    let world = world().await;
    let id = world.open("a").await;
    let position = world.engine.position();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let huge = publishing(&id, text(&"x".repeat(200_000))).to_string();
    for body in ["", "{", "null", "7", "\"x\"", "\u{feff}{}", &deep, &huge] {
        for tail in ["/send", ""] {
            let answer =
                world.speak_with("a", tail, &[("content-type", "application/json")], body.to_owned()).await;
            let expected = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": null });
            assert_eq!(
                (answer.status.as_u16(), &answer.body),
                (400, &expected),
                "{}",
                &body[..body.len().min(20)]
            );
        }
    }
    let invalid = [publishing(&id, text("x")).to_string().into_bytes(), b"\xff\xfe".to_vec()].concat();
    assert_eq!(world.speak_with("a", "/send", &[], invalid).await.status, 400);
    assert_eq!(world.engine.position(), position);
    // The content type is not what decides: clients of this API send all sorts of it.
    let answer = world
        .speak_with("a", "/send", &[("content-type", "text/plain")], publishing(&id, text("x")).to_string())
        .await;
    assert_eq!(answer.status, 200);
}
