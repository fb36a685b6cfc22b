//! Multipart at its edges, and what a contact's message keeps.

use axum::body::Body;
use face_livedesk::Settings;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World, multipart, request};

const PATH: &str = "/api/v1/accounts/14/conversations/1/messages";

async fn post(world: &World, kind: &str, body: impl Into<Body>) -> Answer {
    world.send(request("POST", PATH, kind, body.into())).await
}

fn names(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let urls = json["attachments"].as_array().cloned().unwrap_or_default();
    urls.iter().map(|one| one["data_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn part_names_are_taken_in_every_spelling() {
    let world = World::new(Settings::default()).await;
    let spellings = ["attachments[]", "attachments", "attachments[0]", "attachments[][file]"];
    let parts: Vec<_> = spellings.iter().map(|name| (*name, "a.txt", b"a".as_slice())).collect();
    let (kind, body) = multipart(&parts);
    let answer = post(&world, &kind, body).await;
    assert_eq!(names(&answer).len(), 4, "{}", answer.text());
}

#[tokio::test]
async fn a_file_without_a_name_gets_one_and_paths_are_cut() {
    let world = World::new(Settings::default()).await;
    let body = "--cut\r\ncontent-disposition: form-data; name=\"attachments[]\"\r\ncontent-type: image/png\r\n\r\nx\r\n\
        --cut\r\ncontent-disposition: form-data; name=\"attachments[]\"; filename=\"\"\r\n\r\ny\r\n\
        --cut\r\ncontent-disposition: form-data; name=\"attachments[]\"; filename=\"../../etc/pass wd\"\r\n\r\nz\r\n--cut--\r\n";
    let answer = post(&world, "multipart/form-data; boundary=cut", body).await;
    assert_eq!(names(&answer), ["attachment", "attachment", "pass%20wd"], "{}", answer.text());
}

#[tokio::test]
async fn an_empty_file_input_is_no_file_and_an_empty_file_is_one() {
    let world = World::new(Settings::default()).await;
    let body = "--cut\r\ncontent-disposition: form-data; name=\"attachments[]\"; filename=\"\"\r\n\
        content-type: application/octet-stream\r\n\r\n\r\n--cut\r\ncontent-disposition: form-data; name=\"content\"\r\n\r\nhi\r\n--cut--\r\n";
    let answer = post(&world, "multipart/form-data; boundary=cut", body).await;
    assert_eq!((answer.status, answer.json().get("attachments")), (StatusCode::OK, None));
    let (kind, body) = multipart(&[("attachments[]", "empty.txt", b"")]);
    assert_eq!(post(&world, &kind, body).await.json()["attachments"][0]["file_size"], 0);
}

#[tokio::test]
async fn an_empty_multipart_says_nothing() {
    let world = World::new(Settings::default()).await;
    let v2 = "/api/v2/accounts/conversations/1/messages";
    let answer =
        world.send(request("POST", v2, "multipart/form-data; boundary=cut", Body::from("--cut--\r\n"))).await;
    assert_eq!(answer.text(), r#"{"error":"Validation failed: Content can't be blank"}"#);
}

#[tokio::test]
async fn a_broken_multipart_is_a_bad_request_and_leaves_nothing() {
    let world = World::new(Settings::default()).await;
    let position = world.position().await;
    let part = "--cut\r\ncontent-disposition: form-data; name=\"content\"\r\n\r\nhi";
    for (kind, body) in [
        ("multipart/form-data", part.to_owned()),
        ("multipart/form-data; boundary=", part.to_owned()),
        ("multipart/form-data; boundary=other", part.to_owned()),
        ("multipart/form-data; boundary=cut", part.to_owned()),
        ("multipart/form-data; boundary=cut", String::new()),
        ("multipart/form-data; boundary=cut", r#"{"content":"x"}"#.to_owned()),
    ] {
        let answer = post(&world, kind, body.clone()).await;
        let expected = r#"{"error":"Bad Request","status":400}"#;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (StatusCode::BAD_REQUEST, expected),
            "{kind}: {body}"
        );
    }
    let invalid = [part.as_bytes(), b"\xff\r\n--cut--\r\n"].concat();
    assert_eq!(
        post(&world, "multipart/form-data; boundary=cut", invalid).await.status,
        StatusCode::BAD_REQUEST
    );
    let form = post(&world, "application/x-www-form-urlencoded", "content=%ff").await;
    assert_eq!(form.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.position().await, position);
}

#[tokio::test]
async fn a_contacts_message_keeps_what_was_said_beside_it() {
    let world = World::new(Settings::default()).await;
    let body = r#"{"content":"me again","message_type":"incoming","source_id":"in-7",
        "content_attributes":{"in_reply_to":1,"mood":"good"}}"#;
    let answer = world.chat("/conversations/1/messages", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let message = answer.json();
    assert_eq!((&message["message_type"], &message["source_id"]), (&json!(0), &json!("in-7")));
    let attributes = json!({ "in_reply_to": 1, "in_reply_to_external_id": null, "mood": "good" });
    assert_eq!(message["content_attributes"], attributes);
    let listed = world.get(PATH).await.json();
    assert_eq!(listed["payload"][1], message, "and shows it again");
    let again = world.chat("/conversations/1/messages", body).await.json();
    assert_ne!(again["id"], message["id"], "posting twice stores two");
    let answered = world
        .chat("/conversations/1/messages", r#"{"content":"x","content_attributes":{"in_reply_to":2}}"#)
        .await
        .json();
    assert_eq!(answered["content_attributes"]["in_reply_to_external_id"], "in-7");
}

#[tokio::test]
async fn an_echo_is_any_scalar_and_comes_once() {
    let world = World::new(Settings::default()).await;
    for echo in [json!("tmp-1"), json!(7), json!(true)] {
        let body = json!({ "content": "x", "echo_id": echo }).to_string();
        assert_eq!(world.chat("/conversations/1/messages", &body).await.json()["echo_id"], echo);
    }
    for none in [json!(null), json!({}), json!([1])] {
        let body = json!({ "content": "x", "echo_id": none }).to_string();
        assert_eq!(world.chat("/conversations/1/messages", &body).await.json().get("echo_id"), None);
    }
    let desk = world.desk("/conversations/1/messages", r#"{"content":"x","echo_id":"e"}"#).await.json();
    assert_eq!(desk.get("echo_id"), None, "LiveDesk knows none");
    let listed = world.get(PATH).await.json();
    assert!(listed["payload"].as_array().unwrap().iter().all(|one: &Value| one.get("echo_id").is_none()));
}

#[tokio::test]
async fn attributes_may_be_an_object_or_its_text_and_anything_else_is_empty() {
    let world = World::new(Settings::default()).await;
    for (given, kept) in [
        (json!({ "mood": "good" }), json!({ "mood": "good" })),
        (json!(r#"{"mood":"good"}"#), json!({ "mood": "good" })),
        (json!("no json"), json!({})),
        (json!([1]), json!({})),
        (json!(7), json!({})),
    ] {
        let body = json!({ "content": "x", "content_attributes": given }).to_string();
        assert_eq!(
            world.chat("/conversations/1/messages", &body).await.json()["content_attributes"],
            kept,
            "{given}"
        );
    }
}

#[tokio::test]
async fn typing_names_the_agent_who_types() {
    let mut world = World::new(Settings::default()).await;
    world.subscribe(901, false, &["conversation_typing_on", "conversation_typing_off"]).await;
    for (status, event) in [("on", "conversation_typing_on"), ("off", "conversation_typing_off")] {
        let body = format!(r#"{{"typing_status":"{status}"}}"#);
        world.desk("/conversations/1/toggle_typing_status", &body).await;
        let told: Value = serde_json::from_slice(&world.hooks.recv().await.unwrap().body).unwrap();
        assert_eq!(told["event"], event);
        assert_eq!((&told["user"]["id"], &told["user"]["type"]), (&json!(1), &json!("user")));
        assert_eq!((&told["conversation"]["id"], &told["is_private"]), (&json!(1), &json!(false)));
    }
}
