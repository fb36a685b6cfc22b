//! The way in: what persons say, repetitions, forged and broken callbacks, and files that have to be fetched.

use std::net::Ipv4Addr;

use bytes::Bytes;
use connector_api::{Callback, Line, Located, SendError};
use domain::content::{Action, Body, Choice, Media};
use domain::delivery::ReasonKind;
use http::HeaderMap;
use serde_json::{Value, json};

use super::bench::Bench;
use super::rows::{Proof, Row, SECRET};

pub async fn a_text_is_heard(row: Row) {
    let mut bench = Bench::new(row).await;
    let text = "Zażółć gęślą jaźń 🙂";
    bench.says("0123", &json!({ "text": text })).await;
    let (from, id, body) = bench.message().await;
    assert_eq!((from, body), (bench.address("0123"), Body::Text(text.to_owned())));
    assert!(!id.is_empty());
    let normalized = bench.channel.connector.normalize(&bench.address("0123"));
    assert_eq!(normalized, Some(bench.address("0123")), "addresses come in as they go out");
}

pub async fn a_choice_comes_back_as_picked_or_as_its_words(row: Row) {
    let mut bench = Bench::new(row).await;
    let yes = Choice { action: Action::Reply { text: "Yes".to_owned() }, postback: "p-yes".to_owned() };
    let asked = Body::Choice { text: "Keep it?".to_owned(), choices: vec![yes] };
    bench.send(&bench.message_to("0123", asked)).await;
    bench.says("0123", &json!({ "choice": "Yes" })).await;
    match bench.message().await.2 {
        Body::Picked { text, postback, of_message } => {
            assert_eq!((text.as_str(), postback.as_str()), ("Yes", "p-yes"));
            assert!(of_message.is_some(), "it says what it answers");
        }
        other => assert_eq!(other, Body::Text("Yes".to_owned())),
    }
}

pub async fn a_location_is_heard(row: Row) {
    let mut bench = Bench::new(row).await;
    bench.says("0123", &json!({ "location": { "latitude": 59.5, "longitude": 18.25 } })).await;
    match bench.message().await.2 {
        Body::Location { latitude, longitude, .. } => {
            assert_eq!((latitude.as_str(), longitude.as_str()), ("59.5", "18.25"));
        }
        Body::Text(text) => assert!(text.contains("59.5,18.25"), "{text}"),
        other => panic!("no place: {other:?}"),
    }
}

pub async fn a_file_is_heard_and_can_be_fetched(row: Row) {
    let mut bench = Bench::new(row).await;
    bench.says("0123", &json!({ "media_url": "data:image/png;base64,aGVsbG8=", "text": "look" })).await;
    match bench.message().await.2 {
        Body::Media(media) => {
            assert_eq!((media.caption.as_str(), media.mime.starts_with("image/")), ("look", true));
            let connector = &bench.channel.connector;
            let found = connector.locate(&bench.line, &media).await.expect("the provider has it");
            assert!(!format!("{found:?}").contains(SECRET));
            let file = bench.fetch(&found.url, found.headers).await;
            assert_eq!((file.status, &file.body[..]), (200, &b"hello"[..]));
        }
        Body::Text(text) => assert!(text.contains("data:image/png;base64,aGVsbG8="), "{text}"),
        other => panic!("no file: {other:?}"),
    }
}

/// The kind of a refusal, and whether a later try may work.
fn refusal(located: Result<Located, SendError>) -> (ReasonKind, bool) {
    match located.expect_err("nobody can know where it is") {
        SendError::Permanent(reason) => (reason.kind, false),
        SendError::Temporary { reason, .. } => (reason.kind, true),
    }
}

pub async fn a_file_that_cannot_be_located_says_why(row: Row) {
    let mut bench = Bench::new(row).await;
    bench.says("0123", &json!({ "media_url": "data:image/png;base64,aGVsbG8=" })).await;
    let Body::Media(media) = bench.message().await.2 else { return };
    let connector = bench.channel.connector.clone();
    let elsewhere = Media { url: "https://example.org/a.png".to_owned(), ..media.clone() };
    let open = connector.locate(&bench.line, &elsewhere).await.expect("it is an address already");
    assert_eq!((open.url.as_str(), open.headers.is_empty()), ("https://example.org/a.png", true));
    let unknown = Media { url: "provider:no-such-file".to_owned(), ..media.clone() };
    let unknown = refusal(connector.locate(&bench.line, &unknown).await);
    assert_eq!(unknown.0, ReasonKind::MediaUnavailable);
    let line = bench.line.clone();
    bench.sandbox.shutdown().await;
    assert_eq!(refusal(connector.locate(&line, &media).await), (ReasonKind::ChannelFailure, true));
}

pub async fn messages_of_a_person_come_in_order(row: Row) {
    let mut bench = Bench::new(row).await;
    for number in 0..5 {
        bench.says("0123", &json!({ "text": format!("number {number}") })).await;
    }
    for number in 0..5 {
        assert_eq!(bench.message().await.2, Body::Text(format!("number {number}")));
    }
}

pub async fn what_was_not_kept_comes_again_with_the_same_id(row: Row) {
    let mut bench = Bench::new(row).await;
    bench.refuse_next(2);
    bench.says("0123", &json!({ "text": "hello" })).await;
    let first = bench.message().await;
    assert_eq!([bench.message().await, bench.message().await], [first.clone(), first.clone()]);
    bench.says("0123", &json!({ "text": "hello" })).await;
    let (_, id, body) = bench.message().await;
    assert_eq!(body, first.2);
    assert_ne!(id, first.1, "the same words said again are another message");
}

