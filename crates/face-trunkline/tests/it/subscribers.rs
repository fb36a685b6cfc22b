//! Subscribers as this face tells of them: callbacks in timelines, where each stands, what one should have had.

use bytes::Bytes;
use domain::command::admin::PutSubscription;
use domain::content::Face;
use domain::event::{Event, Fact};
use domain::id::{Id, SubscriptionId, TenantId};
use domain::subscription::Subscription;
use domain::time::Time;
use engine::{Dialect, Engine, Facts, Patience, Rendered, Seal, Verdict, domain};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use testkit::{MemoryStore, Subscriber};

use crate::{ONE, TWO, found, get, open, send};

/// A dialect that hears what happens to messages and says so in few words; 500 waits, 400 gives up.
pub struct Plain;

impl Dialect for Plain {
    fn face(&self) -> Face {
        Face::Sinch
    }

    fn hears(&self, subscription: &Subscription, event: &Event) -> bool {
        subscription.enabled && matches!(event.fact, Fact::MessageSubmitted | Fact::DeliveryChanged(_))
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let said = if facts.event.fact == Fact::MessageSubmitted { "submitted" } else { "moved" };
        let body = json!({ "said": said, "text": facts.content.is_some() }).to_string();
        Some(Rendered { body: Bytes::from(body), target: None, headers: HeaderMap::new() })
    }

    fn seal(&self, _: &Seal<'_>) -> HeaderMap {
        HeaderMap::new()
    }

    fn verdict(&self, status: u16) -> Verdict {
        match status {
            200 => Verdict::Delivered,
            400 => Verdict::GiveUp,
            _ => Verdict::Again,
        }
    }

    fn patience(&self, _: &Subscription) -> Patience {
        Patience {
            delays_ms: vec![60_000],
            give_up_after_ms: 600_000,
            tries_max: 2,
            timeout_ms: 1_000,
            per_second_per_app: 0,
        }
    }
}

async fn subscribed(engine: &Engine, tenant: TenantId) -> SubscriptionId {
    let id = SubscriptionId(engine.new_id());
    let subscription = Subscription {
        id,
        tenant,
        app: None,
        number: 0,
        dialect: Face::Sinch,
        carries: None,
        target: "https://hooks.example.org/".to_owned(),
        secret: "never shown".to_owned(),
        triggers: vec!["ALL".to_owned()],
        settings: String::new(),
        enabled: true,
        parallel: false,
        previous: None,
        created_at: Time(0),
    };
    let from = engine.position();
    engine.execute(PutSubscription { subscription, from }).await.unwrap();
    id
}

/// The states of all callbacks in a message's timeline, in order.
async fn states(router: &axum::Router, id: &str) -> Vec<Value> {
    let (_, entries) = get(router, "key-1", &format!("/trunkline/v1/messages/{id}/timeline")).await;
    let callbacks = entries.as_array().unwrap().iter().filter_map(|entry| entry["callbacks"].as_array());
    callbacks.flatten().cloned().collect()
}

/// Waits until the timeline says so; the log's head moves whenever a cursor is saved or a callback given up.
async fn until_states(router: &axum::Router, id: &str, expected: &[&str]) -> Vec<Value> {
    let looking = async {
        loop {
            let states = states(router, id).await;
            if states.iter().map(|one| one["state"].as_str().unwrap()).eq(expected.iter().copied()) {
                return states;
            }
            tokio::task::yield_now().await;
        }
    };
    let bound = std::time::Duration::from_secs(30);
    tokio::time::timeout(bound, looking).await.expect("the states come")
}

