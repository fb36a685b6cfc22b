//! `Idempotency-Key` on `messages:send`: the first answer again, byte for byte, or a refusal in the vendor's form.

use domain::event::Fact;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World, app, basic, plain, tenant, with, world};

const DAY_S: i64 = 24 * 3600;

async fn keyed(world: &World, number: u128, key: &str, body: String) -> Answer {
    let path = format!("/v1/projects/{}/messages:send", tenant(number).uuid());
    let credentials = basic(&format!("key-{number}"), "s3cret");
    let headers = [("authorization", credentials.as_str()), ("idempotency-key", key)];
    world.call("POST", &path, &headers, body).await
}

fn sends(world: &World) -> usize {
    world.said(|fact| matches!(fact, Fact::MessageSubmitted))
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes() {
    let world = world().await;
    let first = keyed(&world, 1, "once", plain().to_string()).await;
    assert_eq!(first.status, StatusCode::OK);
    world.clock.advance_ms(60_000);
    let spaced = serde_json::to_string_pretty(&plain()).unwrap();
    let Value::Object(members) = plain() else { panic!("an object") };
    let turned: Vec<String> =
        members.iter().rev().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    for body in [plain().to_string(), spaced, format!("{{{}}}", turned.join(","))] {
        let again = keyed(&world, 1, "once", body).await;
        assert_eq!((again.status, &again.bytes), (StatusCode::OK, &first.bytes));
        assert_eq!(again.header("content-type"), "application/json");
    }
    assert_eq!(sends(&world), 1);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused_in_the_vendors_form() {
    let world = world().await;
    keyed(&world, 1, "once", plain().to_string()).await;
    let other = keyed(&world, 1, "once", with(json!({"ttl": "9s"})).to_string()).await;
    let expected = json!({"error": {"code": 409, "status": "ALREADY_EXISTS", "details": [],
        "message": "Idempotency-Key was used with another request"}});
    assert_eq!((other.status, other.body), (StatusCode::CONFLICT, expected));
    assert_eq!(sends(&world), 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept_so_that_the_key_is_free_for_the_request_put_right() {
    let world = world().await;
    let wrong = keyed(&world, 1, "once", with(json!({"ttl": "1s"})).to_string()).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(keyed(&world, 1, "once", plain().to_string()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn of_duplicates_at_once_one_is_sent_and_all_get_its_answer() {
    let world = std::sync::Arc::new(world().await);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let world = world.clone();
        running.spawn(async move { keyed(&world, 1, "once", plain().to_string()).await });
    }
    let answers = running.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert!(answers.iter().all(|answer| answer.bytes == answers[0].bytes), "one answer for all");
    assert_eq!(sends(&world), 1);
}

#[tokio::test]
async fn a_key_is_its_tenants_own() {
    let world = world().await;
    let mine = keyed(&world, 1, "once", plain().to_string()).await;
    let theirs = with(json!({"app_id": app(2, 1).ulid()})).to_string();
    let theirs = keyed(&world, 2, "once", theirs).await;
    assert_eq!(theirs.status, StatusCode::OK, "{}", theirs.body);
    assert_ne!(mine.body["message_id"], theirs.body["message_id"]);
    assert_eq!(sends(&world), 2);
}

#[tokio::test]
async fn the_answer_outlives_the_engine() {
    let world = world().await;
    let first = keyed(&world, 1, "once", plain().to_string()).await;
    let world = world.restarted().await;
    let again = keyed(&world, 1, "once", plain().to_string()).await;
    assert_eq!((again.status, again.bytes), (StatusCode::OK, first.bytes));
    assert_eq!(
        keyed(&world, 1, "once", with(json!({"ttl": "9s"})).to_string()).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(sends(&world), 1);
}

#[tokio::test]
async fn a_key_is_kept_for_a_day_at_least() {
    let world = world().await;
    let first = keyed(&world, 1, "once", plain().to_string()).await;
    world.clock.advance_ms(DAY_S * 1_000 - 1);
    let again = keyed(&world, 1, "once", plain().to_string()).await;
    assert_eq!(again.bytes, first.bytes);
}

#[tokio::test]
async fn a_key_has_1_to_255_characters() {
    let world = world().await;
    for wrong in ["", &"k".repeat(256)] {
        let answer = keyed(&world, 1, wrong, plain().to_string()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(answer.body["error"]["status"], json!("INVALID_ARGUMENT"));
    }
    assert_eq!(keyed(&world, 1, &"k".repeat(255), plain().to_string()).await.status, StatusCode::OK);
}