/// Callbacks of every kind that the sandbox has, as they came.
async fn captured(bench: &mut Bench) -> Vec<Callback> {
    let yes = Choice { action: Action::Reply { text: "Yes".to_owned() }, postback: "p-yes".to_owned() };
    let asked = Body::Choice { text: "Keep it?".to_owned(), choices: vec![yes] };
    for magic in ["0123", "0002"] {
        bench.send(&bench.message_to(magic, asked.clone())).await;
    }
    let said = [
        json!({ "text": "hello" }),
        json!({ "choice": "Yes" }),
        json!({ "location": { "latitude": 59.5, "longitude": 18.25, "name": "Depot" } }),
        json!({ "media_url": "data:image/png;base64,aGVsbG8=" }),
        json!({ "media_url": "data:application/pdf;base64,aGVsbG8=" }),
    ];
    for one in said {
        bench.says("0123", &one).await;
        bench.message().await;
    }
    bench.callbacks()
}

pub async fn a_forged_callback_is_refused_before_it_is_read(row: Row) {
    let mut bench = Bench::new(row).await;
    let connector = bench.channel.connector.clone();
    let refuses = |callback: &Callback, line: &Line| connector.authenticate(callback, line).is_err();
    let mut genuine = captured(&mut bench).await;
    let garbage =
        Callback { headers: HeaderMap::new(), query: String::new(), body: Bytes::from_static(b"\xff{") };
    genuine.push(garbage);
    for callback in &genuine {
        let plain = Callback { headers: HeaderMap::new(), ..callback.clone() };
        assert!(refuses(&plain, &bench.line), "without proof");
        let Some(headers) = bench.proof("another secret", &callback.body) else { continue };
        assert!(refuses(&Callback { headers, ..callback.clone() }, &bench.line), "with another secret");
        let headers = bench.proof("", &callback.body).expect("as above");
        let unset = Line::new(row.account, vec![], bench.way_out.clone());
        assert!(refuses(&Callback { headers, ..callback.clone() }, &unset), "no secret is never right");
        if matches!(row.proof, Proof::Signed(_)) {
            let headers = bench.proof(SECRET, &callback.body).expect("as above");
            let body = [&callback.body[..], b" "].concat().into();
            assert!(refuses(&Callback { headers, body, ..callback.clone() }, &bench.line), "a changed body");
        }
    }
    assert!(connector.handshake("", &bench.line).is_err(), "nothing asked, nothing answered");
}

/// Every way to swap one value of a JSON document for something of another shape, and to leave it out.
fn broken(document: &Value) -> Vec<Value> {
    let mut places = vec![String::new()];
    let mut at = 0;
    while let Some(place) = places.get(at).cloned() {
        match document.pointer(&place) {
            Some(Value::Object(fields)) => places.extend(fields.keys().map(|key| format!("{place}/{key}"))),
            Some(Value::Array(items)) => {
                places.extend((0..items.len()).map(|item| format!("{place}/{item}")))
            }
            _ => {}
        }
        at += 1;
    }
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("é"),
        json!([]),
        json!([[]]),
        json!({}),
    ];
    let swapped = places.iter().flat_map(|place| {
        others.iter().map(move |other| {
            let mut copy = document.clone();
            if let Some(value) = copy.pointer_mut(place) {
                *value = other.clone();
            }
            copy
        })
    });
    swapped.collect()
}

pub async fn broken_callbacks_are_read_or_refused_and_never_panic(row: Row) {
    let mut bench = Bench::new(row).await;
    let mut bodies: Vec<Bytes> = Vec::new();
    for callback in captured(&mut bench).await {
        let document: Value = serde_json::from_slice(&callback.body).expect("the provider speaks JSON");
        bodies.extend(broken(&document).iter().map(|value| Bytes::from(value.to_string())));
        bodies.extend((0..callback.body.len()).step_by(7).map(|end| callback.body.slice(..end)));
    }
    let deep = "[".repeat(100_000);
    let large = format!(r#"{{"entry":[{}0]}}"#, "0,".repeat(500_000));
    let odd: [&[u8]; 5] = [b"", b"null", b"[]", b"\xff\xfe", b"{\"update_id\":1e999}"];
    bodies.extend(odd.into_iter().chain([deep.as_bytes(), large.as_bytes()]).map(Bytes::copy_from_slice));
    let connector = bench.channel.connector.clone();
    for body in bodies {
        let Some(headers) = bench.proof(SECRET, &body) else { return };
        let callback = Callback { headers, query: String::new(), body };
        let genuine = connector.authenticate(&callback, &bench.line).expect("it is signed");
        let once = connector.read(genuine, &bench.line);
        let genuine = connector.authenticate(&callback, &bench.line).expect("it is signed");
        assert_eq!(once, connector.read(genuine, &bench.line), "reading is pure");
    }
    assert!(bench.sandbox.http_addr.ip() == Ipv4Addr::LOCALHOST);
}

pub async fn a_session_ends_politely_and_then_takes_nothing(row: Row) {
    let mut bench = Bench::new(row).await;
    if bench.channel.session.is_none() {
        return;
    }
    let slow = bench.message_to("0010", Body::Text("hi".to_owned()));
    let (connector, line) = (bench.channel.connector.clone(), bench.line.clone());
    let (sent, ()) = tokio::join!(connector.send(&line, &slow), async {
        while bench.ledger("0010").await.is_empty() {}
        bench.end_session().await;
    });
    assert!(matches!(sent, domain::delivery::Outcome::Accepted { .. }), "open answers are awaited: {sent:?}");
    let late = bench.send(&bench.message_to("0123", Body::Text("hi".to_owned()))).await;
    assert!(matches!(late, domain::delivery::Outcome::Temporary { .. }), "{late:?}");
}
