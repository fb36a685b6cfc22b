//! Delivery paused: everything is accepted and nothing is handed over, over restarts, until it is resumed.

use domain::channel::Channel;
use domain::delivery::{Phase, ReasonKind, Status, StepKind};
use engine::domain;
use tokio::sync::oneshot;

use crate::callbacks;
use crate::house::{Answer, House, accepted, delivery, found, life, quiet, send, text, until, until_status};

const MINUTE_MS: i64 = 60_000;

#[test]
fn what_is_accepted_while_delivery_is_paused_is_handed_over_in_order_when_it_is_resumed() {
    let house = House::new();
    life(async {
        let engine = house.open().await;
        engine.pause_delivery(true).await.unwrap();
        for words in ["a", "b"] {
            send(&engine, text("1", words, &["ALPHA"])).await;
        }
        quiet().await;
        assert_eq!(house.alpha.texts(), [""; 0]);
    });
    life(async {
        let engine = house.start().await;
        assert!(engine.delivery_is_paused());
        let last = send(&engine, text("1", "c", &["ALPHA"])).await;
        // Longer than a sweep, a lane's patience and the app's.
        for _ in 0..90 {
            house.clock.advance_ms(MINUTE_MS);
            quiet().await;
        }
        assert_eq!(house.alpha.texts(), [""; 0]);
        engine.pause_delivery(false).await.unwrap();
        until_status(&engine, last, Status::HandedOver).await;
        assert_eq!(house.alpha.texts(), ["a", "b", "c"]);
    });
    life(async { assert!(!house.start().await.delivery_is_paused()) });
}

#[tokio::test]
async fn a_message_expires_while_delivery_is_paused() {
    let house = House::new();
    let engine = house.open().await;
    engine.pause_delivery(true).await.unwrap();
    let mut command = text("1", "hello", &["ALPHA"]);
    command.ttl_s = Some(60);
    let message = send(&engine, command).await;
    quiet().await;
    house.clock.advance_ms(MINUTE_MS);
    until_status(&engine, message, Status::Failed).await;
    let reason = delivery(&engine, message).await.reason.map(|reason| reason.kind);
    assert_eq!(reason, Some(ReasonKind::Expired));
    engine.pause_delivery(false).await.unwrap();
    quiet().await;
    assert_eq!(house.alpha.texts(), [""; 0]);
}

#[tokio::test]
async fn a_hand_over_that_is_open_ends_and_no_other_begins() {
    let house = House::new();
    let engine = house.open().await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    let first = send(&engine, text("1", "a", &["ALPHA"])).await;
    until(async || house.alpha.texts().len() == 1).await;
    let second = send(&engine, text("1", "b", &["ALPHA"])).await;
    engine.pause_delivery(true).await.unwrap();
    answer.send(accepted("one")).unwrap();
    until_status(&engine, first, Status::HandedOver).await;
    quiet().await;
    assert_eq!(delivery(&engine, second).await.status, Status::Queued);
    engine.pause_delivery(false).await.unwrap();
    until_status(&engine, second, Status::HandedOver).await;
}

#[test]
fn an_attempt_that_a_dead_process_left_open_is_unknown_when_delivery_is_resumed() {
    let house = House::new();
    let (kept, never) = oneshot::channel();
    let message = life(async {
        let engine = house.open().await;
        house.alpha.will(Answer::Later(never));
        let mut command = text("1", "a", &["ALPHA"]);
        command.ttl_s = Some(3_600);
        let message = send(&engine, command).await;
        until(async || house.alpha.texts().len() == 1).await;
        engine.pause_delivery(true).await.unwrap();
        message
    });
    drop(kept);
    life(async {
        let engine = house.start().await;
        for _ in 0..80 {
            house.clock.advance_ms(MINUTE_MS);
            quiet().await;
        }
        let waits = delivery(&engine, message).await;
        assert_eq!(waits.phase, Phase::Attempting);
        assert!(waits.steps.iter().all(|step| step.what != StepKind::FoundOverdue));
        engine.pause_delivery(false).await.unwrap();
        until_status(&engine, message, Status::Failed).await;
        let steps = delivery(&engine, message).await.steps;
        assert!(steps.iter().any(|step| step.what == StepKind::OutcomeUnknown { attempt: 1 }));
        assert_eq!(house.alpha.texts(), ["a"]);
    });
}

#[tokio::test]
async fn a_callback_that_carries_a_message_waits_as_well() {
    let (house, engine) = callbacks::open(Some(Channel::CONNECTOR)).await;
    engine.pause_delivery(true).await.unwrap();
    let message = send(&engine, text("1", "carried", &[Channel::CONNECTOR])).await;
    for _ in 0..3 {
        house.clock.advance_ms(MINUTE_MS);
        quiet().await;
    }
    assert_eq!((house.hook.bodies().len(), delivery(&engine, message).await.attempts.len()), (0, 0));
    engine.pause_delivery(false).await.unwrap();
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.hook.bodies(), ["carried"]);
}

#[tokio::test]
async fn a_stop_while_delivery_is_paused_waits_for_nothing() {
    let (_house, engine) = callbacks::open(Some(Channel::CONNECTOR)).await;
    found(&engine, None).await;
    engine.pause_delivery(true).await.unwrap();
    send(&engine, text("1", "carried", &[Channel::CONNECTOR])).await;
    send(&engine, text("1", "sent", &["ALPHA"])).await;
    quiet().await;
    engine.shutdown().await;
}
