//! This face over an engine in memory: walls, timelines, cursors, long polls and the stream.
//!
//! Messages go to the API channel, which nobody listens on, so that a delivery ends without any provider.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod files;
mod manage;
mod once;
mod streams;
mod subscribers;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use domain::app::{App, ChannelAccount, ProcessingMode};
use domain::channel::{Address, Channel};
use domain::command::admin::{CreateTenant, PutApp, PutCredential};
use domain::command::send::{Recipient, Send};
use domain::content::{Content, Face};
use domain::delivery::{Priority, Status};
use domain::id::{AppId, Id, KeyId, MessageId, TenantId};
use domain::message::Message;
use domain::tenant::{Credential, Tenant};
use domain::time::Time;
use engine::{Engine, Ids, Limits, Parts, domain};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testkit::{FakeClock, MemoryFiles, MemoryStore, NoWayOut, Subscriber};
use tower::ServiceExt as _;

use crate::subscribers::Plain;

const ONE: TenantId = TenantId(Id(1));
const TWO: TenantId = TenantId(Id(2));

/// An engine with two tenants, whose keys are `key-1` and `key-2`, and an app each.
async fn house() -> (Engine, Router) {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    for tenant in [ONE, TWO] {
        found(&engine, tenant).await;
    }
    (engine, router)
}

/// An engine over a store as it stands.
async fn open(store: MemoryStore, subscriber: Subscriber, seed: u64) -> (Engine, Router) {
    open_at(FakeClock::at(Time(1_700_000_000_000)), store, subscriber, seed).await
}

/// The same by a clock that the test moves.
async fn open_at(
    clock: FakeClock,
    store: MemoryStore,
    subscriber: Subscriber,
    seed: u64,
) -> (Engine, Router) {
    let store = Arc::new(store);
    let parts = Parts {
        store: store.clone(),
        reads: store.clone(),
        claims: store,
        files: Arc::new(MemoryFiles::default()),
        inspect: Arc::new(testkit::Believing),
        clock: Arc::new(clock),
        ids: Arc::new(Ids::new(seed)),
        channels: Vec::new(),
        dialects: vec![Arc::new(Plain), face_trunkline::dialect()],
        provider_http: Arc::new(NoWayOut),
        callback_http: Arc::new(subscriber),
        links: engine::FileLinks::new(Arc::from("http://localhost"), [0; 32]),
        limits: Limits::default(),
    };
    let engine = Engine::start(parts).await.unwrap();
    let router = face_trunkline::router(engine.clone());
    (engine, router)
}

async fn found(engine: &Engine, id: TenantId) {
    let name = id.0.0.to_string();
    let tenant =
        Tenant { id, name: name.clone(), account_number: 0, site_id: String::new(), disabled: false };
    engine.execute(CreateTenant(tenant)).await.unwrap();
    let credential = Credential {
        id: KeyId(id.0),
        tenant: id,
        face: Face::Trunkline,
        app: None,
        agent: None,
        public: hex::encode(Sha256::digest(format!("key-{name}"))),
        secret_digest: [0; 32],
        secret: None,
        name: String::new(),
        revoked: false,
    };
    engine.execute(PutCredential(credential)).await.unwrap();
    let api =
        ChannelAccount { channel: Channel::new(Channel::API), account: String::new(), settings: Vec::new() };
    let app = App {
        id: AppId(id.0),
        tenant: id,
        number: 0,
        name: String::new(),
        identifier: name,
        mode: ProcessingMode::Conversation,
        dispatch_retention_days: 0,
        channels: vec![api],
        unknown_policy: None,
        override_callback_secret: None,
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: 1_000,
        patience: Default::default(),
    };
    engine.execute(PutApp(app)).await.unwrap();
}

/// Sends a text and waits until it is handed over.
async fn send(engine: &Engine, tenant: TenantId, words: &str) -> MessageId {
    let send = Send {
        tenant,
        app: AppId(tenant.0),
        recipient: Recipient::Identities(vec![(Address::new(Channel::API, "somebody"), false)]),
        content: Content::text(words),
        order: Vec::new(),
        callback_url: None,
        metadata: String::new(),
        conversation_metadata: None,
        correlation_id: None,
        priority: Priority::Normal,
        ttl_s: None,
        dispatch_only: false,
        class: Default::default(),
        shown_agent: String::new(),
    };
    let sent = engine.execute(send).await.unwrap().message;
    let mut head = engine.head();
    loop {
        head.mark_unchanged();
        let message = engine.get::<Message>(tenant, sent.0).await.unwrap().unwrap();
        if message.status() == Status::HandedOver {
            return sent;
        }
        head.changed().await.unwrap();
    }
}

