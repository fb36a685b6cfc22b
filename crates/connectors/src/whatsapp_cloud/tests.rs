//! WhatsApp Cloud API rows. Shapes: <https://developers.facebook.com/docs/whatsapp/cloud-api>.
//! Requests are compared whole, answers by what they mean for the message.

use std::sync::Arc;

use connector_api::{Handshake, Inbound, Line};
use domain::content::{Action, Body, Choice, Media};
use domain::delivery::{Outcome, ReasonKind, Status};
use hmac::{Hmac, Mac};
use serde_json::json;

use super::map;
use crate::testing::{
    SECRET, Script, callback, conforms, kind, line, outbound, read, reference, registered, requests, sample,
    unlocated,
};

const SENT: &str = r#"{"messages":[{"id":"wamid.1"}]}"#;

fn our_line(http: &Arc<Script>) -> Line {
    let settings = [
        ("access_token", SECRET),
        ("app_secret", SECRET),
        ("verify_token", "word"),
        ("base_url", "http://graph.test/"),
        ("api_version", "v25.0"),
    ];
    line("1060", &settings, http)
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes())
        .expect("tests have loopback and no poisoned lock");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn heard(body: &str) -> Vec<Inbound> {
    let line = our_line(&Arc::default());
    let posted = callback(&[("x-hub-signature-256", &signature(body))], body);
    read(&*registered("WHATSAPP").connector, &posted, &line)
}

#[tokio::test]
async fn it_conforms() {
    let http = Arc::new(Script::default());
    let message = outbound("WHATSAPP", "447700900123", Body::Text("hi".to_owned()));
    conforms(&*registered("WHATSAPP").connector, &our_line(&http), &http, &message).await;
}

#[tokio::test]
async fn text_goes_out_exactly_as_documented() {
    let http = Arc::new(Script::default());
    http.answer(200, SENT);
    let mut message = outbound("WHATSAPP", "447700900123", Body::Text("hi".to_owned()));
    message.reply_to = Some("wamid.0".into());
    let ended = registered("WHATSAPP").connector.send(&our_line(&http), &message).await;
    assert_eq!(ended, Outcome::Accepted { parts: vec!["wamid.1".into()] });
    let expected = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "447700900123", "type": "text",
        "text": { "body": "hi", "preview_url": true }, "context": { "message_id": "wamid.0" },
        "biz_opaque_callback_data": "01JTOKEN/1",
    });
    assert_eq!(http.seen(), [("http://graph.test/v25.0/1060/messages".to_owned(), expected)]);
}

#[tokio::test]
async fn bodies_take_their_native_form_or_become_text() {
    let reply = |text: &str| Choice {
        action: Action::Reply { text: text.to_owned() },
        postback: format!("p-{text}"),
    };
    let link = Choice {
        action: Action::Link { title: "Go".to_owned(), url: "https://a.example".to_owned() },
        postback: String::new(),
    };
    let media = |mime: &str| {
        Body::Media(Media {
            url: "https://a.example/f".to_owned(),
            mime: mime.to_owned(),
            ..Media::default()
        })
    };
    let choice = |choices: Vec<Choice>| Body::Choice { text: "?".to_owned(), choices };
    let rows = [
        (media("image/png"), "/type", "image"),
        (media("application/pdf"), "/type", "document"),
        (media("audio/ogg; codecs=opus"), "/type", "audio"),
        (choice(vec![reply("a"), reply("b")]), "/interactive/type", "button"),
        (choice("abcd".chars().map(|c| reply(&c.to_string())).collect()), "/interactive/type", "list"),
        (choice(vec![link.clone()]), "/interactive/type", "cta_url"),
        (choice(vec![reply("a"), link]), "/type", "text"),
        (choice(vec![reply(&"long".repeat(6))]), "/type", "text"),
    ];
    for (body, pointer, expected) in rows {
        let http = Arc::new(Script::default());
        http.answer(200, SENT);
        let message = outbound("WHATSAPP", "447700900123", body.clone());
        registered("WHATSAPP").connector.send(&our_line(&http), &message).await;
        assert_eq!(http.seen()[0].1.pointer(pointer), Some(&json!(expected)), "{body:?}");
    }
}

