//! Seed 004, "Send Message", sentence by sentence: each test holds one statement of the page. The two examples with
//! their whole answers stand in `create.rs` and `files.rs`.

use axum::body::Body;
use face_livedesk::Settings;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{NOW, World, multipart, request};

const PATH: &str = "/api/v2/accounts/conversations/1/messages";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n1234";

async fn send(world: &World, body: &str) -> Value {
    let answer = world.desk("/conversations/1/messages", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn upload(world: &World, name: &str, bytes: &[u8]) -> Value {
    let (kind, body) =
        multipart(&[("attachments[]", name, bytes), ("content", "", b"Detailed image as follows")]);
    let answer = world.send(request("POST", PATH, &kind, body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// "Developers can send messages to specific conversations via the API."
#[tokio::test]
async fn the_message_goes_into_the_conversation_that_was_named() {
    let world = World::new(Settings::default()).await;
    let answer = send(&world, r#"{"content":"hello"}"#).await;
    assert_eq!(answer["conversation_id"], 1);
    let number = answer["id"].as_u64().unwrap();
    let kept = world.message(number).await.unwrap();
    assert!(kept.delivery.is_some(), "it is on its way to the contact");
    let nowhere = world.desk("/conversations/2/messages", r#"{"content":"hello"}"#).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}

/// "Use Authorization: Basic base64(API Key:API Secret) … connect them with a colon before Base64 encoding."
#[tokio::test]
async fn key_and_secret_open_it_and_nothing_else() {
    let world = World::new(Settings::default()).await;
    let call = async |authorization: &str| {
        let request = Request::builder().method("POST").uri(PATH).header("authorization", authorization);
        let request =
            request.header("content-type", "application/json").body(Body::from(r#"{"content":"x"}"#));
        world.send(request.unwrap()).await
    };
    assert_eq!(
        call("Basic a2V5LTE6c2VjcmV0OjE=").await.status,
        StatusCode::OK,
        "only the first colon splits"
    );
    assert_eq!(call("basic a2V5LTE6c2VjcmV0OjE=").await.status, StatusCode::OK);
    for (wrong, body) in [
        ("Basic a2V5LTE6c2VjcmV0", r#"{"error":"Invalid Access Token"}"#),
        ("Basic a2V5LTE6", r#"{"error":"Invalid Access Token"}"#),
        ("Basic Om5v", r#"{"error":"Invalid Access Token"}"#),
        ("Basic a2V5LTE=", r#"{"errors":["You need to sign in or sign up before continuing."]}"#),
        ("Basic !!!", r#"{"errors":["You need to sign in or sign up before continuing."]}"#),
        ("Basic", r#"{"errors":["You need to sign in or sign up before continuing."]}"#),
        ("a2V5LTE6c2VjcmV0OjE=", r#"{"errors":["You need to sign in or sign up before continuing."]}"#),
        ("Bearer tok-3", r#"{"errors":["You need to sign in or sign up before continuing."]}"#),
        ("", r#"{"errors":["You need to sign in or sign up before continuing."]}"#),
    ] {
        let refused = call(wrong).await;
        assert_eq!((refused.status, refused.text().as_str()), (StatusCode::UNAUTHORIZED, body), "{wrong}");
        assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"LiveDesk\"");
    }
}

/// "content | String | Yes"
#[tokio::test]
async fn content_is_required() {
    let world = World::new(Settings::default()).await;
    for body in [
        "{}",
        r#"{"content":null}"#,
        r#"{"content":""}"#,
        r#"{"content":"  \n"}"#,
        r#"{"content":["x"]}"#,
        "",
    ] {
        let refused = world.desk("/conversations/1/messages", body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(refused.json(), json!({ "error": "Validation failed: Content can't be blank" }));
    }
}

/// "private | Boolean | No | Whether it is a private message, default is false."
#[tokio::test]
async fn private_is_false_by_default_and_a_note_stays_with_agents() {
    let world = World::new(Settings::default()).await;
    assert_eq!(send(&world, r#"{"content":"x"}"#).await["private"], false);
    let note = send(&world, r#"{"content":"x","private":true}"#).await;
    assert_eq!((&note["private"], &note["message_type"]), (&json!(true), &json!(1)));
    assert!(world.message(note["id"].as_u64().unwrap()).await.unwrap().delivery.is_none());
}

/// "content_attributes | Object | No | … such as specifying the message ID with in_reply_to field"
#[tokio::test]
async fn an_answer_names_the_message_it_answers() {
    let world = World::new(Settings::default()).await;
    let answer = send(&world, r#"{"content":"Yes","content_attributes":{"in_reply_to":1}}"#).await;
    assert_eq!(answer["content_attributes"], json!({ "in_reply_to": 1, "in_reply_to_external_id": null }));
    let other = send(&world, r#"{"content":"Yes","content_attributes":{"in_reply_to":29}}"#).await;
    assert_eq!(
        other["content_attributes"],
        json!({}),
        "the page's own example names a message that is not there"
    );
}

/// "id | Int", "created_at | Int | Message creation timestamp.", "sorting_id", "source_id", each of its type.
#[tokio::test]
async fn each_parameter_of_the_answer_has_its_type() {
    let world = World::new(Settings::default()).await;
    let answer = send(&world, r#"{"content":"x"}"#).await;
    for (name, is_right) in [
        ("id", Value::is_u64 as fn(&Value) -> bool),
        ("content", Value::is_string),
        ("inbox_id", Value::is_u64),
        ("conversation_id", Value::is_u64),
        ("message_type", Value::is_u64),
        ("content_type", Value::is_string),
        ("status", Value::is_string),
        ("content_attributes", Value::is_object),
        ("created_at", Value::is_u64),
        ("private", Value::is_boolean),
        ("source_id", Value::is_null),
        ("sorting_id", Value::is_u64),
        ("sender", Value::is_object),
    ] {
        assert!(is_right(&answer[name]), "{name}: {}", answer[name]);
    }
    assert_eq!(answer.as_object().unwrap().len(), 13, "and nothing else");
    assert_eq!(answer["created_at"], NOW.seconds());
    assert_eq!(send(&world, r#"{"content":"x","source_id":"out-7"}"#).await["source_id"], "out-7");
}

/// "status | String | Message status, such as "sent", "delivered", etc."
#[tokio::test]
async fn the_status_is_sent_and_moves_on() {
    let world = World::new(Settings::default()).await;
    assert_eq!(send(&world, r#"{"content":"x"}"#).await["status"], "sent");
    for (status, shown) in
        [("delivered", "delivered"), ("xyz", "delivered"), ("read", "read"), ("delivered", "read")]
    {
        let body = format!(r#"{{"status":"{status}"}}"#);
        let answer =
            world.send(request("PATCH", &format!("{PATH}/2"), "application/json", body.into())).await;
        assert_eq!((answer.status, &answer.json()["status"]), (StatusCode::OK, &json!(shown)), "{status}");
    }
}

/// "sorting_id": two messages in a row have numbers in a row, the contact's and notes counted.
#[tokio::test]
async fn the_sorting_id_counts_within_the_conversation() {
    let world = World::new(Settings::default()).await;
    assert_eq!(send(&world, r#"{"content":"x"}"#).await["sorting_id"], 2, "the contact's own was the first");
    assert_eq!(send(&world, r#"{"content":"x","private":true}"#).await["sorting_id"], 3);
    world.say("again").await;
    assert_eq!(send(&world, r#"{"content":"x"}"#).await["sorting_id"], 5);
}

/// "sender | Object | Sender information." with its seven parameters.
#[tokio::test]
async fn the_sender_is_the_keys_agent() {
    let world = World::new(Settings::default()).await;
    let answer = send(&world, r#"{"content":"x"}"#).await;
    let sender = json!({ "id": 1, "name": "TEST", "available_name": "TEST", "avatar_url": "", "type": "user",
        "availability_status": "offline", "thumbnail": "" });
    assert_eq!(answer["sender"], sender);
}

/// "attachments | Array | List of attachment information." and its ten parameters.
#[tokio::test]
async fn each_parameter_of_an_attachment_has_its_type() {
    let world = World::new(Settings::default()).await;
    let answer = upload(&world, "android-icon-48x48.png", PNG).await;
    assert_eq!(answer["content"], "Detailed image as follows");
    let one = answer["attachments"][0].as_object().unwrap();
    let mut names: Vec<&str> = one.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = [
        "id",
        "message_id",
        "file_type",
        "account_id",
        "extension",
        "data_url",
        "thumb_url",
        "file_size",
        "width",
        "height",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(
        (&one["message_id"], &one["file_type"], &one["account_id"]),
        (&answer["id"], &json!("image"), &json!(14))
    );
    assert_eq!((&one["file_size"], &one["extension"]), (&json!(PNG.len()), &json!(null)));
}

/// "data_url | String | File URL." in the page's form: signed, with the file's name at its end.
#[tokio::test]
async fn a_file_url_has_the_pages_form() {
    let world = World::new(Settings::default()).await;
    let answer = upload(&world, "android-icon-48x48.png", PNG).await;
    let url = answer["attachments"][0]["data_url"].as_str().unwrap();
    let rest = url.strip_prefix("http://desk.test/rails/active_storage/blobs/redirect/").unwrap();
    let (signed, name) = rest.split_once('/').unwrap();
    let (payload, digest) = signed.split_once("--").unwrap();
    assert!(payload.starts_with("eyJfcmFpbHMi"), "the vendor's envelope: {payload}");
    assert_eq!((digest.len(), name), (40, "android-icon-48x48.png"));
}

/// "thumb_url | String | Thumbnail URL (image type only).", "width | … (image type only)"
#[tokio::test]
async fn only_images_have_thumbnails_and_sizes() {
    let world = World::new(Settings::default()).await;
    let wav = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0";
    for (name, bytes, file_type) in
        [("a.txt", b"hello".as_slice(), "file"), ("a.wav", wav, "audio"), ("a.pdf", b"%PDF-1.7", "file")]
    {
        let answer = upload(&world, name, bytes).await;
        let one = &answer["attachments"][0];
        assert_eq!(one["file_type"], file_type, "{name}");
        assert_eq!(
            (&one["thumb_url"], &one["width"], &one["height"]),
            (&json!(""), &json!(null), &json!(null))
        );
    }
}

/// "-F attachments[]=@…  -F content=…": text stands beside a file, and need not.
#[tokio::test]
async fn a_file_needs_no_text() {
    let world = World::new(Settings::default()).await;
    let (kind, body) = multipart(&[("attachments[]", "a.txt", b"a")]);
    let answer = world.send(request("POST", PATH, &kind, body)).await;
    assert_eq!((answer.status, &answer.json()["content"]), (StatusCode::OK, &json!(null)));
}
