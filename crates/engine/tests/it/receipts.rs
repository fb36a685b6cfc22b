//! Receipts: joined by our token, by the provider's id, before or after the send answer; never backwards.
//! They come in as callbacks of a scripted channel.

use domain::delivery::{Phase, Status};
use engine::domain;
use tokio::sync::oneshot;

use crate::house::{Answer, House, accepted, callback, delivery, send, text, unknown, until, until_status};

#[tokio::test]
async fn a_held_message_is_joined_by_the_token_of_its_receipt() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(unknown());
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until(async || matches!(delivery(&engine, message).await.phase, Phase::Held { .. })).await;
    callback(&engine, "alpha", &format!("receipt p1 {} delivered", house.alpha.tokens()[0])).await;
    assert_eq!(delivery(&engine, message).await.status, Status::Delivered);
    assert_eq!(house.statuses(), [Status::HandedOver, Status::Delivered]);
    assert_eq!(house.alpha.texts().len(), 1);
}

#[tokio::test]
async fn a_receipt_before_the_send_answer_is_kept_and_joined() {
    let house = House::new();
    let engine = house.open().await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until(async || house.alpha.texts().len() == 1).await;
    callback(&engine, "alpha", "receipt p1 - delivered").await;
    assert_eq!(delivery(&engine, message).await.status, Status::Queued);
    answer.send(accepted("p1")).unwrap();
    until_status(&engine, message, Status::Delivered).await;
    assert_eq!(house.statuses(), [Status::HandedOver, Status::Delivered]);
    assert_eq!(house.store.all_jobs(), []);
}

#[tokio::test]
async fn receipts_repeated_and_out_of_order_end_in_the_same_state() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(accepted("p1"));
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until_status(&engine, message, Status::HandedOver).await;
    for status in ["read", "delivered", "failed", "read"] {
        callback(&engine, "alpha", &format!("receipt p1 - {status}")).await;
    }
    assert_eq!(delivery(&engine, message).await.status, Status::Read);
    assert_eq!(house.statuses(), [Status::HandedOver, Status::Read]);
}

#[tokio::test]
async fn a_failed_receipt_fails_over_just_like_a_failed_send() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(accepted("p1"));
    let message = send(&engine, text("1", "hello", &["ALPHA", "BETA"])).await;
    until_status(&engine, message, Status::HandedOver).await;
    callback(&engine, "alpha", "receipt p1 - failed").await;
    until(async || house.beta.texts().len() == 1).await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.statuses(), [Status::HandedOver, Status::SwitchingChannel, Status::HandedOver]);
}
