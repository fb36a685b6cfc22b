//! `Idempotency-Key` on the changes that are not the same when they are made twice.

use axum::Router;
use axum::body::Body;
use domain::record::{Kind, Record};
use engine::domain;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{MemoryStore, Subscriber};
use tower::ServiceExt as _;

use crate::{ONE, TWO, call, found, get, open, send};

const PATH: &str = "/trunkline/v1/subscriptions";

/// A POST under a key. Status and bytes.
async fn post_as(router: &Router, caller: &str, key: &str, path: &str, body: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::post(path).header("authorization", format!("Bearer {caller}"));
    let request = request.header("idempotency-key", key).body(Body::from(body.to_owned())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

async fn post(router: &Router, key: &str, path: &str, body: &str) -> (StatusCode, Vec<u8>) {
    post_as(router, "key-1", key, path, body).await
}

fn read((_, body): &(StatusCode, Vec<u8>)) -> Value {
    serde_json::from_slice(body).unwrap()
}

async fn subscriptions(router: &Router) -> usize {
    get(router, "key-1", PATH).await.1["subscriptions"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_subscription_is_made_once_under_a_key_and_answered_alike_across_a_restart() {
    let store = MemoryStore::new();
    let (engine, router) = open(store.clone(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let first = post(&router, "k", PATH, r#"{"target": "https://a.example/", "parallel": true}"#).await;
    assert_eq!(first.0, StatusCode::CREATED);
    assert!(read(&first)["secret"].as_str().unwrap().starts_with("whsec_"));
    let again = r#"{ "parallel":true, "target":"https://a.example/" }"#;
    assert_eq!(post(&router, "k", PATH, again).await, first);
    engine.shutdown().await;
    let (_engine, router) = open(store.clone(), Subscriber::default(), 8).await;
    assert_eq!(post(&router, "k", PATH, again).await, first);
    assert_eq!(subscriptions(&router).await, 1);
    let (_, shown) = get(&router, "key-1", &format!("{PATH}/{}", read(&first)["id"].as_str().unwrap())).await;
    assert_eq!((&shown["target"], &shown["parallel"]), (&json!("https://a.example/"), &json!(true)));
}

#[tokio::test]
async fn of_two_requests_at_once_one_makes_the_subscription() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let body = r#"{"target": "https://a.example/"}"#;
    let (one, other) = tokio::join!(post(&router, "k", PATH, body), post(&router, "k", PATH, body));
    assert_eq!(one, other);
    assert_eq!(subscriptions(&router).await, 1);
}

#[tokio::test]
async fn a_key_with_another_request_is_refused_and_another_tenant_has_keys_of_its_own() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    found(&engine, TWO).await;
    let body = r#"{"target": "https://a.example/"}"#;
    let made = read(&post(&router, "k", PATH, body).await);
    let secret = format!("{PATH}/{}/secret", made["id"].as_str().unwrap());
    for (path, other) in [(PATH, r#"{"target": "https://b.example/"}"#), (&secret, "{}")] {
        let refused = post(&router, "k", path, other).await;
        assert_eq!(refused.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(read(&refused)["error"]["code"], "idempotency_key_reused");
    }
    let unusable = post(&router, " ", PATH, body).await;
    assert_eq!(
        (unusable.0, &read(&unusable)["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("bad_idempotency_key"))
    );
    let theirs = post_as(&router, "key-2", "k", PATH, body).await;
    assert_eq!(theirs.0, StatusCode::CREATED);
    assert_ne!(read(&theirs)["id"], made["id"]);
}

#[tokio::test]
async fn a_repeat_is_answered_although_the_tenant_has_as_many_subscriptions_as_it_may() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let body = r#"{"target": "https://a.example/"}"#;
    let mut last = (StatusCode::OK, Vec::new());
    for number in 0..50 {
        last = post(&router, &format!("k{number}"), PATH, body).await;
    }
    assert_eq!(post(&router, "k49", PATH, body).await, last);
    assert_eq!(post(&router, "k50", PATH, body).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_secret_is_replaced_once_under_a_key_and_kept_nowhere_in_the_open() {
    let store = MemoryStore::new();
    let (engine, router) = open(store.clone(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let made = post(&router, "make", PATH, r#"{"target": "https://a.example/"}"#).await;
    let own = format!("{PATH}/{}/secret", read(&made)["id"].as_str().unwrap());
    let replaced = post(&router, "replace", &own, "").await;
    assert_eq!(post(&router, "replace", &own, "{}").await, replaced);
    assert_ne!(read(&replaced)["secret"], read(&made)["secret"]);
    assert_eq!(post(&router, "make", PATH, r#"{"target": "https://a.example/"}"#).await, made);
    // A third secret: the first is good for nothing any more, and shown no more.
    assert_eq!(call(&router, Method::POST, &own, "{}").await.0, StatusCode::OK);
    let late = post(&router, "make", PATH, r#"{"target": "https://a.example/"}"#).await;
    assert_eq!((late.0, &read(&late)["secret"]), (StatusCode::CREATED, &Value::Null));
    let rows = kept_answers(&store);
    for answer in [&made, &replaced] {
        let secret = read(answer)["secret"].as_str().unwrap().to_owned();
        assert!(rows.iter().all(|body| !body.contains(&secret)));
    }
    assert_eq!(rows.len(), 2);
}

/// Bodies of all kept answers.
fn kept_answers(store: &MemoryStore) -> Vec<String> {
    let rows = store.all_rows(Kind::Once).into_iter().filter_map(|row| row.record);
    rows.filter_map(|record| match record {
        Record::Once(once) => Some(String::from_utf8(once.body.clone()).unwrap()),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn callbacks_are_told_again_once_under_a_key() {
    let subscriber = Subscriber::default();
    let (engine, router) = open(MemoryStore::new(), subscriber.clone(), 7).await;
    found(&engine, ONE).await;
    let body = r#"{"target": "https://a.example/", "triggers": ["message_submitted"]}"#;
    let (_, made) = call(&router, Method::POST, PATH, body).await;
    send(&engine, ONE, "hello").await;
    until_got(&subscriber, 1).await;
    let replay = format!("{PATH}/{}/replay", made["id"].as_str().unwrap());
    let first = post(&router, "again", &replay, "{}").await;
    assert_eq!((first.0, &read(&first)["callbacks"]), (StatusCode::OK, &json!(1)));
    until_got(&subscriber, 2).await;
    assert_eq!(post(&router, "again", &replay, "{}").await, first);
    send(&engine, ONE, "more").await;
    until_got(&subscriber, 3).await;
    let got = subscriber.got.all();
    let told: Vec<Value> = got.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect();
    let ids: Vec<&Value> = told.iter().map(|one| &one["data"]["id"]).collect();
    assert!(ids.len() == 3 && ids[0] == ids[1] && ids[2] != ids[0], "{ids:?}");
}

async fn until_got(subscriber: &Subscriber, count: usize) {
    for _ in 0..100_000 {
        if subscriber.got.all().len() >= count {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{count} callbacks did not come");
}
