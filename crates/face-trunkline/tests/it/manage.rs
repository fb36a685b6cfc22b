//! Subscriptions of our own, and what may be changed of any: made, switched off and on, given a new secret, told again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::{MemoryStore, Subscriber};

use crate::{ONE, call, found, get, open, send};

const PATH: &str = "/trunkline/v1/subscriptions";

async fn made(router: &axum::Router, body: &Value) -> Value {
    let (status, made) = call(router, Method::POST, PATH, &body.to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

fn path(made: &Value, rest: &str) -> String {
    format!("{PATH}/{}{rest}", made["id"].as_str().unwrap())
}

/// What the specification says: `v1,` and the Base64 of HMAC-SHA256 over id, timestamp and body.
fn signature(secret: &str, request: &engine::HttpRequest) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
    let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(signed).chain_update(&request.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn until_got(subscriber: &Subscriber, count: usize) -> Vec<engine::HttpRequest> {
    for _ in 0..100_000 {
        let got = subscriber.got.all();
        if got.len() >= count {
            return got;
        }
        tokio::task::yield_now().await;
    }
    panic!("{count} callbacks did not come");
}

#[tokio::test]
async fn callbacks_of_our_own_are_signed_as_standard_webhooks_says_and_keep_their_id() {
    let subscriber = Subscriber::default();
    let (engine, router) = open(MemoryStore::new(), subscriber.clone(), 7).await;
    found(&engine, ONE).await;
    let given = json!({"target": "https://hooks.example.org/", "triggers": ["message_submitted"]});
    let subscription = made(&router, &given).await;
    let secret = subscription["secret"].as_str().unwrap();
    let message = send(&engine, ONE, "hello").await;
    let first = &until_got(&subscriber, 1).await[0];
    assert_eq!(first.headers["webhook-signature"], signature(secret, first));
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["message"]),
        (&json!("message_submitted"), &json!(message.ulid()))
    );
    assert_eq!(body["data"]["message_now"]["text"], "hello");
    assert_eq!(first.headers["webhook-id"], body["data"]["id"].as_str().unwrap());
    let (_, listed) = get(&router, "key-1", PATH).await;
    assert!(!listed.to_string().contains(secret), "a secret is shown once");
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_one_before() {
    let subscriber = Subscriber::default();
    let (engine, router) = open(MemoryStore::new(), subscriber.clone(), 7).await;
    found(&engine, ONE).await;
    let given = json!({"target": "https://hooks.example.org/", "triggers": ["message_submitted"]});
    let subscription = made(&router, &given).await;
    let (status, changed) =
        call(&router, Method::POST, &path(&subscription, "/secret"), r#"{"overlap_s": 60}"#).await;
    assert_eq!(
        (status, &changed["previous_secret_until"]),
        (StatusCode::OK, &json!("2023-11-14T22:14:20.000Z"))
    );
    send(&engine, ONE, "hello").await;
    let first = &until_got(&subscriber, 1).await[0];
    let both = [&changed, &subscription].map(|one| signature(one["secret"].as_str().unwrap(), first));
    assert_eq!(first.headers["webhook-signature"], both.join(" "));
}

#[tokio::test]
async fn what_was_given_up_is_listed_with_its_tries_and_told_again() {
    let subscriber = Subscriber::default();
    let (engine, router) = open(MemoryStore::new(), subscriber.clone(), 7).await;
    found(&engine, ONE).await;
    let given = json!({"target": "https://hooks.example.org/", "triggers": ["message_submitted"]});
    let subscription = made(&router, &given).await;
    subscriber.will(&[410]);
    let message = send(&engine, ONE, "hello").await;
    until_got(&subscriber, 1).await;
    let callbacks = path(&subscription, "/callbacks");
    let listed = loop {
        let (_, page) = get(&router, "key-1", &callbacks).await;
        if page["callbacks"][0]["state"] == "given_up" {
            break page;
        }
        tokio::task::yield_now().await;
    };
    let one = &listed["callbacks"][0];
    assert_eq!((&one["message"], &one["tries"][0]["status"]), (&json!(message.ulid()), &json!(410)));
    let order = json!({"given_up": true}).to_string();
    let (status, done) = call(&router, Method::POST, &path(&subscription, "/replay"), &order).await;
    assert_eq!((status, &done["callbacks"], &done["at_end"]), (StatusCode::OK, &json!(1), &json!(true)));
    let got = until_got(&subscriber, 2).await;
    assert_eq!((&got[0].body, &got[0].headers["webhook-id"]), (&got[1].body, &got[1].headers["webhook-id"]));
}

#[tokio::test]
async fn a_subscription_is_switched_off_and_on_and_deleted() {
    let subscriber = Subscriber::default();
    let (engine, router) = open(MemoryStore::new(), subscriber.clone(), 7).await;
    found(&engine, ONE).await;
    let subscription = made(&router, &json!({"target": "https://hooks.example.org/"})).await;
    let own = path(&subscription, "");
    let (_, off) = call(&router, Method::PATCH, &own, r#"{"enabled": false}"#).await;
    assert_eq!(off["enabled"], json!(false));
    let refused = call(&router, Method::POST, &path(&subscription, "/replay"), "{}").await;
    assert_eq!((refused.0, &refused.1["error"]["code"]), (StatusCode::CONFLICT, &json!("switched_off")));
    send(&engine, ONE, "waits").await;
    assert!(subscriber.got.all().is_empty());
    let (_, on) = call(&router, Method::PATCH, &own, r#"{"enabled": true, "parallel": true}"#).await;
    assert_eq!((&on["enabled"], &on["parallel"]), (&json!(true), &json!(true)));
    until_got(&subscriber, 1).await;
    assert_eq!(call(&router, Method::DELETE, &own, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(get(&router, "key-1", &own).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_members_rule() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let subscription = made(&router, &json!({"target": "https://hooks.example.org/"})).await;
    let secret = path(&subscription, "/secret");
    let replay = path(&subscription, "/replay");
    for (path, body, code) in [
        (PATH, "", "bad_body"),
        (PATH, r#"{"target": "https://a.example", "colour": 1}"#, "bad_body"),
        (PATH, r#"{"target": "ftp://a.example"}"#, "bad_field"),
        (PATH, r#"{"target": "https://a.example", "triggers": ["nothing"]}"#, "bad_field"),
        (PATH, r#"{"target": "https://a.example", "triggers": []}"#, "bad_field"),
        (PATH, r#"{"target": "https://a.example", "secret": "short"}"#, "bad_field"),
        (PATH, r#"{"target": "https://a.example", "app": "00000000000000000000000009"}"#, "bad_field"),
        (&secret, r#"{"overlap_s": 604801}"#, "bad_field"),
        (&replay, r#"{"after": "?"}"#, "bad_cursor"),
        (&replay, r#"{"from": "yesterday"}"#, "bad_field"),
        (&replay, r#"{"message": "1"}"#, "bad_field"),
    ] {
        let (status, refused) = call(&router, Method::POST, path, body).await;
        assert_eq!((status, &refused["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(code)), "{body}");
    }
}

#[tokio::test]
async fn a_tenant_has_fifty_subscriptions_of_our_own_and_no_more() {
    let (engine, router) = open(MemoryStore::new(), Subscriber::default(), 7).await;
    found(&engine, ONE).await;
    let body = json!({"target": "https://hooks.example.org/"});
    for _ in 0..50 {
        made(&router, &body).await;
    }
    let (status, refused) = call(&router, Method::POST, PATH, &body.to_string()).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::CONFLICT, &json!("too_many")));
}
