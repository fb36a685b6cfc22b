//! Seed 004: sending a message, in every body the seed and its clients use. Answers are compared to the letter.

use face_livedesk::Settings;
use http::StatusCode;
use serde_json::json;

use crate::world::{World, multipart, request};

const PATH: &str = "/api/v2/accounts/conversations/1/messages";

/// The seed's answer with our numbers, key by key in the seed's order.
fn seeds_answer(id: u64, content: &str, sorting: u64) -> String {
    format!(
        "{{\"id\":{id},\"content\":\"{content}\",\"inbox_id\":1,\"conversation_id\":1,\"message_type\":1,\
         \"content_type\":\"text\",\"status\":\"sent\",\"content_attributes\":{{}},\"created_at\":1762331029,\
         \"private\":false,\"source_id\":null,\"sorting_id\":{sorting},\"sender\":{{\"id\":1,\"name\":\"TEST\",\
         \"available_name\":\"TEST\",\"avatar_url\":\"\",\"type\":\"user\",\"availability_status\":\"offline\",\
         \"thumbnail\":\"\"}}}}"
    )
}

#[tokio::test]
async fn the_seeds_text_request_gets_the_seeds_answer() {
    let world = World::new(Settings::default()).await;
    let body = r#"{"content": "Agent sending message, is it normal?", "private": false,
                   "content_attributes": {"in_reply_to": 29}}"#;
    let answer = world.desk("/conversations/1/messages", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(answer.text(), seeds_answer(2, "Agent sending message, is it normal?", 2));
}

#[tokio::test]
async fn form_and_multipart_mean_the_same() {
    let world = World::new(Settings::default()).await;
    let kind = "application/x-www-form-urlencoded";
    let form = "content=Hi&private=false&content_attributes[in_reply_to]=29".into();
    let answer = world.send(request("POST", PATH, kind, form)).await;
    assert_eq!(answer.text(), seeds_answer(2, "Hi", 2));
    let attributes = br#"{"in_reply_to":29}"#;
    let (kind, body) = multipart(&[
        ("content", "", b"Hi"),
        ("private", "", b"false"),
        ("content_attributes", "", attributes),
    ]);
    let answer = world.send(request("POST", &format!("{PATH}/"), &kind, body)).await;
    assert_eq!(answer.text(), seeds_answer(3, "Hi", 3));
}

#[tokio::test]
async fn an_answered_message_is_named_by_both_keys() {
    let world = World::new(Settings::default()).await;
    let body = r#"{"content":"Yes","content_attributes":{"in_reply_to":"1","mood":"good"}}"#;
    let answer = world.desk("/conversations/1/messages", body).await.json();
    let attributes = json!({"in_reply_to": 1, "in_reply_to_external_id": null, "mood": "good"});
    assert_eq!(answer["content_attributes"], attributes);
    let body = r#"{"content":"Yes","content_attributes":{"in_reply_to":77}}"#;
    let answer = world.chat("/conversations/1/messages", body).await.json();
    let attributes = json!({"in_reply_to": null, "in_reply_to_external_id": null});
    assert_eq!(answer["content_attributes"], attributes);
}

#[tokio::test]
async fn chatwoot_echoes_once_and_counts_no_sorting() {
    let world = World::new(Settings::default()).await;
    let body = r#"{"content":"Pick one","content_type":"input_select","echo_id":"tmp-8",
        "content_attributes":{"items":[{"title":"Morning","value":"am"}]}}"#;
    let answer = world.chat("/conversations/1/messages", body).await;
    let text = answer.text();
    assert!(
        text.starts_with(
            r#"{"id":2,"content":"Pick one","inbox_id":1,"echo_id":"tmp-8","conversation_id":1,"#
        )
    );
    assert!(!text.contains("sorting_id"));
    assert_eq!(answer.json()["content_type"], "input_select");
    assert_eq!(answer.json()["content_attributes"]["items"][0]["value"], "am");
    let listed = world.get("/api/v1/accounts/14/conversations/1/messages").await.json();
    assert_eq!(listed["payload"][1]["echo_id"], json!(null));
    assert_eq!(listed["payload"][1]["content_type"], "input_select");
}

#[tokio::test]
async fn an_api_inbox_lets_the_contact_speak_and_reopens() {
    let world = World::new(Settings::default()).await;
    world.chat("/conversations/1/toggle_status", r#"{"status":"resolved"}"#).await;
    let body = r#"{"content":"Again me","message_type":"incoming"}"#;
    let answer = world.chat("/conversations/1/messages", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["message_type"], 0);
    assert_eq!(answer.json()["sender"]["type"], "contact");
    let shown = world.get("/api/v1/accounts/14/conversations/1").await.json();
    assert_eq!(shown["status"], "open");
}

#[tokio::test]
async fn what_has_a_source_id_is_kept_and_not_sent_out() {
    let world = World::new(Settings::default()).await;
    let answer =
        world.chat("/conversations/1/messages", r#"{"content":"x","source_id":"out-1"}"#).await.json();
    assert_eq!(answer["source_id"], "out-1");
    let answer = world.chat("/conversations/1/messages", r#"{"content":"x","source_id":"out-1"}"#).await;
    assert_eq!(answer.status, StatusCode::OK, "posting twice stores two");
}
