//! Telegram Bot API rows. Shapes: <https://core.telegram.org/bots/api>.
//! Requests are compared whole, answers by what they mean for the message.

use std::sync::Arc;

use connector_api::{Inbound, Line};
use domain::content::{Body, Media};
use domain::delivery::{Outcome, ReasonKind};
use serde_json::json;

use super::map;
use crate::testing::{
    SECRET, Script, callback, conforms, kind, line, outbound, read, reference, registered, requests, sample,
    unlocated,
};

const SENT: &str = r#"{"ok":true,"result":{"message_id":40,"chat":{"id":5550001,"type":"private"}}}"#;

fn our_line(http: &Arc<Script>) -> Line {
    let settings = [("bot_token", SECRET), ("secret_token", SECRET), ("base_url", "http://bot.test")];
    line("bot", &settings, http)
}

#[tokio::test]
async fn it_conforms() {
    let http = Arc::new(Script::default());
    let message = outbound("TELEGRAM", "5550001", Body::Text("hi".to_owned()));
    conforms(&*registered("TELEGRAM").connector, &our_line(&http), &http, &message).await;
}

#[tokio::test]
async fn a_call_goes_to_the_method_of_the_bot() {
    let http = Arc::new(Script::default());
    http.answer(200, SENT);
    let message = outbound("TELEGRAM", "5550001", Body::Text("hi".to_owned()));
    let ended = registered("TELEGRAM").connector.send(&our_line(&http), &message).await;
    assert_eq!(ended, Outcome::Accepted { parts: vec!["5550001:40".into()] });
    let expected = json!({ "chat_id": 5_550_001, "text": "hi" });
    assert_eq!(http.seen(), [(format!("http://bot.test/bot{SECRET}/sendMessage"), expected)]);
}

#[test]
fn every_generic_message_becomes_the_documented_call() {
    for (name, expected) in requests(include_str!("fixtures/requests.json")) {
        let mut body = sample(&name);
        if name == "text" {
            body = Body::Text("Your parcel *left* the <depot>.".to_owned());
        }
        let calls = map::outbound(&outbound("TELEGRAM", "5550001", body)).expect("it maps");
        let calls: Vec<_> = calls.iter().map(|call| json!([call.method, call.body])).collect();
        assert_eq!(json!(calls), expected, "{name}");
    }
}

