//! Webhooks and conversations over their routes.

use domain::id::SubscriptionId;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{NOW, app, plain, tenant, world};

fn webhook(target: &str) -> Value {
    json!({"app_id": app(1, 1).ulid(), "target": target, "secret": "pepper", "triggers": ["MESSAGE_DELIVERY"]})
}

#[tokio::test]
async fn a_webhook_lives_from_create_to_delete() {
    let world = world().await;
    let made = world.as_first("POST", "webhooks", webhook("https://hooks.example.org/a")).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(made.body.as_object().unwrap().len(), 7);
    assert_eq!(made.body["client_credentials"], Value::Null);
    assert_eq!(made.body["target_type"], json!("HTTP"));
    let one = format!("webhooks/{}", made.body["id"].as_str().unwrap());
    assert_eq!(world.as_first("GET", &one, json!({})).await.body, made.body);
    let of_app = format!("apps/{}/webhooks", app(1, 1).ulid());
    assert_eq!(world.as_first("GET", &of_app, json!({})).await.body, json!({"webhooks": [made.body]}));
    assert_eq!(world.as_first("POST", &of_app, json!({})).await.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(world.as_first("DELETE", &one, json!({})).await.body, json!({}));
    assert_eq!(world.as_first("DELETE", &one, json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn webhook_limits_hold() {
    let world = world().await;
    let hidden =
        face_sinch::hidden_subscription(tenant(1), app(1, 1), SubscriptionId(world.engine.new_id()), NOW);
    let from = *world.engine.head().borrow();
    let command = domain::command::admin::PutSubscription { subscription: hidden, from };
    world.engine.execute(command).await.unwrap();
    let long =
        |length: usize| format!("https://h.example/{}", "a".repeat(length - "https://h.example/".len()));
    assert_eq!(world.as_first("POST", "webhooks", webhook(&long(743))).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.as_first("POST", "webhooks", webhook(&long(742))).await.status, StatusCode::OK);
    assert_eq!(world.as_first("POST", "webhooks", webhook(&long(742))).await.status, StatusCode::BAD_REQUEST);
    for number in 2..=5 {
        let target = format!("https://h.example/{number}");
        assert_eq!(world.as_first("POST", "webhooks", webhook(&target)).await.status, StatusCode::OK);
    }
    let sixth = world.as_first("POST", "webhooks", webhook("https://h.example/6")).await;
    assert_eq!(sixth.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn stopping_a_conversation_twice_is_one_stop() {
    let world = world().await;
    world.send(plain()).await;
    let list = format!("conversations?app_id={}&only_active=true", app(1, 1).ulid());
    let listed = world.as_first("GET", &list, json!({})).await.body;
    assert_eq!(listed["total_size"], json!(1));
    let stop = format!("conversations/{}:stop", listed["conversations"][0]["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(world.as_first("POST", &stop, json!({})).await.body, json!({}));
    }
    assert_eq!(world.as_first("GET", &list, json!({})).await.body["total_size"], json!(0));
}
