//! What a message may say: every generic type reaches a channel that only knows text, and overrides reach theirs.

use domain::content::{Override, text};
use domain::delivery::Status;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, plain, world};

/// Sends a message; what the text channel got, as a reader of plain text sees it.
async fn as_text(world: &World, message: Value) -> String {
    let before = world.sms.got.all().len();
    let mut request = plain();
    request["message"] = message.clone();
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{message} {}", answer.body);
    let got = world.sms.got.at_least(before + 1).await;
    text::render(&got[before].content.body)
}

#[tokio::test]
async fn every_content_type_reaches_a_text_channel_with_all_its_words() {
    let world = world().await;
    let place =
        json!({"coordinates": {"latitude": 55.61, "longitude": 13}, "title": "Harbour", "label": "Pier 4"});
    let media = json!({"url": "https://example.org/a.png"});
    let choices = json!([
        {"text_message": {"text": "Yes"}, "postback_data": "y"},
        {"url_message": {"title": "More", "url": "https://example.org/more"}},
        {"call_message": {"title": "Call", "phone_number": "+4670111"}},
        {"location_message": place},
        {"calendar_message": {"title": "Save", "event_title": "Party", "event_start": "2025-01-01T00:00:00Z",
            "event_end": "2025-01-01T01:00:00Z", "fallback_url": "https://example.org/cal"}},
        {"share_location_message": {"title": "Where are you", "fallback_url": "https://example.org/loc"}},
    ]);
    let card =
        json!({"title": "Card", "description": "About it", "media_message": media, "choices": choices});
    let product = json!({"product": {"id": "sku-7", "marketplace": "shop"}});
    let row = json!({"choice": {"title": "Row", "description": "of the list", "postback_data": "r"}});
    let table: [(Value, &[&str]); 10] = [
        (json!({"text_message": {"text": "Hello"}}), &["Hello"]),
        (json!({"media_message": media}), &["https://example.org/a.png"]),
        (json!({"location_message": place}), &["Harbour", "Pier 4", "55.61", "13"]),
        (
            json!({"choice_message": {"text_message": {"text": "Coming?"}, "choices": choices}}),
            &["Coming?", "Yes", "https://example.org/more", "+4670111", "Harbour", "Save", "Where are you"],
        ),
        (json!({"card_message": card}), &["Card", "About it", "https://example.org/a.png", "Yes"]),
        (
            json!({"carousel_message": {"cards": [card, {"title": "Second"}], "choices": [choices[0]]}}),
            &["Card", "Second", "Yes"],
        ),
        (
            json!({"list_message": {"title": "List", "description": "of things", "sections": [
                {"title": "First", "items": [row]}, {"title": "Second", "items": [product]}],
                "message_properties": {"catalog_id": "c", "menu": "Open"}}}),
            &["List", "of things", "First", "Row", "of the list", "Second", "sku-7"],
        ),
        (
            json!({"contact_info_message": {"name": {"full_name": "Ada L"},
                "phone_numbers": [{"phone_number": "+4670111", "type": "mobile"}],
                "email_addresses": [{"email_address": "ada@example.org"}], "organization": {"company": "Lockers"}}}),
            &["Ada L", "+4670111", "ada@example.org", "Lockers"],
        ),
        (
            json!({"template_message": {"omni_template": {"template_id": "welcome", "version": "latest",
                "parameters": {"name": "Ada"}}}}),
            &["welcome", "Ada"],
        ),
        (
            json!({"template_message": {"channel_template": {"SMS": {"template_id": "sms-only"}}}}),
            &["sms-only"],
        ),
    ];
    for (message, words) in table {
        let shown = as_text(&world, message).await;
        for word in words {
            assert!(shown.contains(word), "\"{word}\" is missing in: {shown}");
        }
    }
}

