//! Sharing a file: URL, upload, download, expiry; and files that agents send.
//! Bytes are checked by the type that is sniffed from them.

use domain::command::admin::PutFile;
use domain::content::{Body, Content, Media};
use domain::id::{FileId, Id};
use domain::tenant::{File, Presence};
use engine::Rendering;
use serde_json::{Value, json};

use crate::world::{World, closing, signed_url, tenant, text, world};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

async fn draw(world: &World, kind: &str, body: Value) -> (u16, Value) {
    let request = json!({ "id": "4", "type": kind, "body": body });
    let answer = world.speak("a", "/send", &request).await;
    (answer.status.as_u16(), answer.body)
}

async fn download_url(world: &World, path: &str) -> String {
    let (status, answer) =
        draw(world, "ms.GenerateURLForDownloadFile", json!({ "relativePath": path })).await;
    assert_eq!(status, 200, "{answer}");
    signed_url(&answer["body"])
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_until_its_url_expires() {
    let world = world().await;
    let (_, answer) =
        draw(&world, "ms.GenerateURLForUploadFile", json!({ "fileSize": "8", "fileType": "PNG" })).await;
    let path = answer["body"]["relativePath"].as_str().unwrap();
    let name = path.strip_prefix("/v1/AUTH_async-images/70000001/").unwrap();
    assert_eq!(name.split('_').map(str::len).collect::<Vec<_>>(), [64, 4, 36, 10, 16], "{name}");
    let query = &answer["body"]["queryParams"];
    assert_eq!(query["temp_url_sig"].as_str().unwrap().len(), 40);
    assert_eq!(query["temp_url_expires"], "1700000060", "a minute from now, as a string");
    assert_eq!(
        world.call("GET", &download_url(&world, path).await, &[], "").await.status,
        404,
        "not uploaded yet"
    );
    let upload = signed_url(&answer["body"]);
    let later = upload.replace("temp_url_expires=1", "temp_url_expires=2");
    for (method, url) in [("PUT", later.as_str()), ("PUT", path), ("GET", upload.as_str())] {
        assert_eq!(world.call(method, url, &[], "x").await.status, 401, "{method} {url}");
    }
    assert_eq!(world.call("PUT", &upload, &[], PNG).await.status, 201);
    let download = download_url(&world, path).await;
    let got = world.call("GET", &download, &[], "").await;
    assert_eq!(
        (got.status.as_u16(), &got.headers["content-type"]),
        (200, &http::HeaderValue::from_static("image/png"))
    );
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment"),
        ("content-security-policy", "sandbox"),
    ] {
        assert_eq!(got.headers[header], value);
    }
    let id = world.open("a").await;
    world.set_field("a", &id, closing()).await;
    assert_eq!(
        world.call("GET", &download_url(&world, path).await, &[], "").await.status,
        200,
        "closed or not"
    );
    world.clock.advance_ms(61_000);
    assert_eq!(world.call("GET", &download, &[], "").await.status, 401);
    assert_eq!(world.call("PUT", &upload, &[], PNG).await.status, 401);
}

#[tokio::test]
async fn size_and_type_are_checked_before_a_url_is_drawn() {
    let world = world().await;
    let five_mb = 5 * 1024 * 1024;
    for (size, kind, status) in [
        (json!("48210"), "PNG", 200),
        (json!(48210), "jpeg", 200),
        (json!(five_mb), "PDF", 200),
        (json!(five_mb + 1), "PNG", 400),
        (json!("many"), "PNG", 400),
        (json!(-1), "PNG", 400),
        (json!(1.5), "PNG", 400),
        (json!(null), "PNG", 400),
        (json!(8), "EXE", 400),
        (json!(8), "", 400),
    ] {
        let body = json!({ "fileSize": size, "fileType": kind });
        assert_eq!(draw(&world, "ms.GenerateURLForUploadFile", body).await.0, status, "{size} {kind}");
    }
    for body in [json!({}), json!({ "relativePath": 1 }), json!({ "relativePath": "/etc/passwd" })] {
        assert_eq!(draw(&world, "ms.GenerateURLForDownloadFile", body).await.0, 400);
    }
}

#[tokio::test]
async fn what_is_larger_than_was_said_is_refused() {
    let settings =
        face_liveperson::Settings { file_bytes_max: 8, ..face_liveperson::Settings::new(crate::world::KEY) };
    let world = crate::world::world_with(settings).await;
    let (_, answer) =
        draw(&world, "ms.GenerateURLForUploadFile", json!({ "fileSize": 8, "fileType": "PNG" })).await;
    let url = signed_url(&answer["body"]);
    assert_eq!(world.call("PUT", &url, &[], "123456789").await.status, 413);
    assert_eq!(world.call("PUT", &url, &[], "12345678").await.status, 201);
}

