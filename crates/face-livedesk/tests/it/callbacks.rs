//! Callbacks as subscribers get them: bodies, signatures, who hears notes.

use engine::HttpRequest;
use face_livedesk::Settings;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::world::World;

fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn an_api_inbox_hears_replies_signed_and_no_notes() {
    let mut world = World::new(Settings::default()).await;
    world.subscribe(900, true, &[]).await;
    world.desk("/conversations/1/messages", r#"{"content":"psst","private":true}"#).await;
    world.desk("/conversations/1/messages", r#"{"content":"9:30?"}"#).await;
    let request = world.hooks.recv().await.unwrap();
    let told = body(&request);
    assert_eq!(told["event"], "message_created");
    assert_eq!((&told["content"], &told["message_type"]), (&"9:30?".into(), &"outgoing".into()));
    assert_eq!(told["created_at"], "2025-11-05T08:23:49.000Z");
    assert_eq!(told["conversation"]["messages"][0]["id"], told["id"]);
    assert_eq!(told["conversation"]["contact_inbox"]["source_id"], "crm-9");
    assert_eq!(told["conversation"]["channel"], "Channel::Api");
    assert_eq!(told["inbox"]["name"], "Parcel API");
    assert_eq!(told["sender"]["type"], "user");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec").unwrap();
    mac.update(request.headers["x-chatwoot-timestamp"].as_bytes());
    mac.update(b".");
    mac.update(&request.body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(request.headers["x-chatwoot-signature"], expected.as_str());
    assert_eq!(request.headers["x-chatwoot-delivery"].len(), 36);
}

#[tokio::test]
async fn an_account_webhook_hears_what_it_named_notes_included() {
    let mut world = World::new(Settings::default()).await;
    world.subscribe(901, false, &["message_created", "conversation_status_changed"]).await;
    world.desk("/conversations/1/messages", r#"{"content":"psst","private":true}"#).await;
    let told = body(&world.hooks.recv().await.unwrap());
    assert_eq!(
        (&told["private"], &told["conversation"]["messages"]),
        (&true.into(), &Value::Array(Vec::new()))
    );
    world.chat("/conversations/1/toggle_status", "{}").await;
    let told = body(&world.hooks.recv().await.unwrap());
    assert_eq!(told["event"], "conversation_status_changed");
    assert_eq!(told["changed_attributes"][0]["status"]["current_value"], "resolved");
    assert_eq!(told["id"], 1);
}
