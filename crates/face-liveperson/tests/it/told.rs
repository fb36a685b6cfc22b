//! Webhooks beside the plain course of `webhooks.rs`: who typed, what is told where, signatures, headers, retries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::channel::Address;
use domain::command::Person;
use domain::command::consumer::Signal;
use domain::command::receive::Receive;
use domain::content::{Action, Body, Choice, Content, Face};
use domain::conversation::Party;
use domain::event::{Fact, SignalKind};
use domain::id::{AgentId, ConversationId, Id};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use std::sync::atomic::Ordering;

use crate::world::{World, closing, manifest, tenant, text, world};

const CONTENT: &str = "ms.MessagingEventNotification.ContentEvent";

/// The next webhook at an endpoint.
async fn at(world: &mut World, wanted: &str) -> Value {
    loop {
        let (place, _, told) = world.webhook().await;
        if place == wanted {
            return told;
        }
    }
}

async fn type_as(world: &World, id: &str, by: Party, signal: SignalKind) {
    let conversation = ConversationId::parse(id).unwrap();
    let command = Signal { tenant: tenant(1), conversation, address: None, signal, by, contact: None };
    world.engine.execute(command).await.unwrap();
}

#[tokio::test]
async fn an_agents_typing_names_the_agent() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let agent = AgentId(Id(0x77));
    type_as(&world, &id, Party::Agent(agent), SignalKind::Composing).await;
    let told = at(&mut world, "chat").await;
    let change = &told["body"]["changes"][0];
    assert_eq!(change["originatorId"], agent.uuid());
    assert_eq!(change["originatorMetadata"], json!({ "id": agent.uuid(), "role": "ASSIGNED_AGENT" }));
    assert_eq!(change["event"], json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" }));
    assert_eq!((&change["conversationId"], &change["dialogId"]), (&json!(id), &json!(id)));
    type_as(&world, &id, Party::App, SignalKind::Paused).await;
    let told = at(&mut world, "chat").await;
    let written = world.reply(&id, Content::text("hello")).await;
    let content = at(&mut world, "content").await;
    let (typist, writer) = (&told["body"]["changes"][0], &content["body"]["changes"][0]);
    assert_eq!(typist["originatorId"], writer["originatorId"], "who types without a person is who writes so");
    assert_eq!(writer["sequence"], written.sequence.unwrap());
}

#[tokio::test]
async fn every_notification_is_signed_and_named() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    world.publish("a", &id, text("Grüße 👋 a/b")).await;
    world.publish("a", &id, json!({ "type": "ChatStateEvent", "chatState": "GONE" })).await;
    world
        .publish("a", &id, json!({ "type": "AcceptStatusEvent", "status": "NACK", "sequenceList": [0] }))
        .await;
    world.set_field("a", &id, closing()).await;
    for _ in 0..5 {
        let (place, request, body) = world.webhook().await;
        let mut mac = Hmac::<Sha1>::new_from_slice(b"s3cret").unwrap();
        mac.update(&request.body);
        let signature = format!("sha1={}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(request.headers["x-liveperson-signature"], signature, "{place}");
        assert_eq!(request.headers["x-liveperson-account-id"], "70000001");
        assert_eq!(request.headers["x-liveperson-client-id"], "client-1");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["x-tenant"], "blue", "the manifest's own header");
        assert_eq!((&request.method, body["kind"].as_str()), (&http::Method::POST, Some("notification")));
        assert_eq!(body["body"]["changes"].as_array().unwrap().len(), 1, "one change a notification");
        let raw = String::from_utf8(request.body.to_vec()).unwrap();
        assert_eq!(raw, body.to_string(), "compact, raw UTF-8, slashes as they are");
        assert!(place != "content" || raw.contains("Grüße 👋 a/b"), "{raw}");
    }
}

#[tokio::test]
async fn an_event_type_without_an_endpoint_is_not_told() {
    let mut world = world().await;
    let mut only = manifest();
    only["capabilities"]["webhooks"] = json!({ CONTENT: { "endpoint": "https://bridge.test/content",
        "headers": [{ "key": "X-Short", "value": "1" }] } });
    world.install_with(&only).await;
    let id = world.open("a").await;
    world.publish("a", &id, json!({ "type": "ChatStateEvent", "chatState": "GONE" })).await;
    world.publish("a", &id, text("first")).await;
    let (place, request, _) = world.webhook().await;
    assert_eq!(
        (place.as_str(), &request.headers["x-short"]),
        ("content", &http::HeaderValue::from_static("1"))
    );
}