#[tokio::test]
async fn a_timeline_says_what_became_of_each_callback() {
    let subscriber = Subscriber::default();
    let (engine, router) = open(MemoryStore::new(), subscriber.clone(), 7).await;
    found(&engine, ONE).await;
    let id = subscribed(&engine, ONE).await;
    let message = send(&engine, ONE, "hello").await.ulid();
    let states = until_states(&router, &message, &["delivered", "delivered"]).await;
    let tries = json!([{"at": "2023-11-14T22:13:20.000Z", "took_ms": 0, "status": 200}]);
    let target = "https://hooks.example.org/";
    let expected = json!({"subscription": id.ulid(), "target": target, "state": "delivered", "tries": tries});
    assert_eq!(states[0], expected);
    subscriber.will(&[500]);
    let message = send(&engine, ONE, "hello").await.ulid();
    let states = until_states(&router, &message, &["retrying", "waiting"]).await;
    assert_eq!(
        (&states[0]["attempts"], &states[0]["next_at"]),
        (&json!(1), &json!("2023-11-14T22:14:20.000Z"))
    );
}

#[tokio::test]
async fn subscriptions_are_listed_with_where_they_stand_and_without_their_secrets() {
    let subscriber = Subscriber::default();
    subscriber.will(&[500]);
    let (engine, router) = open(MemoryStore::new(), subscriber, 7).await;
    found(&engine, ONE).await;
    let id = subscribed(&engine, ONE).await;
    let message = send(&engine, ONE, "hello").await.ulid();
    until_states(&router, &message, &["retrying", "waiting"]).await;
    let (status, listed) = get(&router, "key-1", "/trunkline/v1/subscriptions").await;
    assert_eq!(status, StatusCode::OK);
    let one = &listed["subscriptions"][0];
    assert_eq!(
        (&one["id"], &one["dialect"], &one["enabled"]),
        (&json!(id.ulid()), &json!("sinch"), &json!(true))
    );
    assert_eq!((&one["parked"][0]["attempts"], one["parked"].as_array().unwrap().len()), (&json!(1), 1));
    assert!(!listed.to_string().contains("never shown"));
}

#[tokio::test]
async fn what_a_subscriber_should_have_had_is_told_from_any_cursor_on() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let id = subscribed(&engine, ONE).await.ulid();
    for words in ["a", "b", "c"] {
        send(&engine, ONE, words).await;
    }
    let path = format!("/trunkline/v1/subscriptions/{id}/events");
    let (_, whole) = get(&router, "key-1", &path).await;
    let all = whole["events"].as_array().unwrap();
    let said: Vec<&str> = all.iter().map(|one| one["callback"]["body"]["said"].as_str().unwrap()).collect();
    assert_eq!(said, ["submitted", "moved", "submitted", "moved", "submitted", "moved"]);
    assert_eq!(all[0]["callback"]["target"], json!("https://hooks.example.org/"));
    assert_eq!(whole["at_end"], json!(true));
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let (_, page) = get(&router, "key-1", &format!("{path}?limit=2&after={after}")).await;
        paged.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].as_str().unwrap().to_owned();
        if page["at_end"] == json!(true) {
            break;
        }
    }
    assert_eq!(paged, *all, "pages of any size give the same");
    let since = all[3]["cursor"].as_str().unwrap();
    let (_, rest) = get(&router, "key-1", &format!("{path}?after={since}")).await;
    assert_eq!(rest["events"].as_array().unwrap()[..], all[4..]);
}

#[tokio::test]
async fn another_tenants_subscription_is_as_absent_as_none() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    for tenant in [ONE, TWO] {
        found(&engine, tenant).await;
    }
    let id = subscribed(&engine, ONE).await.ulid();
    let path = |id: &str| format!("/trunkline/v1/subscriptions/{id}/events");
    let theirs = get(&router, "key-2", &path(&id)).await;
    assert_eq!(theirs.0, StatusCode::NOT_FOUND);
    assert_eq!(theirs, get(&router, "key-2", &path(&Id(5).ulid())).await);
    assert_eq!(theirs, get(&router, "key-2", &path("nonsense")).await);
    let (_, listed) = get(&router, "key-2", "/trunkline/v1/subscriptions").await;
    assert_eq!(listed["subscriptions"], json!([]));
}
