//! `conversation_metadata` and `correlation_id` as the vendor's page tells their lives, up to the callbacks that carry
//! them on.

use serde_json::{Value, json};

use crate::world::{World, app, world};

/// What the next inbound callback of an app says: its `message_metadata` and `correlation_id`.
async fn carried(world: &World, which: u128, words: &str) -> (Value, Value) {
    let before = world.subscriber.got.all().len();
    world.writes(which, "4670111", words).await;
    let told = world.told(before + 1).await;
    let last = told.last().unwrap();
    assert!(last.get("message").is_some(), "{last}");
    (last["message_metadata"].clone(), last["correlation_id"].clone())
}

fn text(value: &Value) -> Value {
    json!(value.to_string())
}

#[tokio::test]
async fn conversation_metadata_is_propagated_on_mo_callbacks_and_the_last_one_available_counts() {
    let world = world().await;
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    let (one, two) = (json!({"ticket": "A"}), json!({"ticket": "B"}));
    world.sent(json!({"conversation_metadata": one, "correlation_id": "c-1"})).await;
    assert_eq!(carried(&world, 1, "first").await, (text(&one), json!("c-1")));
    world.sent(json!({})).await;
    assert_eq!(carried(&world, 1, "left out: it stays").await, (text(&one), json!("c-1")));
    world.sent(json!({"conversation_metadata": two, "correlation_id": "c-2"})).await;
    assert_eq!(carried(&world, 1, "another value: overwritten").await, (text(&two), json!("c-2")));
}

#[tokio::test]
async fn conversation_metadata_is_associated_with_the_conversation() {
    let world = world().await;
    let sent = json!({"conversation_metadata": {"ticket": "A"}, "correlation_id": "c-1"});
    let message = world.sent_message(sent).await;
    let path = format!("conversations/{}", message["conversation_id"].as_str().unwrap());
    let shown = world.get(&path).await.body;
    assert_eq!((&shown["metadata_json"], &shown["correlation_id"]), (&json!({"ticket": "A"}), &json!("c-1")));
}

#[tokio::test]
async fn conversation_metadata_is_replaced_or_merged_as_the_update_strategy_says() {
    let world = world().await;
    let shown = async |metadata: Value, strategy: Value| {
        let change = json!({"conversation_metadata_update_strategy": strategy});
        let mut request = crate::world::with(change);
        request["conversation_metadata"] = metadata;
        let id = world.send(request).await.body["message_id"].as_str().unwrap().to_owned();
        let message = world.get(&format!("messages/{id}")).await.body;
        let conversation = format!("conversations/{}", message["conversation_id"].as_str().unwrap());
        world.get(&conversation).await.body["metadata_json"].clone()
    };
    assert_eq!(shown(json!({"a": 1, "b": {"c": 2}}), Value::Null).await, json!({"a": 1, "b": {"c": 2}}));
    let patch = json!({"a": null, "b": {"d": 3}});
    assert_eq!(shown(patch, json!("MERGE_PATCH")).await, json!({"b": {"c": 2, "d": 3}}));
    assert_eq!(shown(Value::Null, json!("MERGE_PATCH")).await, json!({"b": {"c": 2, "d": 3}}));
    assert_eq!(shown(json!({"z": 0}), json!("REPLACE")).await, json!({"z": 0}));
    assert_eq!(shown(json!({}), json!("REPLACE")).await, json!({}), "an empty object is a value");
}

#[tokio::test]
async fn in_dispatch_mode_metadata_stays_with_the_recipient_identities_while_the_app_retains() {
    let world = world().await;
    world.hears(3, &["MESSAGE_INBOUND"]).await;
    let metadata = json!({"ticket": "A"});
    let identity = |channel| json!({"channel": channel, "identity": "4670111"});
    let both = json!({"identified_by": {"channel_identities": [identity("RCS"), identity("SMS")]}});
    let change = json!({"app_id": app(1, 3).ulid(), "recipient": both, "channel_priority_order": ["RCS"],
        "conversation_metadata": metadata, "correlation_id": "c-1"});
    world.sent(change).await;
    assert_eq!(
        carried(&world, 3, "first").await,
        (text(&metadata), json!("c-1")),
        "all specified identities"
    );
    world.sent(json!({"app_id": app(1, 3).ulid()})).await;
    assert_eq!(carried(&world, 3, "left out: it stays").await, (text(&metadata), json!("c-1")));
}

#[tokio::test]
async fn in_dispatch_mode_with_a_retention_of_0_metadata_and_correlation_id_are_not_retained() {
    let world = world().await;
    world.hears(2, &["MESSAGE_INBOUND", "MESSAGE_DELIVERY"]).await;
    let change =
        json!({"app_id": app(1, 2).ulid(), "conversation_metadata": {"a": 1}, "correlation_id": "c-1"});
    world.sent(change).await;
    let told = world.told(1).await;
    assert_eq!(told[0]["correlation_id"], json!("c-1"), "callbacks of this message itself carry it");
    assert_eq!(carried(&world, 2, "nothing is left").await, (json!(""), json!("")));
}

#[tokio::test]
async fn conversation_metadata_is_only_returned_with_inbound_messages_and_the_correlation_id_with_all() {
    let world = world().await;
    world.hears(1, &["MESSAGE_SUBMIT", "MESSAGE_DELIVERY"]).await;
    world
        .sent(json!({"conversation_metadata": {"a": 1}, "correlation_id": "c-1", "message_metadata": "m"}))
        .await;
    let told = world.told(2).await;
    for callback in &told {
        assert_eq!(callback["message_metadata"], json!(""), "{callback}");
        assert_eq!(callback["correlation_id"], json!("c-1"));
    }
    assert_eq!(told[1]["message_delivery_report"]["metadata"], json!("m"));
}
