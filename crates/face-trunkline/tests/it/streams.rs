//! Nothing is left out and nothing told twice: pages, long polls and the stream under load and across a restart.

use axum::body::Body;
use domain::command::admin::PutSubscription;
use domain::command::server::log_name;
use domain::id::Id;
use domain::subscription::Subscription;
use engine::domain;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{MemoryStore, Subscriber};
use tower::ServiceExt as _;

use crate::{ONE, TWO, ask, call, found, get, open, send};

/// Ids of one tenant's events, as the store keeps them.
fn kept(store: &MemoryStore) -> Vec<String> {
    let own = store.all_events().into_iter().filter(|event| event.tenant == ONE);
    own.map(|event| event.id.ulid()).collect()
}

fn ids(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn long_polls_and_the_stream_give_every_event_once_while_many_are_sent() {
    let store = MemoryStore::new();
    let (engine, router) = open(store.clone(), Subscriber::default(), 7).await;
    for tenant in [ONE, TWO] {
        found(&engine, tenant).await;
    }
    let mut senders = tokio::task::JoinSet::new();
    for tenant in [ONE, TWO, ONE, TWO] {
        let engine = engine.clone();
        senders.spawn(async move {
            for _ in 0..25 {
                send(&engine, tenant, "load").await;
            }
        });
    }
    let poller = tokio::spawn({
        let router = router.clone();
        async move {
            let (mut seen, mut after) = (Vec::new(), String::new());
            // 50 messages of one tenant: contact, conversation, and three events each at least.
            while seen.iter().filter(|kind| *kind == "delivery_changed").count() < 50 {
                let path = format!("/trunkline/v1/events?limit=7&wait_s=30&after={after}");
                let (_, page) = get(&router, "key-1", &path).await;
                after = page["next"].as_str().unwrap().to_owned();
                let events = page["events"].as_array().unwrap().iter();
                seen.extend(events.map(|event| event["kind"].as_str().unwrap().to_owned()));
            }
            seen.len()
        }
    });
    let response = ask(&router, "key-1", "/trunkline/v1/events", "text/event-stream").await;
    let mut body = response.into_body();
    senders.join_all().await;
    let expected = kept(&store);
    let mut told = String::new();
    while told.matches("event: event").count() < expected.len() || !told.ends_with("\n\n") {
        let frame = body.frame().await.unwrap().unwrap();
        told += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    let data = told.lines().filter_map(|line| line.strip_prefix("data: "));
    let streamed: Vec<String> = data
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(streamed, expected);
    assert_eq!(poller.await.unwrap(), expected.len());
}

#[tokio::test]
async fn a_cursor_goes_on_after_a_restart() {
    let store = MemoryStore::new();
    let (engine, router) = open(store.clone(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    send(&engine, ONE, "before").await;
    let (_, first) = get(&router, "key-1", "/trunkline/v1/events?limit=500").await;
    engine.shutdown().await;
    let (engine, router) = open(store.clone(), Subscriber::default(), 8).await;
    send(&engine, ONE, "after").await;
    let path = format!("/trunkline/v1/events?limit=500&after={}", first["next"].as_str().unwrap());
    let (_, rest) = get(&router, "key-1", &path).await;
    let told = [ids(&first), ids(&rest)].concat();
    assert_eq!(told, kept(&store));
}

#[tokio::test]
async fn a_cursor_of_the_log_before_a_restore_is_refused_wherever_it_is_given() {
    let store = MemoryStore::new();
    let (engine, router) = open(store.clone(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    send(&engine, ONE, "before").await;
    let (_, first) = get(&router, "key-1", "/trunkline/v1/events?limit=500").await;
    let cursor = first["next"].as_str().unwrap();
    engine.shutdown().await;
    // As a restore does.
    store.forget(&log_name());
    let (engine, router) = open(store.clone(), Subscriber::default(), 8).await;
    let subscription = testkit::samples::subscription(Id(9), ONE, "");
    let put = PutSubscription { subscription: Subscription { number: 0, ..subscription }, from: 0 };
    let subscription = engine.execute(put).await.unwrap().id.ulid();
    let refused = |(status, body): (StatusCode, Value)| {
        assert_eq!((status, &body["error"]["code"]), (StatusCode::GONE, &json!("other_log")), "{body}");
    };
    let own = format!("/trunkline/v1/subscriptions/{subscription}");
    for path in ["/trunkline/v1/events".to_owned(), format!("{own}/events"), format!("{own}/callbacks")] {
        refused(get(&router, "key-1", &format!("{path}?after={cursor}")).await);
    }
    for member in ["after", "until"] {
        let order = json!({ member: cursor }).to_string();
        refused(call(&router, Method::POST, &format!("{own}/replay"), &order).await);
    }
    let stream = Request::get("/trunkline/v1/events").header("authorization", "Bearer key-1");
    let stream = stream.header("accept", "text/event-stream").header("last-event-id", cursor);
    let response = router.clone().oneshot(stream.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GONE);
    let (_, again) = get(&router, "key-1", "/trunkline/v1/events?limit=500").await;
    assert!(ids(&again).starts_with(&ids(&first)), "what happened before has the ids that it had");
}