#[tokio::test]
async fn a_long_text_goes_on_where_it_stopped() {
    let http = Arc::new(Script::default());
    let mut message = outbound("WHATSAPP", "447700900123", Body::Text("x".repeat(5_000)));
    http.answer(200, SENT);
    http.fail(connector_api::OutError::NoAnswer("dropped".to_owned()));
    let connector = registered("WHATSAPP").connector;
    let ended = connector.send(&our_line(&http), &message).await;
    assert_eq!(ended, Outcome::Unknown { parts: vec!["wamid.1".into()] });
    message.parts_done = vec!["wamid.1".into()];
    http.answer(200, r#"{"messages":[{"id":"wamid.2"}]}"#);
    let ended = connector.send(&our_line(&http), &message).await;
    assert_eq!(ended, Outcome::Accepted { parts: vec!["wamid.1".into(), "wamid.2".into()] });
    assert_eq!(http.seen().len(), 3);
}

#[tokio::test]
async fn codes_have_their_kinds() {
    let rows = [
        (131_026, ReasonKind::RecipientNotReachable, false),
        (131_047, ReasonKind::OutsideAllowedWindow, false),
        (131_048, ReasonKind::RateLimited, true),
        (131_056, ReasonKind::RecipientRateLimited, true),
        (130_429, ReasonKind::RateLimited, true),
        (80_007, ReasonKind::RateLimited, true),
        (4, ReasonKind::RateLimited, true),
        (190, ReasonKind::ChannelBadConfiguration, false),
        (10, ReasonKind::ChannelBadConfiguration, false),
        (100, ReasonKind::ContentUnsupported, false),
        (132_000, ReasonKind::TemplateUnknown, false),
        (132_001, ReasonKind::TemplateUnknown, false),
        (131_000, ReasonKind::ChannelFailure, true),
        (999_999, ReasonKind::ChannelRejected, false),
    ];
    for (code, expected, temporary) in rows {
        let http = Arc::new(Script::default());
        http.answer(400, &json!({ "error": { "code": code, "message": "no" } }).to_string());
        let message = outbound("WHATSAPP", "447700900123", Body::Text("hi".to_owned()));
        let ended = registered("WHATSAPP").connector.send(&our_line(&http), &message).await;
        let (kind, _, later) = kind(&ended);
        assert_eq!((kind, later), (expected, temporary), "{code}");
    }
}

#[tokio::test]
async fn a_file_is_where_its_description_says_behind_the_access_token() {
    let http = Arc::new(Script::default());
    http.answer(200, r#"{"url":"https://files.test/1?ext=2","mime_type":"image/jpeg","id":"77"}"#);
    let located = registered("WHATSAPP").connector.locate(&our_line(&http), &reference("77")).await.unwrap();
    assert_eq!(located.url, "https://files.test/1?ext=2");
    assert_eq!(located.headers["authorization"], format!("Bearer {SECRET}"));
    assert!(located.headers["authorization"].is_sensitive());
    assert_eq!(http.seen()[0].0, "http://graph.test/v25.0/77");
}

#[tokio::test]
async fn a_refused_file_is_gone_or_the_operators_to_mend_or_there_later() {
    for (status, code, expected) in [
        (400, 100, (ReasonKind::MediaUnavailable, false)),
        (404, 0, (ReasonKind::MediaUnavailable, false)),
        (401, 190, (ReasonKind::ChannelBadConfiguration, false)),
        (400, 4, (ReasonKind::RateLimited, true)),
        (503, 131_016, (ReasonKind::ChannelFailure, true)),
        (200, 0, (ReasonKind::ChannelFailure, true)),
    ] {
        let http = Arc::new(Script::default());
        http.answer(status, &json!({ "error": { "code": code, "message": "no" } }).to_string());
        let located = registered("WHATSAPP").connector.locate(&our_line(&http), &reference("77")).await;
        assert_eq!(unlocated(located), expected, "{status} {code}");
    }
}

#[test]
fn every_generic_message_becomes_the_documented_request() {
    for (name, expected) in requests(include_str!("fixtures/requests.json")) {
        let bodies = map::outbound(&outbound("WHATSAPP", "447700900123", sample(&name))).expect("it maps");
        let mut expected = expected;
        for body in expected.as_array_mut().expect("requests are listed") {
            body["messaging_product"] = json!("whatsapp");
            body["recipient_type"] = json!("individual");
            body["to"] = json!("447700900123");
            body["biz_opaque_callback_data"] = json!("01JTOKEN/1");
        }
        assert_eq!(json!(bodies), expected, "{name}");
    }
}

#[test]
fn raw_overrides_go_out_as_they_are_apart_from_addressing() {
    let mut message = outbound("WHATSAPP", "GB.9f3K2", Body::Text("not used".to_owned()));
    message.raw = Some(r#"{"type":"reaction","reaction":{"message_id":"w","emoji":""},"to":"999"}"#.into());
    let bodies = map::outbound(&message).expect("it maps");
    assert_eq!((bodies.len(), &bodies[0]["recipient"]), (1, &json!("GB.9f3K2")));
    assert_eq!(bodies[0].get("to"), None, "an override does not choose the person");
    assert_eq!(bodies[0]["reaction"], json!({ "message_id": "w", "emoji": "" }));
    for odd in ["[]", "\"text\"", "{", ""] {
        message.raw = Some(odd.into());
        let refused = map::outbound(&message).expect_err("not an object");
        assert_eq!(refused.kind, ReasonKind::ContentUnsupported, "{odd}");
    }
}

#[test]
fn what_people_write_is_read() {
    let bodies: Vec<(String, Body)> = heard(include_str!("fixtures/webhook.json"))
        .into_iter()
        .filter_map(|one| match one {
            Inbound::Message { source_id, content, .. } => Some((source_id.to_string(), content.body)),
            _ => None,
        })
        .collect();
    let text = |words: &str| words.to_owned();
    let file = |url: &str, mime: &str, name: &str, caption: &str| {
        let (url, mime, name, caption) = (text(url), text(mime), text(name), text(caption));
        Body::Media(Media { url, mime, name, caption, ..Media::default() })
    };
    let picked = |words: &str, postback: &str| Body::Picked {
        text: text(words),
        postback: text(postback),
        of_message: Some(text("wamid.OUT")),
    };
    let expected = [
        Body::Text(text("hi")),
        file("provider:M1", "image/jpeg", "", "look"),
        file("provider:M2", "application/pdf", "bill.pdf", ""),
        Body::Location {
            title: text("Big Ben"),
            label: text("London"),
            latitude: text("51.5007"),
            longitude: text("-0.1246"),
        },
        Body::ContactCard {
            name: text("Ada Doe"),
            phones: vec![text("+447700900456")],
            emails: vec![],
            organization: text("Acme"),
        },
        picked("Yes", "p-1"),
        picked("Tea", "r1"),
        picked("Stop", "stop-4711"),
        Body::Text(text("hidden")),
        Body::Other { text: text("[unsupported]") },
    ];
    let numbered = expected.into_iter().enumerate().map(|(at, body)| (format!("wamid.{}", at + 1), body));
    assert_eq!(bodies, numbered.collect::<Vec<_>>(), "reactions, groups and other numbers are left out");
}

#[test]
fn people_who_hide_their_number_have_another_address() {
    let from: Vec<(String, String)> = heard(include_str!("fixtures/webhook.json"))
        .into_iter()
        .filter_map(|one| match one {
            Inbound::Message { from, name, .. } => Some((from.to_string(), name)),
            _ => None,
        })
        .collect();
    assert_eq!(from[0], ("447700900123".to_owned(), "Ada".to_owned()));
    assert_eq!(from[8], ("GB.9f3K2".to_owned(), "Ada".to_owned()));
}

#[test]
fn statuses_are_receipts_with_our_token() {
    let mut said = Vec::new();
    for one in heard(include_str!("fixtures/webhook.json")) {
        if let Inbound::Receipt { provider_id, token, receipt, .. } = one {
            let reason = receipt.reason.as_ref().map(|reason| (reason.kind, reason.channel_code.clone()));
            said.push((provider_id.to_string(), token, receipt.status, receipt.at.0, reason));
        }
    }
    let out = || "wamid.OUT".to_owned();
    let window = Some((ReasonKind::OutsideAllowedWindow, "131047".to_owned()));
    let expected = [
        (out(), Some("01JTOKEN/1".into()), Status::HandedOver, 1_790_000_000_000, None),
        (out(), None, Status::Delivered, 1_790_000_000_123, None),
        (out(), None, Status::Read, 1_790_000_001_000, None),
        ("wamid.BAD".to_owned(), None, Status::Failed, 1_790_000_001_000, window),
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_handshake_needs_our_word() {
    let connector = registered("WHATSAPP").connector;
    let line = our_line(&Arc::default());
    let query = |word: &str| format!("hub.mode=subscribe&hub.verify_token={word}&hub.challenge=42");
    assert_eq!(connector.handshake(&query("word"), &line), Ok(Handshake("42".to_owned())));
    assert!(connector.handshake(&query("other"), &line).is_err());
    assert!(connector.handshake("hub.mode=subscribe&hub.challenge=42", &line).is_err());
    assert!(connector.handshake(&query("word").replace("subscribe", "else"), &line).is_err());
    let without = line_without_word();
    assert!(connector.handshake(&query(""), &without).is_err(), "no word is never right");
}

fn line_without_word() -> Line {
    line("1060", &[("access_token", SECRET)], &Arc::default())
}
