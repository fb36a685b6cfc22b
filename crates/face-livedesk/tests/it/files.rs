//! Seed 004: files in a message, and the links that they are fetched by.

use std::io::Cursor;

use face_livedesk::Settings;
use http::StatusCode;

use crate::world::{Answer, World, multipart, request};

const PATH: &str = "/api/v2/accounts/conversations/1/messages";

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(width, height).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Follows a link of ours to the bytes.
pub async fn fetch(world: &World, url: &str) -> Answer {
    let first = world.get(url.strip_prefix("http://desk.test").unwrap()).await;
    assert_eq!(first.status, StatusCode::FOUND);
    assert_eq!(first.headers["cache-control"], "max-age=300, private");
    let next = first.headers["location"].to_str().unwrap();
    world.get(next.strip_prefix("http://desk.test").unwrap()).await
}

#[tokio::test]
async fn the_seeds_file_request_gets_the_seeds_answer() {
    let world = World::new(Settings::default()).await;
    let bytes = png(500, 40);
    let (kind, body) =
        multipart(&[("attachments[]", "icon.png", &bytes), ("content", "", b"Detailed image as follows")]);
    let answer = world.send(request("POST", PATH, &kind, body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = answer.text();
    let json = answer.json();
    assert_eq!(json["content"], "Detailed image as follows");
    let one = &json["attachments"][0];
    let (data, thumb) = (one["data_url"].as_str().unwrap(), one["thumb_url"].as_str().unwrap());
    let expected = format!(
        "\"thumbnail\":\"\"}},\"attachments\":[{{\"id\":1,\"message_id\":2,\"file_type\":\"image\",\
         \"account_id\":14,\"extension\":null,\"data_url\":\"{data}\",\"thumb_url\":\"{thumb}\",\
         \"file_size\":{},\"width\":500,\"height\":40}}]}}",
        bytes.len()
    );
    assert!(text.ends_with(&expected), "{text}");
    assert!(data.starts_with("http://desk.test/rails/active_storage/blobs/redirect/ey"));
    assert!(data.ends_with("/icon.png"));
    let whole = fetch(&world, data).await;
    assert_eq!(whole.bytes, bytes);
    assert_eq!(whole.headers["content-type"], "image/png");
    assert_eq!(whole.headers["content-disposition"], "attachment; filename*=UTF-8''icon.png");
    assert_eq!(whole.headers["x-content-type-options"], "nosniff");
    assert_eq!(whole.headers["content-security-policy"], "default-src 'none'; sandbox");
    let small = image::load_from_memory(&fetch(&world, thumb).await.bytes).unwrap();
    assert_eq!((small.width(), small.height()), (250, 20));
}

#[tokio::test]
async fn a_link_is_good_until_it_is_changed_or_expires() {
    let world = World::new(Settings::default()).await;
    let (kind, body) = multipart(&[("attachments", "page.html", b"<html><script>1</script></html>")]);
    let json = world.send(request("POST", PATH, &kind, body)).await.json();
    assert_eq!(json["attachments"][0]["file_type"], "file");
    assert_eq!(json["content"], serde_json::json!(null));
    let url = json["attachments"][0]["data_url"].as_str().unwrap().to_owned();
    let served = fetch(&world, &url).await;
    assert_eq!(served.headers["content-type"], "application/octet-stream", "never active content");
    let path = url.strip_prefix("http://desk.test").unwrap();
    let tampered = world.get(&path.replace("--", "x--")).await;
    assert_eq!((tampered.status, tampered.bytes.len()), (StatusCode::NOT_FOUND, 0));
    let first = world.get(path).await;
    let location = first.headers["location"].to_str().unwrap().strip_prefix("http://desk.test").unwrap();
    world.clock.advance_ms(300_001);
    assert_eq!(world.get(location).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(path).await.status, StatusCode::FOUND, "the message's own link never expires");
}

#[tokio::test]
async fn several_files_keep_their_order_and_can_be_named_again() {
    let world = World::new(Settings::default()).await;
    let (kind, body) = multipart(&[
        ("attachments[]", "a.txt", b"a"),
        ("attachments[]", "b.txt", b"b"),
        ("content", "", b"two"),
    ]);
    let path = "/api/v1/accounts/14/conversations/1/messages";
    let json = world.send(request("POST", path, &kind, body)).await.json();
    let names: Vec<_> =
        json["attachments"].as_array().unwrap().iter().map(|one| one["extension"].clone()).collect();
    assert_eq!(names, ["txt", "txt"]);
    assert_eq!(json["attachments"][1]["id"], 2);
    assert_eq!(json["attachments"][1]["content_type"], "text/plain");
    let url = json["attachments"][1]["data_url"].as_str().unwrap();
    let signed = url.split('/').nth(7).unwrap();
    let again = world.desk("/conversations/1/messages", &format!(r#"{{"attachments":["{signed}"]}}"#)).await;
    assert_eq!(again.json()["attachments"][0]["id"], 2, "{}", again.text());
}