async fn ask(router: &Router, key: &str, path: &str, accept: &str) -> Response {
    let request =
        Request::get(path).header("authorization", format!("Bearer {key}")).header("accept", accept);
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Asks with a body, empty for none.
async fn call(router: &Router, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("authorization", "Bearer key-1");
    let response = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(router: &Router, key: &str, path: &str) -> (StatusCode, Value) {
    let response = ask(router, key, path, "application/json").await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn kinds(entries: &Value) -> Vec<&str> {
    entries.as_array().unwrap().iter().filter_map(|entry| entry["kind"].as_str()).collect()
}

#[tokio::test]
async fn a_timeline_tells_decisions_attempts_and_events_in_order() {
    let (engine, router) = house().await;
    let id = send(&engine, ONE, "hello").await;
    let (status, entries) =
        get(&router, "key-1", &format!("/trunkline/v1/messages/{}/timeline", id.ulid())).await;
    assert_eq!(status, StatusCode::OK);
    let expected = ["message_submitted", "planned", "attempt_started", "accepted", "delivery_changed"];
    assert_eq!(kinds(&entries), expected);
    assert_eq!(entries[3]["text"], "attempt 1: API took the message");
    assert_eq!(entries[3]["channel"], "API");
    assert_eq!(entries[3]["attempt"], 1);
    assert_eq!(entries[3]["at"], "2023-11-14T22:13:20.000Z");
    assert_eq!(entries[4]["status"], "handed_over");
}

#[tokio::test]
async fn a_message_is_found_by_either_spelling_of_its_id() {
    let (engine, router) = house().await;
    let id = send(&engine, ONE, "hello").await;
    let (_, by_ulid) = get(&router, "key-1", &format!("/trunkline/v1/messages/{}", id.ulid())).await;
    let (_, by_uuid) = get(&router, "key-1", &format!("/trunkline/v1/messages/{}", id.uuid())).await;
    assert_eq!(by_ulid, by_uuid);
    assert_eq!((&by_ulid["text"], &by_ulid["status"]), (&json!("hello"), &json!("handed_over")));
}

#[tokio::test]
async fn another_tenants_message_is_as_absent_as_none() {
    let (engine, router) = house().await;
    let id = send(&engine, ONE, "secret").await;
    for tail in ["", "/timeline"] {
        let theirs = get(&router, "key-2", &format!("/trunkline/v1/messages/{}{tail}", id.ulid())).await;
        let nobodys = get(&router, "key-2", &format!("/trunkline/v1/messages/{}{tail}", Id(5).ulid())).await;
        let no_id = get(&router, "key-2", &format!("/trunkline/v1/messages/nonsense{tail}")).await;
        assert_eq!(theirs.0, StatusCode::NOT_FOUND);
        assert_eq!(theirs, nobodys);
        assert_eq!(theirs, no_id);
    }
    let (_, page) = get(&router, "key-2", "/trunkline/v1/events").await;
    assert_eq!(page["events"], json!([]));
}

#[tokio::test]
async fn a_wrong_key_opens_nothing() {
    let (_engine, router) = house().await;
    let paths = ["messages/x", "messages/x/timeline", "events", "subscriptions", "subscriptions/x/events"];
    for path in paths.map(|path| format!("/trunkline/v1/{path}")) {
        let (status, body) = get(&router, "key-3", &path).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthorized")));
    }
}

#[tokio::test]
async fn pages_of_any_size_give_every_own_event_once() {
    let (engine, router) = house().await;
    for words in ["a", "b", "c"] {
        send(&engine, ONE, words).await;
        send(&engine, TWO, words).await;
    }
    let (_, whole) = get(&router, "key-1", "/trunkline/v1/events?limit=500").await;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let (_, page) = get(&router, "key-1", &format!("/trunkline/v1/events?limit=2&after={after}")).await;
        after = page["next"].as_str().unwrap().to_owned();
        match page["events"].as_array().unwrap() {
            events if events.is_empty() => break,
            events => found.extend(events.clone()),
        }
    }
    assert_eq!(whole["events"], Value::Array(found.clone()));
    assert_eq!(kinds(&whole["events"]).iter().filter(|kind| **kind == "message_submitted").count(), 3);
    assert_eq!(found.last().unwrap()["cursor"], whole["next"]);
}

#[tokio::test]
async fn a_long_poll_is_woken_by_an_event_and_not_by_another_tenants() {
    let (engine, router) = house().await;
    let path = "/trunkline/v1/events?wait_s=30";
    let polling = tokio::spawn(async move { get(&router, "key-1", path).await });
    send(&engine, TWO, "theirs").await;
    assert!(!polling.is_finished());
    send(&engine, ONE, "ours").await;
    let (status, page) = polling.await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(!page["events"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_stream_tells_events_as_they_come() {
    let (engine, router) = house().await;
    let response = ask(&router, "key-1", "/trunkline/v1/events", "text/event-stream").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    send(&engine, ONE, "hello").await;
    let mut told = String::new();
    while !told.contains("handed_over") {
        let frame = body.frame().await.unwrap().unwrap();
        told += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    assert!(
        told.contains("message_submitted") && told.contains("id:") && told.contains("event: event"),
        "{told}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_hint() {
    let (_engine, router) = house().await;
    let edges =
        ["limit=0", "limit=501", "limit=x", "wait_s=31", "after=???", "after=MTo5OTk5OTk5OTk5OTk5OTk5OTk5OQ"];
    for query in edges {
        let (status, body) = get(&router, "key-1", &format!("/trunkline/v1/events?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(body["error"]["hint"].is_string() && body["error"]["message"].is_string());
    }
    for query in ["limit=1", "limit=500", "wait_s=0"] {
        let (status, _) = get(&router, "key-1", &format!("/trunkline/v1/events?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
    }
}

#[tokio::test]
async fn every_described_path_is_a_route() {
    let (_engine, router) = house().await;
    let (status, described) = get(&router, "none", "/trunkline/v1/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    let paths: Vec<&String> = described["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 11);
    for path in paths {
        // A route that exists refuses the method; one that does not has nothing at all.
        let request = Request::builder().method(Method::PUT).uri(path.replace(['{', '}'], ""));
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    let (status, body) = get(&router, "key-1", "/trunkline/v1/nothing").await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("no_such_path")));
}
