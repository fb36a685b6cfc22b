//! Every limit at its edge: the last value that passes and the first that does not.

use face_livedesk::Settings;
use http::StatusCode;

use crate::world::{Answer, World, multipart, request};

const PATH: &str = "/api/v2/accounts/conversations/1/messages";

async fn text(world: &World, content: &str) -> Answer {
    world.desk("/conversations/1/messages", &format!(r#"{{"content":"{content}"}}"#)).await
}

async fn upload(world: &World, parts: &[(&str, &str, &[u8])]) -> Answer {
    let (kind, body) = multipart(parts);
    world.send(request("POST", PATH, &kind, body)).await
}

#[tokio::test]
async fn text_is_counted_in_characters() {
    let world = World::new(Settings { content_chars_max: 4, ..Settings::default() }).await;
    assert_eq!(text(&world, "äöüß").await.status, StatusCode::OK);
    let refused = text(&world, "äöüßa").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = r#"{"error":"Validation failed: Content is too long (maximum is 4 characters)"}"#;
    assert_eq!(refused.text(), error);
}

#[tokio::test]
async fn files_are_counted_and_weighed() {
    let settings = Settings { attachments_max: 2, attachment_bytes_max: 3, ..Settings::default() };
    let world = World::new(settings).await;
    let file = ("attachments[]", "a.txt", b"abc".as_slice());
    assert_eq!(upload(&world, &[file, file]).await.status, StatusCode::OK);
    let error = r#"{"error":"Validation failed: Attachments exceeded maximum allowed"}"#;
    assert_eq!(upload(&world, &[file, file, file]).await.text(), error);
    let error = r#"{"error":"Validation failed: Attachments file size is too big"}"#;
    assert_eq!(upload(&world, &[("attachments[]", "a.txt", b"abcd")]).await.text(), error);
}

#[tokio::test]
async fn requests_have_a_size() {
    let settings = Settings { request_bytes_max: 4, plain_request_bytes_max: 20, ..Settings::default() };
    let world = World::new(settings).await;
    assert_eq!(upload(&world, &[("attachments[]", "a", b"abcd")]).await.status, StatusCode::OK);
    let answer = upload(&world, &[("attachments[]", "a", b"abcde")]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(text(&world, "12345678").await.status, StatusCode::PAYLOAD_TOO_LARGE, "22 bytes");
    assert_eq!(text(&world, "123456").await.status, StatusCode::OK, "20 bytes");
}

#[tokio::test]
async fn a_conversation_takes_so_many_messages_a_minute() {
    let settings = Settings { throttle_per_conversation_per_minute: Some(2), ..Settings::default() };
    let world = World::new(settings).await;
    assert_eq!(text(&world, "1").await.status, StatusCode::OK);
    assert_eq!(text(&world, "2").await.status, StatusCode::OK);
    let refused = text(&world, "3").await;
    assert_eq!(refused.text(), r#"{"error":"Validation failed: Too many messages"}"#);
    world.clock.advance_ms(60_000);
    assert_eq!(text(&world, "4").await.status, StatusCode::OK);
}
