//! What persons send: attachments whose links are there before their bytes are.

use bytes::Bytes;
use domain::command::fetch::{Ended, Found};
use domain::delivery::{Reason, ReasonKind};
use engine::Rendering;
use face_livedesk::Settings;
use http::StatusCode;
use serde_json::{Value, json};

use crate::files::fetch;
use crate::world::{Answer, TENANT, World};

/// The attachments of the person's only message.
async fn attachments(world: &World) -> Value {
    let listed = world.get("/api/v1/accounts/14/conversations/2/messages").await.json();
    let messages = listed["payload"].as_array().unwrap();
    let with_files = messages.iter().find(|message| message.get("attachments").is_some());
    with_files.unwrap()["attachments"].clone()
}

/// Follows a link to bytes that are not there: it waits for the clock.
async fn wait_for(world: &World, url: &str) -> Answer {
    let fetched = fetch(world, url);
    tokio::pin!(fetched);
    loop {
        tokio::select! {
            biased;
            answer = &mut fetched => return answer,
            () = tokio::task::yield_now() => world.clock.advance_ms(100),
        }
    }
}

fn told(bytes: &[u8]) -> (Value, Value) {
    let told: Value = serde_json::from_slice(bytes).unwrap();
    (told["event"].clone(), told["attachments"][0].clone())
}

#[tokio::test]
async fn a_picture_has_its_link_at_once_and_its_bytes_once_they_were_fetched() {
    let mut world = World::new(Settings::default()).await;
    world.subscribe(901, false, &["message_created", "message_updated"]).await;
    let picture = world.picture().await;
    let (event, created) = told(&world.hooks.recv().await.unwrap().body);
    let before = attachments(&world).await;
    assert_eq!((event, &created), (json!("message_created"), &before[0]));
    assert_eq!((&before[0]["id"], &before[0]["file_type"]), (&json!(1), &json!("image")));
    assert_eq!((&before[0]["extension"], &before[0]["thumb_url"]), (&json!("png"), &json!("")));
    let url = before[0]["data_url"].as_str().unwrap().to_owned();
    let early = wait_for(&world, &url).await;
    assert_eq!(
        (early.status, &early.headers["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"5".parse().unwrap())
    );
    for (rendering, bytes) in [(Rendering::Original, "a picture"), (Rendering::Thumbnail, "\u{89}PNG")] {
        let bytes = Bytes::from_static(bytes.as_bytes());
        world.engine.put_file(TENANT, picture.1, rendering, bytes).await.unwrap();
    }
    let (mime, width, height) = ("image/png".to_owned(), Some(3), Some(2));
    let found = Found { mime, size: 9, width, height, sha256: [7; 32], thumbnail: true };
    world.fetched(picture, Ended::Stored(found)).await;
    let (event, updated) = told(&world.hooks.recv().await.unwrap().body);
    let after = attachments(&world).await;
    assert_eq!((event, &updated), (json!("message_updated"), &after[0]));
    assert_eq!((&after[0]["data_url"], &after[0]["file_size"]), (&json!(url), &json!(9)));
    assert!(after[0]["thumb_url"].as_str().unwrap().contains("/representations/"));
    let got = fetch(&world, &url).await;
    assert_eq!((got.status, &got.bytes[..]), (StatusCode::OK, &b"a picture"[..]));
}

#[tokio::test]
async fn a_picture_that_its_provider_does_not_give_is_gone() {
    let world = World::new(Settings::default()).await;
    let picture = world.picture().await;
    let reason = Reason::new(ReasonKind::MediaUnavailable, "the provider no longer has the file");
    world.fetched(picture, Ended::Refused(reason)).await;
    let url = attachments(&world).await[0]["data_url"].as_str().unwrap().to_owned();
    assert_eq!(fetch(&world, &url).await.status, StatusCode::GONE);
}