#[test]
fn raw_overrides_name_a_method_that_sends() {
    let mut message = outbound("TELEGRAM", "5550001", Body::Text("not used".to_owned()));
    message.raw = Some(r#"{"method":"sendDice","emoji":"x","chat_id":9}"#.into());
    let calls = map::outbound(&message).expect("it maps");
    let expected = json!({ "emoji": "x", "chat_id": 5_550_001 });
    assert_eq!((calls.len(), calls[0].method.as_str(), &calls[0].body), (1, "sendDice", &expected));
    for odd in [r#"{"method":"deleteWebhook"}"#, r#"{"method":"send/../getMe"}"#, "[]", ""] {
        message.raw = Some(odd.into());
        assert!(map::outbound(&message).is_err(), "{odd}");
    }
}

#[test]
fn answers_quote_the_message_and_chats_are_numbers() {
    let mut message = outbound("TELEGRAM", "-100200", Body::Text("hi".to_owned()));
    message.reply_to = Some("-100200:77".into());
    let calls = map::outbound(&message).expect("it maps");
    let quote = json!({ "message_id": 77, "allow_sending_without_reply": true });
    assert_eq!((&calls[0].body["chat_id"], &calls[0].body["reply_parameters"]), (&json!(-100_200), &quote));
    let nowhere = outbound("TELEGRAM", "@name", Body::Text("hi".to_owned()));
    assert_eq!(map::outbound(&nowhere).map_err(|reason| reason.kind), Err(ReasonKind::RecipientInvalid));
}

#[tokio::test]
async fn refusals_have_their_kinds() {
    let rows = [
        (403, "Forbidden: bot was blocked by the user", ReasonKind::RecipientOptedOut),
        (403, "Forbidden: user is deactivated", ReasonKind::RecipientNotReachable),
        (400, "Bad Request: chat not found", ReasonKind::RecipientNotReachable),
        (400, "Bad Request: failed to get HTTP URL content", ReasonKind::MediaUnavailable),
        (400, "Bad Request: message is too long", ReasonKind::ContentUnsupported),
        (401, "Unauthorized", ReasonKind::ChannelBadConfiguration),
    ];
    for (code, words, expected) in rows {
        let http = Arc::new(Script::default());
        http.answer(code, &json!({ "ok": false, "error_code": code, "description": words }).to_string());
        let message = outbound("TELEGRAM", "5550001", Body::Text("hi".to_owned()));
        let ended = registered("TELEGRAM").connector.send(&our_line(&http), &message).await;
        assert_eq!(kind(&ended), (expected, None, false), "{words}");
    }
    let http = Arc::new(Script::default());
    http.answer(429, r#"{"ok":false,"error_code":429,"parameters":{"retry_after":3}}"#);
    let message = outbound("TELEGRAM", "5550001", Body::Text("hi".to_owned()));
    let ended = registered("TELEGRAM").connector.send(&our_line(&http), &message).await;
    assert_eq!(kind(&ended), (ReasonKind::RateLimited, Some(3_000), true));
}

#[tokio::test]
async fn a_file_is_where_get_file_says_behind_the_bots_token() {
    let http = Arc::new(Script::default());
    http.answer(200, r#"{"ok":true,"result":{"file_id":"F1","file_path":"photos/1.jpg"}}"#);
    let located = registered("TELEGRAM").connector.locate(&our_line(&http), &reference("F1")).await.unwrap();
    assert_eq!(located.url, format!("http://bot.test/file/bot{SECRET}/photos/1.jpg"));
    assert!(located.headers.is_empty());
    assert_eq!(http.seen(), [(format!("http://bot.test/bot{SECRET}/getFile"), json!({ "file_id": "F1" }))]);
}

#[tokio::test]
async fn a_refused_file_is_gone_or_perhaps_there_later() {
    let maybe = "Bad Request: wrong file_id or the file is temporarily unavailable";
    for (status, description, expected) in [
        (400, maybe, (ReasonKind::MediaUnavailable, true)),
        (400, "Bad Request: file is too big", (ReasonKind::MediaUnavailable, false)),
        (400, "Bad Request: invalid file_id", (ReasonKind::MediaUnavailable, false)),
        (401, "Unauthorized", (ReasonKind::ChannelBadConfiguration, false)),
        (429, "Too Many Requests: retry after 3", (ReasonKind::RateLimited, true)),
        (502, "Bad Gateway", (ReasonKind::ChannelFailure, true)),
    ] {
        let http = Arc::new(Script::default());
        let body = json!({ "ok": false, "error_code": status, "description": description });
        http.answer(status, &body.to_string());
        let located = registered("TELEGRAM").connector.locate(&our_line(&http), &reference("F1")).await;
        assert_eq!(unlocated(located), expected, "{description}");
    }
    for nothing in [r#"{"ok":true,"result":{"file_id":"F1"}}"#, "<html>"] {
        let http = Arc::new(Script::default());
        http.answer(200, nothing);
        let located = registered("TELEGRAM").connector.locate(&our_line(&http), &reference("F1")).await;
        assert_eq!(unlocated(located), (ReasonKind::ChannelFailure, true), "{nothing}");
    }
}

#[test]
fn updates_are_read() {
    let line = our_line(&Arc::default());
    let updates: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/updates.json")).expect("it is JSON");
    let hear = |name: &str| {
        assert!(updates[name].is_object(), "{name}");
        let posted = callback(&[("x-telegram-bot-api-secret-token", SECRET)], &updates[name].to_string());
        read(&*registered("TELEGRAM").connector, &posted, &line)
    };
    let body = |name: &str| match &hear(name)[..] {
        [Inbound::Message { content, .. }] => content.body.clone(),
        other => panic!("one message: {other:?}"),
    };
    let heard = hear("text");
    let [Inbound::Message { from, name, source_id, language, reply_to, .. }] = &heard[..] else {
        panic!("a message")
    };
    let said = (&**from, name.as_str(), &**source_id, language.as_str(), reply_to.as_deref());
    assert_eq!(said, ("5550001", "Kim Ek", "5550001:12", "sv", Some("5550001:11")));
    let text = |words: &str| words.to_owned();
    let large = Media {
        url: text("provider:large"),
        mime: text("image/jpeg"),
        caption: text("look"),
        size: 4_000,
        ..Media::default()
    };
    assert_eq!(body("photo"), Body::Media(large));
    let (url, mime, name) = (text("provider:doc"), text("application/pdf"), text("bill.pdf"));
    assert_eq!(body("document"), Body::Media(Media { url, mime, name, size: 5, ..Media::default() }));
    assert_eq!(body("venue"), sample("location"));
    let (phones, emails) = (vec![text("+447700900456")], vec![]);
    let card = Body::ContactCard { name: text("Ada Doe"), phones, emails, organization: String::new() };
    assert_eq!(body("contact"), card);
    let of_message = Some(text("5550001:40"));
    assert_eq!(body("press"), Body::Picked { text: text("Yes"), postback: text("c:9f2a:0"), of_message });
    for name in ["group", "edit", "blocked"] {
        assert_eq!(hear(name), [], "{name}");
    }
}
