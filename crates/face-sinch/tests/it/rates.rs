//! The vendor's published rates: what a second holds, the refusal beyond it, and that they are off unless asked for.

use domain::event::Fact;
use face_sinch::{Rates, Settings};
use http::StatusCode;
use serde_json::json;

use crate::world::{Answer, World, app, basic, plain, tenant, with, world, world_of};

async fn limited(rates: Rates) -> World {
    world_of(Settings { rates, ..Settings::new([9; 32]) }).await
}

fn is_exhausted(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "1");
    let error = &answer.body["error"];
    assert_eq!((&error["code"], &error["status"]), (&json!(429), &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(error["details"], json!([]));
}

async fn get_as(world: &World, number: u128) -> Answer {
    let path = format!("/v1/projects/{}/apps", tenant(number).uuid());
    let key = basic(&format!("key-{number}"), "s3cret");
    world.call("GET", &path, &[("authorization", &key)], String::new()).await
}

#[test]
fn the_vendors_rates_are_800_requests_and_20_sends_a_second() {
    let Rates { requests_per_second, sends_per_second_per_app, callbacks_per_second_per_app } = Rates::VENDOR;
    assert_eq!((requests_per_second, sends_per_second_per_app, callbacks_per_second_per_app), (800, 20, 25));
}

#[tokio::test]
async fn a_project_has_so_many_requests_a_second() {
    let world = limited(Rates { requests_per_second: 800, ..Rates::default() }).await;
    for _ in 0..800 {
        assert_eq!(get_as(&world, 1).await.status, StatusCode::OK);
    }
    is_exhausted(&get_as(&world, 1).await);
    assert_eq!(get_as(&world, 2).await.status, StatusCode::OK, "the other project has its own");
    world.clock.advance_ms(1_000);
    assert_eq!(get_as(&world, 1).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_app_has_so_many_sends_a_second_and_a_refused_one_leaves_nothing() {
    let world = limited(Rates { sends_per_second_per_app: 20, ..Rates::default() }).await;
    for _ in 0..20 {
        assert_eq!(world.send(plain()).await.status, StatusCode::OK);
    }
    is_exhausted(&world.send(plain()).await);
    assert_eq!(world.said(|fact| matches!(fact, Fact::MessageSubmitted)), 20);
    let other_app = json!({"app_id": app(1, 3).ulid()});
    assert_eq!(world.send_with(other_app).await.status, StatusCode::OK, "the other app has its own");
    assert_eq!(world.get("apps").await.status, StatusCode::OK, "reads are no sends");
    world.clock.advance_ms(50);
    assert_eq!(world.send(plain()).await.status, StatusCode::OK, "one comes back every 50 ms");
    is_exhausted(&world.send(plain()).await);
}

#[tokio::test]
async fn requests_without_credentials_and_invalid_sends_use_nothing_up() {
    let rates = Rates { requests_per_second: 2, sends_per_second_per_app: 1, ..Rates::default() };
    let world = limited(rates).await;
    let path = format!("/v1/projects/{}/apps", tenant(1).uuid());
    for _ in 0..5 {
        assert_eq!(world.call("GET", &path, &[], String::new()).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(world.send(with(json!({"ttl": "1s"}))).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.send(plain()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_repeat_under_a_key_is_no_further_send() {
    let world = limited(Rates { sends_per_second_per_app: 1, ..Rates::default() }).await;
    let path = format!("/v1/projects/{}/messages:send", tenant(1).uuid());
    let key = basic("key-1", "s3cret");
    let headers = [("authorization", key.as_str()), ("idempotency-key", "once")];
    for _ in 0..3 {
        assert_eq!(world.call("POST", &path, &headers, plain().to_string()).await.status, StatusCode::OK);
    }
    is_exhausted(&world.send(plain()).await);
}

#[tokio::test]
async fn without_them_there_is_no_limit() {
    let world = world().await;
    for _ in 0..1_000 {
        assert_eq!(get_as(&world, 1).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn callbacks_to_an_app_beyond_its_rate_wait_and_come() {
    let world = limited(Rates { callbacks_per_second_per_app: 2, ..Rates::default() }).await;
    world.hears(1, &["MESSAGE_INBOUND"]).await;
    for person in 1..=5 {
        world.writes(1, &format!("467011{person}"), "hello").await;
    }
    for told in [2, 3, 4, 5] {
        assert_eq!(world.told(told).await.len(), told);
        world.clock.advance_ms(500);
    }
}
