//! Reading and steering conversations: pages, status, assignment, typing, profile, deletion, webhooks.

use axum::body::Body;
use face_livedesk::Settings;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, request};

fn ids(list: &Value) -> Vec<u64> {
    list["payload"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn pages_run_before_after_and_between() {
    let world = World::new(Settings::default()).await;
    for text in 2..=25 {
        world.desk("/conversations/1/messages", &format!(r#"{{"content":"{text}"}}"#)).await;
    }
    let list = "/api/v2/accounts/conversations/1/messages";
    let newest: Vec<u64> = (6..=25).collect();
    assert_eq!(ids(&world.get(list).await.json()), newest);
    assert_eq!(ids(&world.get(&format!("{list}?before=4")).await.json()), [1, 2, 3]);
    assert_eq!(ids(&world.get(&format!("{list}?after=23")).await.json()), [24, 25]);
    assert_eq!(ids(&world.get(&format!("{list}?after=3&before=6")).await.json()), [3, 4, 5]);
    assert!(ids(&world.get(&format!("{list}?after=25")).await.json()).is_empty());
}

#[tokio::test]
async fn status_toggles_and_unknown_words_are_refused() {
    let world = World::new(Settings::default()).await;
    let answer = world.chat("/conversations/1/toggle_status", "{}").await.json();
    let payload =
        json!({"success": true, "conversation_id": 1, "current_status": "resolved", "snoozed_until": null});
    assert_eq!(answer, json!({"meta": {}, "payload": payload}));
    let refused = world.chat("/conversations/1/toggle_status", r#"{"status":"xyz"}"#).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let listed = world.get("/api/v1/accounts/14/conversations").await.json();
    assert_eq!(listed["data"]["meta"]["all_count"], 0, "open ones by default");
    let listed = world.get("/api/v1/accounts/14/conversations?status=all").await.json();
    assert_eq!(listed["data"]["payload"][0]["id"], 1);
}

#[tokio::test]
async fn assignment_can_be_compare_and_set() {
    let world = World::new(Settings::default()).await;
    let answer = world.chat("/conversations/1/assignments", r#"{"assignee_id":1}"#).await;
    assert_eq!(answer.json()["name"], "TEST");
    let body = r#"{"assignee_id":2,"expected_assignee_id":null}"#;
    let lost = world.chat("/conversations/1/assignments", body).await;
    assert_eq!((lost.status, lost.json()["id"].clone()), (StatusCode::CONFLICT, json!(1)));
    let none = world.chat("/conversations/1/assignments", r#"{"assignee_id":0}"#).await;
    assert_eq!(none.text(), "null");
}

#[tokio::test]
async fn typing_is_an_empty_200() {
    let world = World::new(Settings::default()).await;
    let typing = world.chat("/conversations/1/toggle_typing_status", r#"{"typing_status":"on"}"#).await;
    assert_eq!((typing.status, typing.bytes.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn the_profile_names_the_owner() {
    let world = World::new(Settings::default()).await;
    let profile = world.get("/api/v1/profile").await.json();
    assert_eq!((&profile["name"], &profile["role"]), (&json!("TEST"), &json!("administrator")));
    assert_eq!(profile["accounts"][0]["id"], 14);
}

#[tokio::test]
async fn a_deleted_message_says_so() {
    let world = World::new(Settings::default()).await;
    let path = "/api/v1/accounts/14/conversations/1/messages/1";
    let answer = world.send(request("DELETE", path, "", Body::empty())).await.json();
    assert_eq!(answer["content"], "This message was deleted");
    assert_eq!(answer["content_attributes"], json!({"deleted": true}));
}

#[tokio::test]
async fn webhooks_are_kept_once_per_url() {
    let world = World::new(Settings::default()).await;
    let body = r#"{"webhook":{"url":"https://example.org/h","subscriptions":["message_created"]}}"#;
    let made = world.chat("/webhooks", body).await.json();
    assert_eq!(made["payload"]["webhook"]["subscriptions"], json!(["message_created"]));
    assert_eq!(made["payload"]["webhook"]["secret"].as_str().unwrap().len(), 64);
    let again = world.chat("/webhooks", body).await.json();
    assert_eq!(again, json!({"message": "Url has already been taken", "attributes": ["url"]}));
    let path = "/api/v1/accounts/14/webhooks/1";
    assert_eq!(world.send(request("DELETE", path, "", Body::empty())).await.status, StatusCode::OK);
    let listed = world.get("/api/v1/accounts/14/webhooks").await.json();
    assert_eq!(listed, json!({"payload": {"webhooks": []}}));
}
