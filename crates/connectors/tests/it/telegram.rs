//! Telegram Bot API rows. Shapes: <https://core.telegram.org/bots/api>.
//! Requests are compared whole, answers by what they mean for the message.

use std::sync::Arc;

use connector_api::{Inbound, Line};
use domain::content::{Action, Body, Choice, Media};
use domain::delivery::{Outcome, ReasonKind};
use serde_json::json;

use crate::harness::{SECRET, Script, callback, conforms, kind, line, outbound, read, registered};

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

/// A body, the method it becomes, and that method's whole JSON.
fn calls() -> Vec<(Body, &'static str, serde_json::Value)> {
    let yes = Choice { action: Action::Reply { text: "Yes".to_owned() }, postback: "p-1".to_owned() };
    let call = Choice {
        action: Action::Call { title: "Ring".to_owned(), phone: "+44".to_owned() },
        postback: String::new(),
    };
    let photo = Media {
        url: "https://a.example/f.png".to_owned(),
        mime: "image/png".to_owned(),
        caption: "c".to_owned(),
        ..Media::default()
    };
    let place = Body::Location {
        title: "Depot".to_owned(),
        label: String::new(),
        latitude: "59.5".to_owned(),
        longitude: "18.25".to_owned(),
    };
    vec![
        (Body::Text("hi".to_owned()), "sendMessage", json!({ "chat_id": 5_550_001, "text": "hi" })),
        (
            Body::Media(photo),
            "sendPhoto",
            json!({ "chat_id": 5_550_001, "photo": "https://a.example/f.png", "caption": "c" }),
        ),
        (
            place,
            "sendVenue",
            json!({ "chat_id": 5_550_001, "latitude": 59.5, "longitude": 18.25, "title": "Depot", "address": "Depot" }),
        ),
        (
            Body::Choice { text: "?".to_owned(), choices: vec![yes, call] },
            "sendMessage",
            json!({ "chat_id": 5_550_001, "text": "?\nRing: +44",
                 "reply_markup": { "inline_keyboard": [[{ "text": "Yes", "callback_data": "p-1" }]] } }),
        ),
    ]
}

#[tokio::test]
async fn calls_go_out_exactly_as_documented() {
    for (body, method, expected) in calls() {
        let http = Arc::new(Script::default());
        http.answer(200, SENT);
        let message = outbound("TELEGRAM", "5550001", body);
        let ended = registered("TELEGRAM").connector.send(&our_line(&http), &message).await;
        assert_eq!(ended, Outcome::Accepted { parts: vec!["5550001:40".into()] });
        assert_eq!(http.seen(), [(format!("http://bot.test/bot{SECRET}/{method}"), expected)]);
    }
}

#[tokio::test]
async fn refusals_have_their_kinds() {
    let rows = [
        (403, "Forbidden: bot was blocked by the user", ReasonKind::RecipientNotReachable),
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

#[test]
fn updates_are_read() {
    let line = our_line(&Arc::default());
    let hear = |update: serde_json::Value| {
        let posted = callback(&[("x-telegram-bot-api-secret-token", SECRET)], &update.to_string());
        read(&*registered("TELEGRAM").connector, &posted, &line)
    };
    let chat = json!({ "id": 5_550_001, "type": "private" });
    let heard = hear(json!({ "update_id": 1, "message": { "message_id": 12, "chat": chat, "text": "hello",
        "from": { "id": 5_550_001, "first_name": "Kim", "last_name": "Ek", "language_code": "sv" } } }));
    let Inbound::Message { from, name, source_id, language, .. } = &heard[0] else { panic!("a message") };
    assert_eq!(
        (&**from, name.as_str(), &**source_id, language.as_str()),
        ("5550001", "Kim Ek", "5550001:12", "sv")
    );
    let heard = hear(json!({ "update_id": 2, "callback_query": { "id": "q", "from": { "id": 5_550_001 },
        "data": "p-1", "message": { "message_id": 40, "chat": chat, "reply_markup":
            { "inline_keyboard": [[{ "text": "Yes", "callback_data": "p-1" }]] } } } }));
    let Inbound::Message { content, .. } = &heard[0] else { panic!("a message") };
    let of_message = Some("5550001:40".to_owned());
    assert_eq!(content.body, Body::Picked { text: "Yes".to_owned(), postback: "p-1".to_owned(), of_message });
    assert_eq!(hear(json!({ "update_id": 3, "edited_message": { "message_id": 12, "chat": chat } })), []);
}
