//! Walls: whatever is the first account's, tried with the second account's credentials, answers exactly as what
//! does not exist. One table over all routes, for both dialects.

use axum::body::Body;
use face_livedesk::Settings;
use http::{Request, StatusCode};

use crate::world::{Answer, World, multipart, request};

/// `key-15:secret:1`.
const SECOND_KEY: &str = "Basic a2V5LTE1OnNlY3JldDox";

async fn second(world: &World, method: &str, path: &str, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = if path.starts_with("/api/v2/") {
        request.header("authorization", SECOND_KEY)
    } else {
        request.header("api_access_token", "tok-15")
    };
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// Every route of an account that names something, with the something as `{}` and a body that would do.
const NAMING: [(&str, &str, &str); 12] = [
    ("GET", "/conversations/{}", ""),
    ("GET", "/conversations/{}/messages", ""),
    ("POST", "/conversations/{}/messages", r#"{"content":"x"}"#),
    ("POST", "/conversations/{}/messages", r#"{"content":"x","message_type":"incoming"}"#),
    ("GET", "/conversations/{}/messages/1", ""),
    ("PATCH", "/conversations/{}/messages/1", r#"{"status":"read"}"#),
    ("DELETE", "/conversations/{}/messages/1", ""),
    ("POST", "/conversations/{}/toggle_status", "{}"),
    ("POST", "/conversations/{}/toggle_typing_status", r#"{"typing_status":"on"}"#),
    ("POST", "/conversations/{}/assignments", r#"{"assignee_id":1}"#),
    ("PATCH", "/webhooks/{}", r#"{"name":"x"}"#),
    ("DELETE", "/webhooks/{}", ""),
];

#[tokio::test]
async fn what_is_another_accounts_does_not_exist() {
    let world = World::new(Settings::default()).await;
    world.furnish_second().await;
    world.chat("/webhooks", r#"{"url":"https://example.org/h"}"#).await;
    let position = world.position().await;
    for base in ["/api/v2/accounts", "/api/v1/accounts/15"] {
        for (method, path, body) in NAMING {
            let path = format!("{base}{path}");
            let foreign = second(&world, method, &path.replace("{}", "1"), body).await;
            let unknown = second(&world, method, &path.replace("{}", "987654"), body).await;
            assert_eq!((foreign.status, foreign.text()), (unknown.status, unknown.text()), "{method} {path}");
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    assert_eq!(world.position().await, position, "nothing happened to it");
}

#[tokio::test]
async fn another_account_in_the_path_is_an_unknown_one() {
    let world = World::new(Settings::default()).await;
    world.furnish_second().await;
    let further = [
        ("GET", "/conversations", ""),
        ("GET", "/webhooks", ""),
        ("POST", "/webhooks", r#"{"url":"https://example.org/x"}"#),
    ];
    for (method, path, body) in NAMING.into_iter().chain(further) {
        let path = path.replace("{}", "1");
        let foreign = second(&world, method, &format!("/api/v1/accounts/14{path}"), body).await;
        let unknown = second(&world, method, &format!("/api/v1/accounts/987654{path}"), body).await;
        assert_eq!((foreign.status, foreign.text()), (unknown.status, unknown.text()), "{method} {path}");
        assert_eq!(foreign.text(), r#"{"error":"You are not authorized to access this account"}"#);
    }
}

#[tokio::test]
async fn lists_hold_ones_own_alone() {
    let world = World::new(Settings::default()).await;
    world.furnish_second().await;
    world.chat("/webhooks", r#"{"url":"https://example.org/h"}"#).await;
    let conversations = second(&world, "GET", "/api/v2/accounts/conversations?status=all", "").await.json();
    assert_eq!(conversations["data"]["meta"]["all_count"], 0);
    let webhooks = second(&world, "GET", "/api/v1/accounts/15/webhooks", "").await.json();
    assert_eq!(webhooks, serde_json::json!({ "payload": { "webhooks": [] } }));
}

#[tokio::test]
async fn anothers_file_cannot_be_sent_on() {
    let world = World::new(Settings::default()).await;
    world.furnish_second().await;
    let (kind, body) = multipart(&[("attachments[]", "a.txt", b"a")]);
    let path = "/api/v1/accounts/14/conversations/1/messages";
    let sent = world.send(request("POST", path, &kind, body)).await.json();
    let url = sent["attachments"][0]["data_url"].as_str().unwrap().to_owned();
    let signed = url.split('/').nth(7).unwrap();
    world.say_in_second("hello").await;
    let send = |id: &str| format!(r#"{{"attachments":["{id}"]}}"#);
    let path = "/api/v2/accounts/conversations/1/messages";
    let foreign = second(&world, "POST", path, &send(signed)).await;
    let forged = second(&world, "POST", path, &send("forged--00")).await;
    assert_eq!((foreign.status, foreign.text()), (forged.status, forged.text()));
    assert_eq!(foreign.text(), r#"{"error":"Invalid attachment"}"#);
}

#[tokio::test]
async fn anothers_numbers_name_nobody() {
    let world = World::new(Settings::default()).await;
    world.furnish_second().await;
    world.say_in_second("hello").await;
    // The first account has an agent 2 and a message 1 of its own; here they are nobody and the second's own.
    let path = "/api/v1/accounts/15/conversations/1";
    assert_eq!(
        second(&world, "POST", &format!("{path}/assignments"), r#"{"assignee_id":2}"#).await.text(),
        "null"
    );
    world.desk("/conversations/1/messages", r#"{"content":"second message of the first account"}"#).await;
    let body = r#"{"content":"x","content_attributes":{"in_reply_to":2}}"#;
    let answer = second(&world, "POST", &format!("{path}/messages"), body).await.json();
    assert_eq!(answer["content_attributes"]["in_reply_to"], serde_json::json!(null));
    assert_eq!(second(&world, "GET", &format!("{path}/messages/3"), "").await.status, StatusCode::NOT_FOUND);
    let webhook = r#"{"url":"https://example.org/h","inbox_id":77}"#;
    assert_eq!(
        second(&world, "POST", "/api/v1/accounts/15/webhooks", webhook).await.status,
        StatusCode::NOT_FOUND
    );
}