#[tokio::test]
async fn an_agents_choices_are_rich_content_or_text() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let choices =
        vec![Choice { action: Action::Reply { text: "Morning".to_owned() }, postback: "am".to_owned() }];
    let body = Body::Choice { text: "When?".to_owned(), choices };
    world.reply(&id, Content::from_body(body.clone())).await;
    let rich = at(&mut world, "rich").await["body"]["changes"][0]["event"].clone();
    assert_eq!((&rich["type"], &rich["content"]["type"]), (&json!("RichContentEvent"), &json!("vertical")));
    let button = json!({ "type": "button", "title": "Morning", "click": {
        "actions": [{ "type": "publishText", "text": "Morning" }], "metadata": [{ "type": "ExternalId", "id": "am" }] } });
    assert_eq!(rich["content"]["elements"], json!([{ "type": "text", "text": "When?" }, button]));
    let mut plain = manifest();
    plain["capabilities"]["webhooks"]
        .as_object_mut()
        .unwrap()
        .remove("ms.MessagingEventNotification.RichContentEvent");
    world.install_with(&plain).await;
    world.reply(&id, Content::from_body(body)).await;
    let text = at(&mut world, "content").await["body"]["changes"][0]["event"].clone();
    assert_eq!((&text["type"], &text["contentType"]), (&json!("ContentEvent"), &json!("text/plain")));
    assert!(text["message"].as_str().unwrap().contains("Morning"), "{text}");
}

fn dead_letters(events: &[domain::event::Event]) -> usize {
    events.iter().filter(|event| matches!(event.fact, Fact::DeadLetter { .. })).count()
}

/// Retry by count: 30 seconds apart, `max_retries` times, then given up. Reference 12.5.
#[tokio::test]
async fn a_failed_webhook_is_repeated_by_count_with_the_same_bytes() {
    let mut world = world().await;
    world.install().await;
    world.subscriber.status.store(500, Ordering::SeqCst);
    world.open("a").await;
    let (_, first, _) = world.webhook().await;
    for attempt in 1..=3 {
        world.held_back(attempt).await;
        world.clock.advance_ms(29_999);
        tokio::task::yield_now().await;
        assert!(world.webhooks.try_recv().is_err(), "not before 30 s");
        world.clock.advance_ms(1);
        let (_, again, _) = world.webhook().await;
        assert_eq!((&again.body, &again.headers), (&first.body, &first.headers));
    }
    for _ in 0..100_000 {
        let events = world.engine.events(tenant(1), 0, 1_000).await.unwrap();
        if dead_letters(&events) == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it was not given up");
}

/// Retry by time to live: 2, 4, 8, … s apart, in order within the conversation. Reference 12.6.
#[tokio::test]
async fn with_a_retention_time_webhooks_wait_and_come_in_order() {
    let mut world = world().await;
    let mut patient = manifest();
    patient["capabilities"]["webhooks"]["retry"] = json!({ "retention_time": 7200 });
    world.install_with(&patient).await;
    world.subscriber.status.store(503, Ordering::SeqCst);
    let id = world.open("a").await;
    world.webhook().await;
    world.held_back(1).await;
    world.publish("a", &id, text("one")).await;
    world.publish("a", &id, text("two")).await;
    for (attempt, wait_ms) in [(2, 2_000), (3, 4_000), (4, 8_000)] {
        world.clock.advance_ms(wait_ms);
        assert_eq!(world.webhook().await.0, "cqm", "the first of the conversation stays first");
        world.held_back(attempt).await;
    }
    world.subscriber.status.store(201, Ordering::SeqCst);
    world.clock.advance_ms(16_000);
    assert_eq!(world.webhook().await.0, "cqm");
    for words in ["one", "two"] {
        assert_eq!(world.webhook().await.2["body"]["changes"][0]["event"], text(words));
    }
}

/// "200 or 201 only": other answers are failures. Reference 12.4.
#[tokio::test]
async fn only_200_and_201_are_delivered() {
    for status in [202, 204, 302, 404] {
        let mut world = world().await;
        world.install().await;
        world.subscriber.status.store(status, Ordering::SeqCst);
        world.open("a").await;
        world.webhook().await;
        world.held_back(1).await;
    }
}

#[tokio::test]
async fn an_installation_hears_nothing_of_a_person_who_writes_over_another_channel() {
    let mut world = world().await;
    world.install().await;
    let app = world.engine.directory().apps().find(|app| app.tenant == tenant(1)).unwrap().id;
    for source in ["first", "second"] {
        let over_sms = Receive {
            tenant: tenant(1),
            app,
            face: Face::Provider,
            from: Address::new("SMS", "46700000001"),
            app_scoped: false,
            person: Person::default(),
            source_id: source.to_owned(),
            content: Content::text(source),
            reply_to: None,
            conversation: None,
            metadata: String::new(),
        };
        world.engine.execute(over_sms).await.unwrap();
    }
    let id = world.open("a").await;
    let (place, _, opened) = world.webhook().await;
    assert_eq!((place.as_str(), &opened["body"]["changes"][0]["result"]["convId"]), ("cqm", &json!(id)));
}
