//! What subscribers are posted, through the courier: each trigger in full, signatures, callback URLs, retries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::command::consumer::Signal;
use domain::content::{Body, Content, Media};
use domain::conversation::Party;
use domain::delivery::{Outcome, Reason, ReasonKind, Status};
use domain::event::{Fact, SignalKind};
use domain::id::{ConversationId, SubscriptionId};
use engine::HttpRequest;
use hmac::{Hmac, Mac as _};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{NOW, World, app, plain, tenant, world};

const AT: &str = "2025-03-04T05:06:07.123Z";

/// The envelope around a payload, of the first app.
fn envelope(app_id: &str, name: &str, payload: Value, correlation_id: &str) -> Value {
    json!({"app_id": app_id, "project_id": tenant(1).uuid(), "accepted_time": AT, "event_time": AT,
        name: payload, "message_metadata": "", "correlation_id": correlation_id})
}

fn signature(secret: &str, request: &HttpRequest) -> String {
    let header = |name: &str| request.headers[name].to_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&request.body);
    let nonce = header("x-sinch-webhook-signature-nonce");
    let timestamp = header("x-sinch-webhook-signature-timestamp");
    mac.update(format!(".{nonce}.{timestamp}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn assert_signed(secret: &str, request: &HttpRequest) {
    assert_eq!(request.headers["x-sinch-webhook-signature"], signature(secret, request));
    assert_eq!(request.headers["x-sinch-webhook-signature-algorithm"], "HmacSHA256");
    assert_eq!(request.headers["x-sinch-webhook-signature-nonce"].len(), 26);
}

#[tokio::test]
async fn a_first_send_tells_contact_conversation_submit_and_delivery() {
    let world = world().await;
    let all = ["CONTACT_CREATE", "CONVERSATION_START", "MESSAGE_SUBMIT", "MESSAGE_DELIVERY"];
    world.hears(1, &all).await;
    let sent = world.sent_message(json!({"message_metadata": "m", "correlation_id": "c"})).await;
    let (id, contact, conversation) = (&sent["id"], &sent["contact_id"], &sent["conversation_id"]);
    let app_id = app(1, 1).ulid();
    let identity = json!({"channel": "SMS", "identity": "4670111", "app_id": ""});
    let told = world.told(4).await;
    let of = |name: &str| told.iter().find(|callback| callback.get(name).is_some()).unwrap().clone();
    let contact_created = json!({"contact": {"id": contact, "channel_identities": [identity],
        "display_name": "Unknown", "email": "", "external_id": "", "metadata": "", "language": "UNSPECIFIED"}});
    let name = "contact_create_notification";
    assert_eq!(of(name), envelope("", name, contact_created, ""));
    let started = json!({"conversation": {"id": conversation, "app_id": app_id, "contact_id": contact,
        "last_received": "0001-01-01T00:00:00Z", "active_channel": "CHANNEL_UNSPECIFIED", "active": true,
        "metadata": "", "metadata_json": {}, "correlation_id": "c"}});
    let name = "conversation_start_notification";
    assert_eq!(of(name), envelope(&app_id, name, started, ""));
    let submitted = json!({"message_id": id, "conversation_id": conversation, "channel_identity": identity,
        "contact_id": contact, "submitted_message": plain()["message"], "metadata": "m",
        "processing_mode": "CONVERSATION"});
    let name = "message_submit_notification";
    assert_eq!(of(name), envelope(&app_id, name, submitted, "c"));
    let report = json!({"message_id": id, "conversation_id": conversation, "status": "QUEUED_ON_CHANNEL",
        "channel_identity": identity, "contact_id": contact, "metadata": "m", "processing_mode": "CONVERSATION"});
    let name = "message_delivery_report";
    assert_eq!(of(name), envelope(&app_id, name, report, "c"));
    for request in world.subscriber.got.all() {
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://hooks.example.org/a"));
        assert_eq!(request.headers["content-type"], "application/json");
        assert_signed("pepper", &request);
    }
}

#[tokio::test]
async fn delivery_reports_follow_the_message_in_order() {
    let world = world().await;
    world.hears(1, &["MESSAGE_DELIVERY"]).await;
    world.rcs.will(Outcome::Refused(Reason {
        channel_code: "E7".to_owned(),
        ..Reason::new(ReasonKind::RecipientNotReachable, "not there")
    }));
    let identity = |channel| json!({"channel": channel, "identity": "4670111"});
    let both = json!({"identified_by": {"channel_identities": [identity("RCS"), identity("SMS")]}});
    let id = world.sent(json!({ "recipient": both })).await;
    world.until(&id, Status::HandedOver).await;
    world.told(2).await;
    for status in [Status::Read, Status::Delivered, Status::Delivered] {
        world.reports_of(2, "SMS", &id, status, None).await;
    }
    let reports: Vec<Value> =
        world.told(3).await.iter().map(|callback| callback["message_delivery_report"].clone()).collect();
    let told: Vec<(&str, &str)> = reports
        .iter()
        .map(|one| (one["status"].as_str().unwrap(), one["channel_identity"]["channel"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("SWITCHING_CHANNEL", "RCS"), ("QUEUED_ON_CHANNEL", "SMS"), ("READ", "SMS")]);
    let reason = json!({"code": "RECIPIENT_NOT_REACHABLE", "description": "not there",
        "sub_code": "UNSPECIFIED_SUB_CODE", "channel_code": "E7"});
    assert_eq!(reports[0]["reason"], reason);
    assert!(reports[1].get("reason").is_none() && reports[2].get("reason").is_none());
}

#[tokio::test]
async fn a_failure_is_told_with_its_reason_and_nothing_after_it() {
    let world = world().await;
    world.hears(1, &["MESSAGE_DELIVERY"]).await;
    let id = world.sent(json!({"message_metadata": "m"})).await;
    world.until(&id, Status::HandedOver).await;
    world.told(1).await;
    world.reports("SMS", &id, Status::Failed, Some(Reason::new(ReasonKind::Blocked, "spam"))).await;
    world.told(2).await;
    world.clock.advance_ms(1_000);
    world.reports("SMS", &id, Status::Delivered, None).await;
    world.until(&id, Status::Delivered).await;
    // The next message's report comes behind whatever would have been told of this one.
    let second = world.sent(json!({})).await;
    world.until(&second, Status::HandedOver).await;
    let told = world.told(3).await;
    let reports: Vec<&Value> = told.iter().map(|callback| &callback["message_delivery_report"]).collect();
    assert_eq!((&reports[1]["status"], &reports[1]["metadata"]), (&json!("FAILED"), &json!("m")));
    assert_eq!(reports[1]["reason"]["code"], json!("DELIVERY_REJECTED_DUE_TO_POLICY"));
    assert_eq!(reports[2]["message_id"], json!(second), "nothing after FAILED");
}

#[tokio::test]
async fn an_inbound_message_is_told_in_full() {
    let world = world().await;
    world.hears(1, &["CONTACT_CREATE", "CONVERSATION_START", "MESSAGE_INBOUND"]).await;
    world.writes(1, "4670222", "Where is my parcel?").await;
    let told = world.told(3).await;
    let inbound = told.iter().find(|callback| callback.get("message").is_some()).unwrap();
    let message = &inbound["message"];
    let expected = json!({"id": message["id"], "direction": "TO_APP",
        "contact_message": {"text_message": {"text": "Where is my parcel?"}, "reply_to": null},
        "channel_identity": {"channel": "SMS", "identity": "4670222", "app_id": ""},
        "conversation_id": message["conversation_id"], "contact_id": message["contact_id"], "metadata": "",
        "accept_time": AT, "sender_id": "", "processing_mode": "CONVERSATION", "injected": false});
    assert_eq!(*inbound, envelope(&app(1, 1).ulid(), "message", expected, ""));
    let read = world.get(&format!("messages/{}", message["id"].as_str().unwrap())).await.body;
    assert_eq!(read["contact_message"], message["contact_message"]);
    assert!(read.get("app_message").is_none());
}

#[tokio::test]
async fn a_picture_is_told_by_a_link_of_ours_before_it_was_fetched() {
    let world = world().await;
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    let picture = |caption: &str| {
        let (url, mime, caption) = ("provider:7".to_owned(), "image/png".to_owned(), caption.to_owned());
        Content::from_body(Body::Media(Media { url, mime, caption, ..Media::default() }))
    };
    world.says(1, "4670222", picture("")).await;
    world.says(1, "4670222", picture("look")).await;
    let told = world.told(2).await;
    let [plain, captioned] = [0, 1].map(|nth| told[nth]["message"]["contact_message"].clone());
    let of_ours = |url: &Value| {
        let url = url.as_str().unwrap();
        url.starts_with("http://trunkline.test/trunkline/v1/files/") && url.contains("signature=")
    };
    let media = &plain["media_message"];
    assert!(of_ours(&media["url"]), "{plain}");
    assert_eq!(
        (&media["thumbnail_url"], &media["filename_override"]),
        (&json!(""), &json!("attachment.png"))
    );
    let card = &captioned["media_card_message"];
    assert!(of_ours(&card["url"]) && card["caption"] == "look", "{captioned}");
}

#[tokio::test]
async fn typing_and_the_end_of_a_conversation_are_told() {
    let world = world().await;
    world.hears(1, &["EVENT_INBOUND", "CONVERSATION_STOP"]).await;
    let message = world.sent_message(json!({})).await;
    let text = message["conversation_id"].as_str().unwrap();
    let conversation = ConversationId::parse(text).unwrap();
    let contact = domain::id::ContactId::parse(message["contact_id"].as_str().unwrap());
    for signal in [SignalKind::Composing, SignalKind::Paused, SignalKind::Active] {
        let address = Some(domain::channel::Address::new("SMS", "4670111"));
        let by = Party::Consumer;
        let signal = Signal { tenant: tenant(1), conversation, address, signal, by, contact };
        world.engine.execute(signal).await.unwrap();
    }
    world.as_first("POST", &format!("conversations/{text}:stop"), json!({})).await;
    let told = world.told(3).await;
    let composing = &told[0]["event"];
    let expected = json!({"id": composing["id"], "direction": "TO_APP", "contact_event": {"composing_event": {}},
        "channel_identity": {"channel": "SMS", "identity": "4670111", "app_id": ""},
        "contact_id": message["contact_id"], "conversation_id": text, "accept_time": AT,
        "processing_mode": "CONVERSATION"});
    assert_eq!(told[0], envelope(&app(1, 1).ulid(), "event", expected, ""));
    assert_eq!(told[1]["event"]["contact_event"], json!({"composing_end_event": {}}));
    let stopped = &told[2]["conversation_stop_notification"]["conversation"];
    assert_eq!((&stopped["id"], &stopped["active"]), (&json!(text), &json!(false)));
}

#[tokio::test]
async fn a_webhook_hears_its_own_app_and_its_own_triggers() {
    let world = world().await;
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    world.sent(json!({})).await;
    world.writes(2, "4670111", "to the other app").await;
    world.writes(1, "4670111", "to this app").await;
    let told = world.told(1).await;
    assert_eq!(told[0]["message"]["contact_message"]["text_message"]["text"], json!("to this app"));
}

async fn with_hidden_subscription(world: &World) {
    let id = SubscriptionId(world.engine.new_id());
    let subscription = face_sinch::hidden_subscription(tenant(1), app(1, 1), id, NOW);
    let from = world.engine.position();
    let put = domain::command::admin::PutSubscription { subscription, from };
    world.engine.execute(put).await.unwrap();
}

#[tokio::test]
async fn callback_url_overwrites_the_default_url_for_delivery_receipts_of_this_message() {
    let world = world().await;
    with_hidden_subscription(&world).await;
    world.hears(1, &["MESSAGE_DELIVERY", "MESSAGE_SUBMIT"]).await;
    let own = "http://receipts.example.org:8080/own";
    let id = world.sent(json!({"callback_url": own, "message_metadata": "m"})).await;
    world.until(&id, Status::HandedOver).await;
    world.told(2).await;
    world.reports("SMS", &id, Status::Delivered, None).await;
    world.told(3).await;
    let plain_one = world.sent(json!({})).await;
    world.until(&plain_one, Status::HandedOver).await;
    world.told(5).await;
    let got = world.subscriber.got.all();
    let (own_ones, others): (Vec<_>, Vec<_>) = got.iter().partition(|request| request.url == own);
    let body = |request: &HttpRequest| serde_json::from_slice::<Value>(&request.body).unwrap();
    let statuses: Vec<Value> =
        own_ones.iter().map(|one| body(one)["message_delivery_report"]["status"].clone()).collect();
    assert_eq!(statuses, [json!("QUEUED_ON_CHANNEL"), json!("DELIVERED")]);
    for request in own_ones {
        assert_signed("o", request);
        assert_eq!(body(request)["message_delivery_report"]["metadata"], json!("m"));
    }
    let reports: Vec<Value> =
        others.iter().map(|one| body(one)["message_delivery_report"]["message_id"].clone()).collect();
    assert!(!reports.contains(&json!(id)) && reports.contains(&json!(plain_one)), "{reports:?}");
}

#[tokio::test]
async fn a_failed_callback_is_repeated_with_the_same_body_and_a_fresh_signature() {
    let world = world().await;
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    world.subscriber.will(&[500, 429, 503]);
    world.writes(1, "4670111", "hello").await;
    for (count, delay_ms) in [(1, 5_000), (2, 10_000), (3, 20_000)] {
        world.told(count).await;
        world.clock.advance_ms(delay_ms);
    }
    world.told(4).await;
    let got = world.subscriber.got.all();
    assert!(got.iter().all(|request| request.body == got[0].body));
    let nonce = |request: &HttpRequest| request.headers["x-sinch-webhook-signature-nonce"].clone();
    let mut nonces: Vec<_> = got.iter().map(nonce).collect();
    nonces.dedup();
    assert_eq!(nonces.len(), 4, "a new nonce each time");
    got.iter().for_each(|request| assert_signed("pepper", request));
    let timestamp = |request: &HttpRequest| {
        let text = request.headers["x-sinch-webhook-signature-timestamp"].to_str().unwrap().to_owned();
        text.parse::<i64>().unwrap()
    };
    assert_eq!(got.iter().map(timestamp).map(|at| at - NOW.seconds()).collect::<Vec<_>>(), [0, 5, 15, 35]);
}

#[tokio::test]
async fn a_callback_is_given_up_after_the_last_retry_and_the_next_one_comes() {
    let world = world().await;
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    world.subscriber.will(&[500; 15]);
    world.writes(1, "4670111", "lost").await;
    for retry in 0..14 {
        world.told(retry + 1).await;
        world.clock.advance_ms(5_000 << retry);
    }
    world.told(15).await;
    let mut head = world.engine.head();
    while world.said(|fact| matches!(fact, Fact::DeadLetter { .. })) == 0 {
        head.changed().await.unwrap();
    }
    world.writes(1, "4670111", "found").await;
    let told = world.told(16).await;
    assert_eq!(told[15]["message"]["contact_message"]["text_message"]["text"], json!("found"));
}

#[tokio::test]
async fn a_dismissing_webhook_is_told_nothing() {
    let world = world().await;
    let webhook = json!({"app_id": app(1, 1).ulid(), "target": "https://hooks.example.org/b",
        "target_type": "DISMISS", "triggers": ["MESSAGE_INBOUND"]});
    assert_eq!(world.as_first("POST", "webhooks", webhook).await.status, StatusCode::OK);
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    world.writes(1, "4670111", "hello").await;
    world.told(1).await;
    assert_eq!(world.subscriber.got.all()[0].url, "https://hooks.example.org/a");
}
