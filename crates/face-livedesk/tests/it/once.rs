//! `Idempotency-Key` on every mutating call of this face, as design 3.2 promises it.

use axum::body::Body;
use face_livedesk::Settings;
use futures_util::future::join_all;
use http::{Request, StatusCode};
use serde_json::json;

use crate::world::{Answer, World, multipart};

const V2: &str = "/api/v2/accounts";
const V1: &str = "/api/v1/accounts/14";
const MESSAGES: &str = "/api/v2/accounts/conversations/1/messages";
const JSON: &str = "application/json";
const REUSED: &str = r#"{"error":"Idempotency-Key was used with another request"}"#;

fn same(what: &str, first: &Answer, again: &Answer) {
    assert_eq!((first.status, first.text()), (again.status, again.text()), "{what}");
    assert_eq!(first.headers.get("content-type"), again.headers.get("content-type"), "{what}");
}

#[tokio::test]
async fn a_repeat_of_any_call_gets_the_first_answer_and_changes_nothing() {
    let world = World::new(Settings::default()).await;
    let webhook = r#"{"url":"https://example.org/h","subscriptions":["message_created"]}"#;
    let calls = [
        ("POST", MESSAGES.to_owned(), r#"{"content":"hello"}"#),
        ("POST", format!("{V1}/conversations/1/messages"), r#"{"content":"me","message_type":"incoming"}"#),
        ("PATCH", format!("{V1}/conversations/1/messages/2"), r#"{"status":"delivered"}"#),
        ("DELETE", format!("{V1}/conversations/1/messages/2"), ""),
        ("POST", format!("{V2}/conversations/1/toggle_status"), "{}"),
        ("POST", format!("{V1}/conversations/1/toggle_typing_status"), r#"{"typing_status":"on"}"#),
        ("POST", format!("{V1}/conversations/1/assignments"), r#"{"assignee_id":1}"#),
        ("POST", format!("{V1}/webhooks"), webhook),
        ("PATCH", format!("{V1}/webhooks/1"), r#"{"name":"bell"}"#),
        ("DELETE", format!("{V1}/webhooks/1"), ""),
    ];
    for (place, (method, path, body)) in calls.iter().enumerate() {
        let key = format!("key {place}");
        let first = world.once(method, path, &key, JSON, *body).await;
        assert_eq!(first.status, StatusCode::OK, "{method} {path}: {}", first.text());
        let position = world.position().await;
        world.clock.advance_ms(1_000);
        let again = world.once(method, path, &key, JSON, *body).await;
        same(path, &first, &again);
        assert_eq!(world.position().await, position, "{method} {path}");
    }
}

#[tokio::test]
async fn a_lost_assignment_is_lost_again_though_it_could_be_won_now() {
    let world = World::new(Settings::default()).await;
    let path = format!("{V1}/conversations/1/assignments");
    world.chat("/conversations/1/assignments", r#"{"assignee_id":1}"#).await;
    let wish = r#"{"assignee_id":2,"expected_assignee_id":null}"#;
    let lost = world.once("POST", &path, "k", JSON, wish).await;
    assert_eq!(lost.status, StatusCode::CONFLICT);
    world.chat("/conversations/1/assignments", r#"{"assignee_id":0}"#).await;
    same("assignment", &lost, &world.once("POST", &path, "k", JSON, wish).await);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused_in_this_faces_form() {
    let world = World::new(Settings::default()).await;
    assert_eq!(world.once("POST", MESSAGES, "k", JSON, r#"{"content":"a"}"#).await.status, StatusCode::OK);
    let position = world.position().await;
    for (path, body) in [
        (MESSAGES, r#"{"content":"b"}"#),
        (MESSAGES, r#"{"content":"a","private":true}"#),
        ("/api/v2/accounts/conversations/1/toggle_status", r#"{"content":"a"}"#),
        // The same words by another caller are another request.
        ("/api/v1/accounts/14/conversations/1/messages", r#"{"content":"a"}"#),
    ] {
        let refused = world.once("POST", path, "k", JSON, body).await;
        assert_eq!(
            (refused.status, refused.text().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, REUSED),
            "{path} {body}"
        );
    }
    assert_eq!(world.position().await, position);
}

#[tokio::test]
async fn content_type_boundary_and_key_order_do_not_make_another_request() {
    let world = World::new(Settings::default()).await;
    let first = world.once("POST", MESSAGES, "k", JSON, r#"{"content":"Hi","source_id":"7"}"#).await;
    assert_eq!(first.status, StatusCode::OK);
    let (kind, body) = multipart(&[("source_id", "", b"7"), ("content", "", b"Hi")]);
    same("multipart", &first, &world.once("POST", MESSAGES, "k", &kind, body).await);
    let form = "application/x-www-form-urlencoded";
    same(
        "form",
        &first,
        &world.once("POST", &format!("{MESSAGES}/"), "k", form, "source_id=7&content=Hi").await,
    );
}

/// A multipart body with a boundary of one's own.
fn file(boundary: &str, name: &str, bytes: &str) -> (String, String) {
    let body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"attachments[]\"; filename=\"{name}\"\r\n\
         content-type: text/plain\r\n\r\n{bytes}\r\n--{boundary}--\r\n"
    );
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[tokio::test]
async fn files_are_the_same_by_name_and_bytes_whatever_the_boundary() {
    let world = World::new(Settings::default()).await;
    let (kind, body) = file("one", "a.txt", "hello");
    let first = world.once("POST", MESSAGES, "k", &kind, body).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let (kind, body) = file("another", "a.txt", "hello");
    let position = world.position().await;
    same("boundary", &first, &world.once("POST", MESSAGES, "k", &kind, body).await);
    assert_eq!(world.position().await, position);
    for (name, bytes) in [("a.txt", "hullo"), ("b.txt", "hello")] {
        let (kind, body) = file("one", name, bytes);
        assert_eq!(world.once("POST", MESSAGES, "k", &kind, body).await.text(), REUSED, "{name} {bytes}");
    }
}

#[tokio::test]
async fn of_several_at_once_one_is_sent() {
    let world = World::new(Settings::default()).await;
    let all =
        join_all((0..8).map(|_| world.once("POST", MESSAGES, "k", JSON, r#"{"content":"once"}"#))).await;
    for answer in &all {
        same("at once", &all[0], answer);
    }
    let listed = world.get(MESSAGES).await.json();
    assert_eq!(listed["payload"].as_array().unwrap().len(), 2, "with the contact's own");
}

#[tokio::test]
async fn a_key_belongs_to_its_tenant() {
    let world = World::new(Settings::default()).await;
    world.furnish_second().await;
    let body = r#"{"url":"https://example.org/h"}"#;
    assert_eq!(world.once("POST", &format!("{V1}/webhooks"), "k", JSON, body).await.status, StatusCode::OK);
    let request = Request::builder()
        .method("POST")
        .uri("/api/v1/accounts/15/webhooks")
        .header("api_access_token", "tok-15")
        .header("idempotency-key", "k")
        .body(Body::from(r#"{"url":"https://example.org/other"}"#))
        .unwrap();
    let other = world.send(request).await;
    assert_eq!((other.status, &other.json()["payload"]["webhook"]["id"]), (StatusCode::OK, &json!(1)));
}

#[tokio::test]
async fn an_answer_is_kept_across_a_restart_and_for_a_day() {
    let mut world = World::new(Settings::default()).await;
    let body = r#"{"content":"once"}"#;
    let first = world.once("POST", MESSAGES, "k", JSON, body).await;
    world.restart().await;
    world.clock.advance_ms(24 * 3_600_000 - 1_000);
    same("a day", &first, &world.once("POST", MESSAGES, "k", JSON, body).await);
    world.clock.advance_ms(1_000);
    assert_eq!(world.once("POST", MESSAGES, "k", JSON, body).await.json()["id"], 3, "the day is over");
}

#[tokio::test]
async fn a_pure_refusal_is_not_kept_and_a_repeat_does_not_count_against_the_limit() {
    let settings = Settings { throttle_per_conversation_per_minute: Some(1), ..Settings::default() };
    let world = World::new(settings).await;
    let first = world.once("POST", MESSAGES, "k", JSON, r#"{"content":"a"}"#).await;
    same("within the limit", &first, &world.once("POST", MESSAGES, "k", JSON, r#"{"content":"a"}"#).await);
    let refused = world.once("POST", MESSAGES, "l", JSON, r#"{"content":"b"}"#).await;
    assert_eq!(refused.text(), r#"{"error":"Validation failed: Too many messages"}"#);
    world.clock.advance_ms(60_000);
    assert_eq!(world.once("POST", MESSAGES, "l", JSON, r#"{"content":"b"}"#).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_header_that_is_no_key_is_refused() {
    let world = World::new(Settings::default()).await;
    for wrong in ["", "k".repeat(256).as_str()] {
        let refused = world.once("POST", MESSAGES, wrong, JSON, r#"{"content":"a"}"#).await;
        assert_eq!(refused.text(), r#"{"error":"Idempotency-Key is invalid"}"#);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn a_webhooks_secret_comes_with_the_repeat_but_is_not_kept_with_it() {
    let world = World::new(Settings::default()).await;
    let path = format!("{V1}/webhooks");
    let first = world.once("POST", &path, "k", JSON, r#"{"url":"https://example.org/h"}"#).await;
    assert_eq!(first.json()["payload"]["webhook"]["secret"].as_str().unwrap().len(), 64);
    same(
        "webhook",
        &first,
        &world.once("POST", &path, "k", JSON, r#"{"url":"https://example.org/h"}"#).await,
    );
}
