//! `messages:send` as the seed states it: the answer, every field, every limit at its edge.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{NOW, app, basic, plain, tenant, with, world};

#[tokio::test]
async fn the_answer_has_exactly_two_members() {
    let world = world().await;
    let answer = world.send(plain()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let members = answer.body.as_object().unwrap();
    assert_eq!(members.len(), 2);
    assert_eq!(members["accepted_time"], json!("2025-03-04T05:06:07.123Z"));
    assert_eq!(members["message_id"].as_str().unwrap().len(), 26);
}

#[tokio::test]
async fn a_sent_message_reads_back_as_it_was_given() {
    let world = world().await;
    let message = json!({"card_message": {"title": "T", "choices": [], "odd": {"kept": true}},
        "agent": {"display_name": "Ada", "type": "HUMAN"}});
    let change = json!({"message": {"text_message": null, "card_message": message["card_message"], "agent": message["agent"]},
        "message_metadata": "m-1", "conversation_metadata": {"ticket": "A"}, "correlation_id": "c-1"});
    let sent = world.send_with(change).await;
    let id = sent.body["message_id"].as_str().unwrap().to_owned();
    let read = world.as_first("GET", &format!("messages/{id}"), json!({})).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(read.body["app_message"], message);
    assert_eq!(read.body["metadata"], json!("m-1"));
    assert_eq!(read.body["channel_identity"], json!({"channel": "SMS", "identity": "4670111", "app_id": ""}));
    assert_eq!(read.body["direction"], json!("TO_CONTACT"));
    assert!(read.body.get("contact_message").is_none());
    let conversation = read.body["conversation_id"].as_str().unwrap();
    let shown = world.as_first("GET", &format!("conversations/{conversation}"), json!({})).await.body;
    assert_eq!(shown["metadata_json"], json!({"ticket": "A"}));
    assert_eq!(shown["correlation_id"], json!("c-1"));
    let contact = read.body["contact_id"].as_str().unwrap();
    let shown = world.as_first("GET", &format!("contacts/{contact}"), json!({})).await.body;
    assert_eq!(shown.as_object().unwrap().len(), 8);
    let listed =
        world.as_first("GET", &format!("messages?conversation_id={conversation}"), json!({})).await.body;
    assert_eq!(listed["messages"][0]["id"], json!(id));
    assert_eq!(listed["next_page_token"], json!(""));
}

#[tokio::test]
async fn the_other_tenants_message_does_not_exist() {
    let world = world().await;
    let id = world.send(plain()).await.body["message_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/projects/{}/messages/{id}", tenant(2).uuid());
    let key = basic("key-2", "s3cret");
    let answer = world.call("GET", &path, &[("authorization", &key)], String::new()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(world.send_with(json!({"app_id": app(2, 1).ulid()})).await.status, StatusCode::NOT_FOUND);
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
        let kept = world.send_with(good.clone()).await;
        assert_eq!(kept.status, StatusCode::OK, "{good} {}", kept.body);
        let refused = world.send_with(bad.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(refused.body["error"]["status"], json!("INVALID_ARGUMENT"));
        assert_eq!(refused.body["error"]["code"], json!(400));
        assert_eq!(refused.body["error"]["details"], json!([]));
    }
}

fn choices(count: usize) -> Value {
    let one = json!({"text_message": {"text": "Yes"}, "postback_data": "y"});
    json!({"text_message": null, "choice_message": {"text_message": {"text": "?"}, "choices": vec![one; count]}})
}

fn carousel(cards: usize, outer: usize) -> Value {
    let one = json!({"url_message": {"title": "Go", "url": "https://example.org"}});
    let cards = vec![json!({"title": "T", "choices": [one]}); cards];
    json!({"text_message": null, "carousel_message": {"cards": cards, "choices": vec![one; outer]}})
}

#[tokio::test]
async fn what_is_malformed_is_refused() {
    let world = world().await;
    let refused = [
        json!({"app_id": null}),
        json!({"recipient": null}),
        json!({"recipient": {"contact_id": "01JCTC0000000000000000000D"}}),
        json!({"recipient": {"identified_by": {"channel_identities": []}}}),
        json!({"recipient": {"identified_by": {"channel_identities": [{"channel": "FAX", "identity": "1"}]}}}),
        json!({"recipient": {"identified_by": {"channel_identities": [{"channel": "SMS", "identity": "nobody"}]}}}),
        json!({"recipient": {"identified_by": {"channel_identities": [{"channel": "LINE", "identity": "1"}]}}}),
        json!({"message": null}),
        json!({"message": {"text_message": null}}),
        json!({"message": {"text_message": {"text": ""}}}),
        json!({"message": {"media_message": {"url": "https://example.org/a.png"}}}),
        json!({"message": {"agent": {"type": "ROBOT"}}}),
        json!({"message": {"explicit_channel_message": {"FAX": "{}"}}}),
        json!({"message": {"explicit_channel_message": {"SMS": {}}}}),
        json!({"message": {"explicit_channel_omni_message": {"SMS": {}}}}),
        json!({"message": {"channel_specific_message": {"SMS": {"message_type": "FLOWS", "message": {}}}}}),
        json!({"channel_priority_order": ["FAX"]}),
        json!({"channel_priority_order": ["LINE"]}),
        json!({"callback_url": "ftp://example.org/"}),
        json!({"queue": "SOON"}),
        json!({"ttl": "10"}),
        json!({"processing_strategy": "SOMEHOW"}),
        json!({"message_content_type": "CONTENT_ODD"}),
        json!({"conversation_metadata": "text"}),
        json!({"conversation_metadata": [1]}),
        json!({"conversation_metadata_update_strategy": "APPEND"}),
    ];
    for change in refused {
        let answer = world.send_with(change.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{change} {}", answer.body);
    }
    assert_eq!(world.send(json!([1])).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.send_with(json!({"app_id": "nope"})).await.status, StatusCode::NOT_FOUND);
    assert!(world.store.all_events().is_empty(), "a refused request leaves nothing");
}

#[tokio::test]
async fn every_content_type_is_taken() {
    let world = world().await;
    let place = json!({"coordinates": {"latitude": 55.61, "longitude": 13}, "title": "Harbour"});
    let messages = [
        json!({"media_message": {"url": "https://example.org/a.png"}}),
        json!({"location_message": place}),
        json!({"list_message": {"title": "L", "sections": [{"items": [{"choice": {"title": "A"}}]}]}}),
        json!({"contact_info_message": {"name": {"full_name": "Ada L"}, "phone_numbers": [{"phone_number": "+1"}]}}),
        json!({"template_message": {"omni_template": {"template_id": "t", "version": "latest"}}}),
        json!({"template_message": {"channel_template": {"WHATSAPP": {"template_id": "t", "language_code": "en"}}}}),
        json!({"explicit_channel_message": {"SMS": "{\"raw\":1}"}}),
        json!({"channel_specific_message": {"WHATSAPP": {"message_type": "FLOWS", "message": {"flow_id": "1"}}}}),
        json!({"text_message": {"text": "a"}, "explicit_channel_omni_message": {"RCS": {"text_message": {"text": "b"}}}}),
        json!({"textMessage": {"text": "camel"}}),
    ];
    for message in messages {
        let mut request = plain();
        request["message"] = message.clone();
        let answer = world.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{message} {}", answer.body);
    }
}

#[tokio::test]
async fn conversation_metadata_is_replaced_or_merged() {
    let world = world().await;
    let shown = async |change: Value| {
        let id = world.send_with(change).await.body["message_id"].as_str().unwrap().to_owned();
        let message = world.as_first("GET", &format!("messages/{id}"), json!({})).await.body;
        let conversation = message["conversation_id"].as_str().unwrap().to_owned();
        world.as_first("GET", &format!("conversations/{conversation}"), json!({})).await.body["metadata_json"]
            .clone()
    };
    assert_eq!(shown(json!({"conversation_metadata": {"a": 1, "b": 2}})).await, json!({"a": 1, "b": 2}));
    assert_eq!(shown(json!({})).await, json!({"a": 1, "b": 2}), "left out: it stays");
    let mut patch = plain();
    patch["conversation_metadata"] = json!({"a": null, "c": 3});
    patch["conversation_metadata_update_strategy"] = json!("MERGE_PATCH");
    world.send(patch).await;
    assert_eq!(shown(json!({})).await, json!({"b": 2, "c": 3}));
    assert_eq!(shown(json!({"conversation_metadata": {"z": 0}})).await, json!({"z": 0}));
}

#[tokio::test]
async fn dispatch_takes_identities_alone() {
    let world = world().await;
    let by_contact = with(json!({"app_id": app(1, 2).ulid(),
        "recipient": {"identified_by": null, "contact_id": "01JCTC0000000000000000000D"}}));
    assert_eq!(world.send(by_contact).await.status, StatusCode::BAD_REQUEST);
    let sent = world.send_with(json!({"app_id": app(1, 2).ulid()})).await;
    assert_eq!(sent.status, StatusCode::OK);
    let id = sent.body["message_id"].as_str().unwrap();
    let read = world.as_first("GET", &format!("messages/{id}"), json!({})).await;
    assert_eq!(read.status, StatusCode::NOT_FOUND, "retention 0 keeps nothing to read");
    assert_eq!(world.send_with(json!({"processing_strategy": "DISPATCH_ONLY"})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer_again() {
    let world = world().await;
    let path = format!("/v1/projects/{}/messages:send", tenant(1).uuid());
    let key = basic("key-1", "s3cret");
    let headers = [("authorization", key.as_str()), ("idempotency-key", "once")];
    let first = world.call("POST", &path, &headers, plain().to_string()).await;
    world.clock.set(NOW.plus_s(60));
    let spaced = serde_json::to_string_pretty(&plain()).unwrap();
    let second = world.call("POST", &path, &headers, spaced).await;
    assert_eq!((first.status, &first.body), (StatusCode::OK, &second.body));
    let other = world.call("POST", &path, &headers, with(json!({"ttl": "9s"})).to_string()).await;
    assert_eq!(
        (other.status, &other.body["error"]["status"]),
        (StatusCode::CONFLICT, &json!("ALREADY_EXISTS"))
    );
}
