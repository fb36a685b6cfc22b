//! Sharing a file: URL, upload, download, expiry.
//! Bytes are checked by the type that is sniffed from them.

use serde_json::{Value, json};

use crate::world::{World, world};

fn url(answer: &Value) -> String {
    let body = &answer["body"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let query = &body["queryParams"];
    let (signature, expires) = (text(&query["temp_url_sig"]), text(&query["temp_url_expires"]));
    format!("{}?temp_url_sig={signature}&temp_url_expires={expires}", text(&body["relativePath"]))
}

async fn download_url(world: &World, path: &Value) -> String {
    let request =
        json!({ "id": "4", "type": "ms.GenerateURLForDownloadFile", "body": { "relativePath": path } });
    url(&world.speak("a", "/send", &request).await.body)
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_until_its_url_expires() {
    let world = world().await;
    let body = json!({ "fileSize": "8", "fileType": "PNG" });
    let request = json!({ "id": "3", "type": "ms.GenerateURLForUploadFile", "body": body });
    let answer = world.speak("a", "/send", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let path = answer.body["body"]["relativePath"].clone();
    let missing = world.call("GET", &download_url(&world, &path).await, &[], "").await;
    assert_eq!(missing.status, 404);
    let upload = url(&answer.body);
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    assert_eq!(
        world.call("PUT", &upload.replace("temp_url_expires=1", "temp_url_expires=2"), &[], "x").await.status,
        401
    );
    assert_eq!(world.call("PUT", &upload, &[], png).await.status, 201);
    let download = download_url(&world, &path).await;
    let got = world.call("GET", &download, &[], "").await;
    assert_eq!(
        (got.status.as_u16(), &got.headers["content-type"]),
        (200, &http::HeaderValue::from_static("image/png"))
    );
    world.clock.advance_ms(61_000);
    assert_eq!(world.call("GET", &download, &[], "").await.status, 401);
}