/// A stored file as the agents' side keeps it.
async fn stored(world: &World, number: u128, mime: &str, bytes: &'static [u8]) -> Media {
    let id = FileId(Id(0x9000 + number));
    world
        .engine
        .put_file(tenant(1), id, Rendering::Original, bytes::Bytes::from_static(bytes))
        .await
        .unwrap();
    let file = File {
        id,
        tenant: tenant(1),
        number: 0,
        name: format!("{number}.bin"),
        mime: mime.to_owned(),
        size: bytes.len() as u64,
        width: None,
        height: None,
        sha256: [0; 32],
        thumbnail: false,
        created_at: world.engine.now(),
        presence: Presence::Stored,
    };
    world.engine.execute(PutFile(file)).await.unwrap();
    Media { file: Some(id), mime: mime.to_owned(), ..Media::default() }
}

/// The next content told, the consumer's own aside.
async fn told(world: &mut World) -> Value {
    loop {
        let (place, _, told) = world.webhook().await;
        if place == "content" {
            return told["body"]["changes"][0]["event"].clone();
        }
    }
}

#[tokio::test]
async fn an_agents_file_is_one_object_with_a_signed_link() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let media = Media { caption: "your label".to_owned(), ..stored(&world, 1, "image/png", PNG).await };
    world.reply(&id, Content::from_body(Body::Media(media))).await;
    let event = told(&mut world).await;
    assert_eq!((&event["type"], &event["contentType"]), (&json!("ContentEvent"), &json!("hosted/file")));
    let file = &event["message"];
    assert_eq!((&file["caption"], &file["fileType"]), (&json!("your label"), &json!("PNG")));
    let url = signed_url(file);
    let got = world.call("GET", &url, &[], "").await;
    assert_eq!(
        (got.status.as_u16(), &got.headers["content-type"]),
        (200, &http::HeaderValue::from_static("image/png"))
    );
    world.clock.advance_ms(259_200_000 + 1_000);
    assert_eq!(world.call("GET", &url, &[], "").await.status, 401, "expired");
    let path = file["relativePath"].as_str().unwrap();
    assert_eq!(
        world.call("GET", &download_url(&world, path).await, &[], "").await.status,
        200,
        "a fresh link is to be had"
    );
    assert_eq!(world.call("GET", path, &[], "").await.status, 401, "never without");
}

#[tokio::test]
async fn an_agents_album_is_an_array_of_files() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let items = vec![
        stored(&world, 1, "image/png", PNG).await,
        stored(&world, 2, "application/pdf", b"%PDF-1.7").await,
    ];
    world.reply(&id, Content::from_body(Body::Album { caption: "two of them".to_owned(), items })).await;
    let event = told(&mut world).await;
    assert_eq!(event["contentType"], "hosted/file");
    let files = event["message"].as_array().unwrap();
    let shown: Vec<_> = files
        .iter()
        .map(|file| (file["caption"].as_str().unwrap(), file["fileType"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("two of them", "PNG"), ("", "PDF")]);
    for file in files {
        assert_eq!(world.call("GET", &signed_url(file), &[], "").await.status, 200);
    }
}

#[tokio::test]
async fn an_album_with_foreign_files_is_text_with_links_that_open() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let elsewhere = Media { url: "https://pictures.test/1.png".to_owned(), ..Media::default() };
    let items = vec![stored(&world, 1, "image/png", PNG).await, elsewhere];
    world.reply(&id, Content::from_body(Body::Album { caption: "two".to_owned(), items })).await;
    let event = told(&mut world).await;
    assert_eq!(event["contentType"], "text/plain");
    let words = event["message"].as_str().unwrap();
    assert!(words.contains("https://pictures.test/1.png"), "{words}");
    let link = words.split_whitespace().find_map(|word| word.strip_prefix("http://trunkline.test")).unwrap();
    assert_eq!(world.call("GET", link, &[], "").await.status, 200, "{link}");
}

#[tokio::test]
async fn a_consumers_file_is_found_by_the_path_it_was_published_under() {
    let world = world().await;
    let id = world.open("a").await;
    let path = world.upload("a", PNG).await;
    let message = json!({ "relativePath": path, "fileType": "PNG", "caption": "a cat" });
    let event = json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": message });
    assert_eq!(world.publish("a", &id, event).await.status, 200);
    let (_, content) = world.message(1).await.unwrap();
    let Body::Media(media) = &content.body else { panic!("{:?}", content.body) };
    let file = world.engine.get::<File>(tenant(1), media.file.unwrap().0).await.unwrap().unwrap();
    assert_eq!((file.size, file.mime.as_str()), (8, "image/png"));
    world.publish("a", &id, text("and words")).await;
}
