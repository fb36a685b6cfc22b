//! The vendor's page for `messages:send`, statement by statement: recipient, contact, conversation, answer.
//!
//! The first sentences of the page; its fields are in the files beside this one.

use domain::delivery::Status;
use domain::event::Fact;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{app, basic, plain, tenant, with, world};

fn to(number: &str) -> Value {
    json!({"recipient": {"identified_by": {"channel_identities": [{"channel": "SMS", "identity": number}]}}})
}

#[tokio::test]
async fn you_can_send_a_message_to_a_contact_associated_with_the_app() {
    let world = world().await;
    let contact = world.sent_message(json!({})).await["contact_id"].clone();
    let by_id = json!({"recipient": {"contact_id": contact, "identified_by": null}});
    let read = world.sent_message(by_id).await;
    assert_eq!(read["contact_id"], contact);
    assert_eq!(read["channel_identity"]["identity"], json!("4670111"));
    world.sms.got.at_least(2).await;
}

#[tokio::test]
async fn a_recipient_not_associated_with_an_existing_contact_becomes_a_new_one() {
    let world = world().await;
    let one = world.sent_message(to("+46 70 222")).await;
    let contact = world.get(&format!("contacts/{}", one["contact_id"].as_str().unwrap())).await.body;
    let identity = json!({"channel": "SMS", "identity": "4670222", "app_id": ""});
    let expected = json!({"id": one["contact_id"], "channel_identities": [identity], "channel_priority": [],
        "display_name": "Unknown", "email": "", "external_id": "", "metadata": "", "language": "UNSPECIFIED"});
    assert_eq!(contact, expected);
    let again = world.sent_message(to("4670222")).await;
    assert_eq!(again["contact_id"], one["contact_id"], "the same number however it is written");
    assert_eq!(world.said(|fact| matches!(fact, Fact::ContactCreated)), 1);
}

#[tokio::test]
async fn the_message_is_added_to_the_active_conversation_if_one_exists() {
    let world = world().await;
    let first = world.sent_message(json!({})).await;
    let second = world.sent_message(json!({})).await;
    assert_eq!(first["conversation_id"], second["conversation_id"]);
    assert_eq!(world.said(|fact| matches!(fact, Fact::ConversationStarted)), 1);
}

#[tokio::test]
async fn if_no_active_conversation_exists_a_new_one_is_started_automatically() {
    let world = world().await;
    let first = world.sent_message(json!({})).await;
    let old = first["conversation_id"].as_str().unwrap();
    world.as_first("POST", &format!("conversations/{old}:stop"), json!({})).await;
    let second = world.sent_message(json!({})).await;
    assert_ne!(second["conversation_id"], first["conversation_id"]);
    assert_eq!(second["contact_id"], first["contact_id"]);
    let shown = world.get(&format!("conversations/{}", second["conversation_id"].as_str().unwrap())).await;
    assert_eq!(shown.body["active"], json!(true));
    assert_eq!(world.get(&format!("conversations/{old}")).await.body["active"], json!(false));
}