#[tokio::test]
async fn required_members_of_each_content_type_are_required() {
    let world = world().await;
    let messages = [
        json!({"media_message": {}}),
        json!({"location_message": {"title": "Harbour"}}),
        json!({"location_message": {"coordinates": {"latitude": 1, "longitude": 2}}}),
        json!({"choice_message": {"choices": [{"text_message": {"text": "A"}}]}}),
        json!({"choice_message": {"text_message": {"text": "?"}, "choices": []}}),
        json!({"choice_message": {"text_message": {"text": "?"}, "choices": [{}]}}),
        json!({"choice_message": {"text_message": {"text": "?"},
            "choices": [{"text_message": {"text": "A"}, "call_message": {"title": "B", "phone_number": "+1"}}]}}),
        json!({"card_message": {"choices": []}}),
        json!({"card_message": {"title": "T", "height": "HUGE"}}),
        json!({"carousel_message": {"cards": []}}),
        json!({"list_message": {"sections": [{"items": [{"choice": {"title": "A"}}]}]}}),
        json!({"list_message": {"title": "L", "sections": []}}),
        json!({"list_message": {"title": "L", "sections": [{"items": [{"product": {"id": "1", "marketplace": "m"}}]}]}}),
        json!({"contact_info_message": {"phone_numbers": [{"phone_number": "+1"}]}}),
        json!({"contact_info_message": {"name": {"full_name": "Ada"}}}),
        json!({"template_message": {}}),
        json!({"template_message": {"omni_template": {"template_id": "t"}}}),
        json!({"template_message": {"channel_template": {"FAX": {"template_id": "t"}}}}),
        json!({"text_message": {"text": "a"}, "media_message": {"url": "https://example.org/a.png"}}),
    ];
    for message in messages {
        let mut request = plain();
        request["message"] = message.clone();
        assert_eq!(world.send(request).await.status, StatusCode::BAD_REQUEST, "{message}");
    }
    assert!(world.store.all_events().is_empty());
}

#[tokio::test]
async fn an_explicit_channel_message_overrides_the_standard_types_on_its_channel() {
    let world = world().await;
    let mut request = plain();
    request["message"]["explicit_channel_message"] = json!({"SMS": "{\"raw\":1}", "RCS": "{\"other\":2}"});
    world.send(request).await;
    let got = world.sms.got.at_least(1).await;
    assert_eq!(got[0].raw.as_deref(), Some("{\"raw\":1}"));
}

#[tokio::test]
async fn an_explicit_channel_message_may_stand_alone() {
    let world = world().await;
    let mut request = plain();
    request["message"] = json!({"explicit_channel_message": {"SMS": "{\"raw\":1}"}});
    assert_eq!(world.send(request).await.status, StatusCode::OK);
    assert_eq!(world.sms.got.at_least(1).await[0].raw.as_deref(), Some("{\"raw\":1}"));
}

#[tokio::test]
async fn explicit_channel_omni_content_is_sent_on_the_channel_it_is_defined_under() {
    let world = world().await;
    let override_of = |channel: &str| {
        json!({"text_message": {"text": "for all"},
            "explicit_channel_omni_message": {channel: {"text_message": {"text": "for one"}}}})
    };
    assert_eq!(as_text(&world, override_of("SMS")).await, "for one");
    assert_eq!(as_text(&world, override_of("RCS")).await, "for all");
}

#[tokio::test]
async fn a_channel_specific_message_overrides_any_transcoding() {
    let world = world().await;
    let flow = json!({"message_type": "FLOWS", "message": {"flow_id": "1", "flow_cta": "Book"}});
    let id = world.sent(json!({"message": {"channel_specific_message": {"WHATSAPP": flow}}})).await;
    world.until(&id, Status::HandedOver).await;
    let id = domain::id::Id::parse(&id).unwrap();
    let content = world.engine.get::<domain::content::Content>(crate::world::tenant(1), id).await.unwrap();
    let overrides = content.unwrap().overrides.clone();
    let [(channel, Override::Raw(raw))] = &overrides[..] else {
        panic!("one raw override: {overrides:?}");
    };
    assert_eq!(channel.as_str(), "WHATSAPP");
    assert!(raw.contains("\"flow_id\":\"1\"") && raw.contains("interactive"), "{raw}");
}
