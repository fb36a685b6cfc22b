//! Every field of `messages:send`: what it takes, what it refuses, what becomes of it. Limits at their edges.

use domain::consent::ContentClass;
use domain::delivery::{Priority, Status};
use domain::id::MessageId;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{NOW, World, app, plain, world};

async fn kept(world: &World, change: Value) -> std::sync::Arc<domain::message::Message> {
    let id = world.sent(change).await;
    world.message(MessageId::parse(&id).unwrap()).await
}

#[tokio::test]
async fn limits_hold_at_their_edge() {
    let world = world().await;
    let text = |length: usize| "ä".repeat(length);
    let object = |length: usize| json!({"k": "x".repeat(length - r#"{"k":""}"#.len())});
    let edges: Vec<(Value, Value)> = vec![
        (json!({"message_metadata": text(1024)}), json!({"message_metadata": text(1025)})),
        (json!({"correlation_id": text(128)}), json!({"correlation_id": text(129)})),
        (json!({"conversation_metadata": object(2048)}), json!({"conversation_metadata": object(2049)})),
        (json!({"channel_properties": {"K": text(1024)}}), json!({"channel_properties": {"K": text(1025)}})),
        (json!({"ttl": "3s"}), json!({"ttl": "2s"})),
        (json!({"ttl": "315576000000s"}), json!({"ttl": "315576000001s"})),
        (json!({"message": choices(10)}), json!({"message": choices(11)})),
        (json!({"message": carousel(10, 0)}), json!({"message": carousel(11, 0)})),
        (json!({"message": carousel(1, 3)}), json!({"message": carousel(1, 4)})),
    ];
    for (good, bad) in edges {
        world.sent(good).await;
        let refused = world.send_with(bad.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(refused.body["error"]["status"], json!("INVALID_ARGUMENT"));
    }
}

fn choices(count: usize) -> Value {
    let choices = vec![json!({"text_message": {"text": "A"}, "postback_data": "a"}); count];
    json!({"text_message": null, "choice_message": {"text_message": {"text": "?"}, "choices": choices}})
}

fn carousel(cards: usize, outer: usize) -> Value {
    let choices = vec![json!({"url_message": {"title": "T", "url": "https://example.org/"}}); outer];
    let cards = vec![json!({"title": "C", "height": "TALL"}); cards];
    json!({"text_message": null, "carousel_message": {"cards": cards, "choices": choices}})
}

#[tokio::test]
async fn what_the_page_does_not_allow_is_refused_and_leaves_nothing() {
    let world = world().await;
    let identities = |listed: Value| json!({"recipient": {"identified_by": {"channel_identities": listed}}});
    let sms = json!({"channel": "SMS", "identity": "1"});
    let refused = [
        json!({"recipient": {"contact_id": "01JCTC0000000000000000000D"}}),
        json!({"recipient": {"identified_by": null}}),
        json!({"recipient": "4670111"}),
        identities(json!([])),
        identities(json!([{"channel": "FAX", "identity": "1"}])),
        identities(json!([{"channel": "sms", "identity": "1"}])),
        identities(json!([{"channel": "SMS", "identity": "not a number"}])),
        identities(json!([{"channel": "SMS"}])),
        identities(json!([{"identity": "1"}])),
        identities(json!([sms, sms])),
        json!({"message": {"text_message": null}}),
        json!({"message": {"text_message": {"text": ""}}}),
        json!({"message": {"media_message": {"url": "https://example.org/a.png"}}}),
        json!({"message": {"agent": {"type": "ROBOT"}}}),
        json!({"message": {"explicit_channel_message": {"FAX": "{}"}}}),
        json!({"message": {"explicit_channel_message": {"SMS": {}}}}),
        json!({"message": {"explicit_channel_omni_message": {"SMS": {}}}}),
        json!({"message": {"explicit_channel_omni_message": {"FAX": {"text_message": {"text": "a"}}}}}),
        json!({"message": {"channel_specific_message": {"SMS": {"message_type": "FLOWS", "message": {}}}}}),
        json!({"message": {"channel_specific_message": {"WHATSAPP": {"message_type": "FLOWS"}}}}),
        json!({"channel_priority_order": ["FAX"]}),
        json!({"channel_priority_order": "SMS"}),
        json!({"channel_properties": {"SMS_SENDER": 1}}),
        json!({"callback_url": "ftp://example.org/"}),
        json!({"callback_url": "example.org/path"}),
        json!({"queue": "SOON"}),
        json!({"queue": 1}),
        json!({"ttl": "10"}),
        json!({"ttl": 10}),
        json!({"ttl": "10.5s"}),
        json!({"ttl": "-10s"}),
        json!({"processing_strategy": "SOMEHOW"}),
        json!({"message_content_type": "CONTENT_ODD"}),
        json!({"message_metadata": {"a": 1}}),
        json!({"correlation_id": 7}),
        json!({"conversation_metadata": "text"}),
        json!({"conversation_metadata": [1]}),
        json!({"conversation_metadata_update_strategy": "APPEND"}),
    ];
    for change in refused {
        let answer = world.send_with(change.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{change} {}", answer.body);
        assert_eq!(answer.body["error"]["status"], json!("INVALID_ARGUMENT"));
    }
    for body in ["", "[]", "\"text\"", "{", "null"] {
        let path = format!("/v1/projects/{}/messages:send", crate::world::tenant(1).uuid());
        let key = crate::world::basic("key-1", "s3cret");
        let answer = world.call("POST", &path, &[("authorization", &key)], body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let unknown = world.send_with(json!({"app_id": "nope"})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(world.store.all_events().is_empty(), "a refused request leaves nothing");
}

#[tokio::test]
async fn ttl_is_the_timeout_of_sending_in_seconds() {
    let world = world().await;
    let expires_at = async |change| kept(&world, change).await.delivery.as_ref().unwrap().expires_at;
    assert_eq!(expires_at(json!({"ttl": "10s"})).await, NOW.plus_s(10));
    assert_eq!(expires_at(json!({"ttl": "86400s"})).await, NOW.plus_s(86_400));
    assert_eq!(expires_at(json!({"ttl": "0086400s"})).await, NOW.plus_s(86_400));
    assert_eq!(expires_at(json!({"ttl": "315576000000s"})).await, NOW.plus_s(315_576_000_000));
    assert_eq!(expires_at(json!({})).await, domain::time::Time::NEVER);
}

#[tokio::test]
async fn ttl_is_passed_to_the_channel() {
    let world = world().await;
    world.sent(json!({"ttl": "60s"})).await;
    assert_eq!(world.sms.got.at_least(1).await[0].ttl_s, Some(60));
}

#[tokio::test]
async fn queue_selects_the_priority() {
    let world = world().await;
    let priority = async |queue: Value| {
        kept(&world, json!({ "queue": queue })).await.delivery.as_ref().unwrap().priority
    };
    assert_eq!(priority(json!("HIGH_PRIORITY")).await, Priority::High);
    assert_eq!(priority(json!("NORMAL_PRIORITY")).await, Priority::Normal);
    assert_eq!(priority(Value::Null).await, Priority::Normal);
}

#[tokio::test]
async fn channel_properties_travel_with_the_message() {
    let world = world().await;
    world.sent(json!({"channel_properties": {"SMS_SENDER": "Lockers", "ANY_KEY": ""}})).await;
    let properties = world.sms.got.at_least(1).await[0].content.channel_properties.clone();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(properties, [pair("ANY_KEY", ""), pair("SMS_SENDER", "Lockers")]);
}

#[tokio::test]
async fn message_content_type_is_kept_for_consent() {
    let world = world().await;
    let class = async |name: Value| kept(&world, json!({ "message_content_type": name })).await.class;
    assert_eq!(class(json!("CONTENT_MARKETING")).await, ContentClass::Marketing);
    assert_eq!(class(json!("CONTENT_NOTIFICATION")).await, ContentClass::Notification);
    assert_eq!(class(json!("CONTENT_UNKNOWN")).await, ContentClass::Unknown);
    assert_eq!(class(Value::Null).await, ContentClass::Unknown);
}

#[tokio::test]
async fn the_agent_is_represented_in_the_message() {
    let world = world().await;
    for kind in ["UNKNOWN_AGENT_TYPE", "HUMAN", "BOT"] {
        let agent =
            json!({"display_name": "Ada", "type": kind, "picture_url": "https://example.org/ada.png"});
        let message = world.sent_message(json!({"message": {"agent": agent}})).await;
        assert_eq!(message["app_message"]["agent"], agent);
    }
    let message = kept(&world, json!({"message": {"agent": {"display_name": "Ada"}}})).await;
    let shown: Value = serde_json::from_str(&message.shown_agent).unwrap();
    assert_eq!(shown, json!({"display_name": "Ada", "type": "UNKNOWN_AGENT_TYPE", "picture_url": ""}));
}

#[tokio::test]
async fn message_metadata_is_associated_with_the_message() {
    let world = world().await;
    assert_eq!(world.sent_message(json!({"message_metadata": "m-1"})).await["metadata"], json!("m-1"));
    assert_eq!(world.sent_message(json!({})).await["metadata"], json!(""));
}

#[tokio::test]
async fn a_message_reads_back_as_it_was_given() {
    let world = world().await;
    let message = json!({"card_message": {"title": "T", "choices": [], "odd": {"kept": true}},
        "agent": {"display_name": "Ada", "type": "HUMAN"}});
    let mut request = plain();
    request["message"] = message.clone();
    let id = world.send(request).await.body["message_id"].as_str().unwrap().to_owned();
    world.until(&id, Status::HandedOver).await;
    let read = world.get(&format!("messages/{id}")).await.body;
    let expected = json!({
        "id": id, "direction": "TO_CONTACT", "app_message": message,
        "channel_identity": {"channel": "SMS", "identity": "4670111", "app_id": ""},
        "conversation_id": read["conversation_id"], "contact_id": read["contact_id"], "metadata": "",
        "accept_time": "2025-03-04T05:06:07.123Z", "sender_id": "", "processing_mode": "CONVERSATION",
        "injected": false,
        "message_status": {"status": "QUEUED_ON_CHANNEL", "event_time": "2025-03-04T05:06:07.123Z", "reason": null},
    });
    assert_eq!(read, expected);
    let conversation = read["conversation_id"].as_str().unwrap();
    let listed = world.get(&format!("messages?conversation_id={conversation}")).await.body;
    assert_eq!(listed, json!({"messages": [read], "next_page_token": ""}));
    assert_eq!(world.get(&format!("apps/{}", app(1, 1).ulid())).await.status, StatusCode::OK);
}
