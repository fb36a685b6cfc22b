//! WhatsApp Cloud API rows. Shapes: <https://developers.facebook.com/docs/whatsapp/cloud-api>.
//! Requests are compared whole, answers by what they mean for the message.

use std::sync::Arc;

use connector_api::{Handshake, Inbound, Line};
use domain::content::{Action, Body, Choice, Media};
use domain::delivery::{Outcome, ReasonKind, Status};
use hmac::{Hmac, Mac};
use serde_json::json;

use crate::harness::{SECRET, Script, callback, conforms, kind, line, outbound, read, registered};

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

fn said(value: &serde_json::Value) -> Vec<Inbound> {
    let mut value = value.clone();
    value["metadata"] = json!({ "phone_number_id": "1060" });
    let body = json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] }).to_string();
    let line = our_line(&Arc::default());
    let posted = callback(&[("x-hub-signature-256", &signature(&body))], &body);
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
        (131_056, ReasonKind::RateLimited, true),
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

#[test]
fn what_people_write_is_read() {
    let heard = said(&json!({
        "contacts": [{ "profile": { "name": "Ada" }, "wa_id": "447700900123" }],
        "messages": [
            { "from": "447700900123", "id": "w1", "type": "text", "text": { "body": "hi" } },
            { "from": "447700900123", "id": "w2", "type": "image", "image": { "id": "M1", "mime_type": "image/jpeg" } },
            { "from": "447700900123", "id": "w3", "type": "interactive", "context": { "id": "wamid.9" },
              "interactive": { "type": "button_reply", "button_reply": { "id": "p-1", "title": "Yes" } } },
            { "from": "447700900123", "id": "w4", "type": "novelty" },
            { "from_user_id": "GB.9f3K2", "id": "w5", "type": "text", "text": { "body": "hidden" } },
            { "from": "447700900123", "id": "w6", "type": "reaction", "reaction": {} },
        ],
    }));
    let bodies: Vec<&Body> = heard
        .iter()
        .map(|one| match one {
            Inbound::Message { content, .. } => &content.body,
            other => panic!("not a message: {other:?}"),
        })
        .collect();
    assert_eq!(bodies.len(), 5);
    assert_eq!(bodies[0], &Body::Text("hi".to_owned()));
    assert!(matches!(bodies[1], Body::Media(media) if media.url == "provider:M1"));
    let picked = Body::Picked {
        text: "Yes".to_owned(),
        postback: "p-1".to_owned(),
        of_message: Some("wamid.9".to_owned()),
    };
    assert_eq!(bodies[2], &picked);
    assert!(matches!(&heard[4], Inbound::Message { from, .. } if &**from == "GB.9f3K2"));
    assert!(matches!(&heard[0], Inbound::Message { name, .. } if name == "Ada"));
}

#[test]
fn statuses_are_receipts_with_our_token() {
    let heard = said(&json!({ "statuses": [
        { "id": "wamid.1", "status": "delivered", "timestamp": "1790000000", "recipient_id": "447700900123",
          "biz_opaque_callback_data": "01JTOKEN/1" },
        { "id": "wamid.1", "status": "failed", "timestamp": "1790000000", "errors": [{ "code": 131_047 }] },
    ]}));
    let Inbound::Receipt { token, receipt, .. } = &heard[0] else { panic!("a receipt") };
    assert_eq!(
        (token.as_deref(), receipt.status, receipt.at.0),
        (Some("01JTOKEN/1"), Status::Delivered, 1_790_000_000_000)
    );
    let Inbound::Receipt { receipt, .. } = &heard[1] else { panic!("a receipt") };
    assert_eq!(receipt.reason.as_ref().map(|reason| reason.kind), Some(ReasonKind::OutsideAllowedWindow));
}

#[test]
fn the_handshake_needs_our_word() {
    let connector = registered("WHATSAPP").connector;
    let line = our_line(&Arc::default());
    let query = |word: &str| format!("hub.mode=subscribe&hub.verify_token={word}&hub.challenge=42");
    assert_eq!(connector.handshake(&query("word"), &line), Ok(Handshake("42".to_owned())));
    assert!(connector.handshake(&query("other"), &line).is_err());
}