#[tokio::test]
async fn security_is_basic_or_oauth2() {
    let world = world().await;
    let path = format!("/v1/projects/{}/messages:send", tenant(1).uuid());
    let key = basic("key-1", "s3cret");
    let form = "grant_type=client_credentials".to_owned();
    let token = world.call("POST", "/oauth2/token", &[("authorization", &key)], form).await;
    let bearer = format!("Bearer {}", token.body["access_token"].as_str().unwrap());
    for credentials in [&key, &bearer] {
        let answer = world.call("POST", &path, &[("authorization", credentials)], plain().to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_colon_of_the_endpoint_may_come_escaped() {
    let world = world().await;
    for verb in ["messages:send", "messages%3Asend", "messages%3asend"] {
        assert_eq!(world.as_first("POST", verb, plain()).await.status, StatusCode::OK, "{verb}");
    }
}

#[tokio::test]
async fn app_id_recipient_and_message_are_required() {
    let world = world().await;
    for field in ["app_id", "recipient", "message"] {
        let answer = world.send_with(json!({ field: null })).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let words = answer.body["error"]["message"].as_str().unwrap();
        assert!(words.contains(field) && words.contains("required"), "{words}");
    }
    assert!(world.store.all_events().is_empty());
}

#[tokio::test]
async fn in_dispatch_mode_you_must_use_the_identified_by_field() {
    let world = world().await;
    let contact = world.sent_message(json!({})).await["contact_id"].clone();
    let by_id = json!({"recipient": {"contact_id": contact, "identified_by": null}});
    let mut by_app = by_id.clone();
    by_app["app_id"] = json!(app(1, 2).ulid());
    let mut by_strategy = by_id.clone();
    by_strategy["processing_strategy"] = json!("DISPATCH_ONLY");
    for change in [by_app, by_strategy] {
        let answer = world.send_with(change).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert!(answer.body["error"]["message"].as_str().unwrap().contains("identified_by"));
    }
    assert_eq!(world.send_with(by_id).await.status, StatusCode::OK);
}

#[tokio::test]
async fn processing_strategy_overrides_the_mode_of_the_app_and_default_does_not() {
    let world = world().await;
    for strategy in [json!(null), json!("DEFAULT")] {
        let message = world.sent_message(json!({"processing_strategy": strategy})).await;
        assert_eq!(message["processing_mode"], json!("CONVERSATION"));
    }
    let contacts = world.said(|fact| matches!(fact, Fact::ContactCreated));
    let mut change = to("4670333");
    change["processing_strategy"] = json!("DISPATCH_ONLY");
    let id = world.sent(change).await;
    assert_eq!(
        world.said(|fact| matches!(fact, Fact::ContactCreated)),
        contacts,
        "dispatch makes no contact"
    );
    assert!(world.until(&id, Status::HandedOver).await.conversation.is_none());
}

#[tokio::test]
async fn the_answer_names_message_and_time_and_nothing_else() {
    let world = world().await;
    let answer = world.send(plain()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    let members = answer.body.as_object().unwrap();
    assert_eq!(members.len(), 2);
    assert_eq!(members["accepted_time"], json!("2025-03-04T05:06:07.123Z"));
    assert_eq!(members["message_id"].as_str().unwrap().len(), 26);
}

#[tokio::test]
async fn every_refusal_has_the_errors_four_members() {
    let world = world().await;
    let refused = [
        world.send(json!([])).await,
        world.send_with(json!({"queue": "SOON"})).await,
        world.send_with(json!({"app_id": app(1, 9).ulid()})).await,
        world.get("nothing").await,
        world.as_first("PUT", "messages:send", plain()).await,
        world.as_first("POST", &format!("apps/{}/webhooks", app(1, 1).ulid()), json!({})).await,
        world
            .call("POST", &format!("/v1/projects/{}/messages:send", tenant(1).uuid()), &[], String::new())
            .await,
        world.send_with(json!({"message_metadata": "x".repeat(2_000_000)})).await,
    ];
    let codes: Vec<u16> = refused.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(codes, [400, 400, 404, 404, 405, 501, 401, 413]);
    for answer in refused {
        let error = &answer.body["error"];
        assert_eq!(error["code"], json!(answer.status.as_u16()));
        assert!(error["message"].is_string() && error["status"].is_string() && error["details"].is_array());
        assert_eq!(error.as_object().unwrap().len(), 4);
        assert_eq!(answer.body.as_object().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn unknown_members_are_ignored_and_null_is_absent() {
    let world = world().await;
    let mut request = with(json!({}));
    request["surprise"] = json!({"a": [1]});
    request["recipient"]["surprise"] = json!(1);
    request["recipient"]["identified_by"]["channel_identities"][0]["app_id"] = json!("x");
    for name in [
        "callback_url",
        "channel_priority_order",
        "channel_properties",
        "message_metadata",
        "conversation_metadata",
        "queue",
        "ttl",
        "processing_strategy",
        "correlation_id",
        "conversation_metadata_update_strategy",
        "message_content_type",
    ] {
        request[name] = Value::Null;
    }
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn members_may_be_written_in_camel_case() {
    let world = world().await;
    let request = json!({
        "appId": app(1, 1).ulid(),
        "recipient": {"identifiedBy": {"channelIdentities": [{"channel": "SMS", "identity": "4670111"}]}},
        "message": {"textMessage": {"text": "camel"}},
        "messageMetadata": "m", "correlationId": "c", "channelPriorityOrder": ["SMS"],
        "conversationMetadata": {"a": 1}, "conversationMetadataUpdateStrategy": "REPLACE",
        "processingStrategy": "DEFAULT", "messageContentType": "CONTENT_NOTIFICATION",
        "channelProperties": {"SMS_SENDER": "x"}, "callbackUrl": "https://hooks.example.org/own",
    });
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let read = world.get(&format!("messages/{}", answer.body["message_id"].as_str().unwrap())).await.body;
    assert_eq!(read["metadata"], json!("m"));
}

#[tokio::test]
async fn a_message_in_dispatch_mode_is_kept_as_long_as_the_app_retains_it() {
    let world = world().await;
    let none = world.sent(json!({"app_id": app(1, 2).ulid()})).await;
    assert_eq!(world.get(&format!("messages/{none}")).await.status, StatusCode::NOT_FOUND, "0 days");
    let kept = world.sent(json!({"app_id": app(1, 3).ulid()})).await;
    let path = format!("messages/{kept}");
    let read = world.get(&path).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(
        (&read.body["contact_id"], &read.body["conversation_id"], &read.body["processing_mode"]),
        (&json!(""), &json!(""), &json!("DISPATCH"))
    );
    world.until(&kept, Status::HandedOver).await;
    let message = domain::id::MessageId::parse(&kept).unwrap();
    let job = domain::id::JobId(world.engine.new_id());
    let erase = domain::command::expire::Erase { tenant: tenant(1), message, job };
    world.engine.execute(erase).await.unwrap();
    assert_eq!(world.get(&path).await.status, StatusCode::NOT_FOUND, "erased");
    assert_eq!(world.get(&path).await.body["error"]["message"], json!("message not found"));
}
