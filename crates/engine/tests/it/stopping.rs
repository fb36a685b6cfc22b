//! Stopping: nothing new is accepted, what is open ends, and what does not end in time is left as a crash leaves it.

use domain::delivery::{Phase, Status};
use engine::{Failure, Rejected, domain};
use tokio::sync::oneshot;

use crate::house::{APP, Answer, House, accepted, delivery, life, quiet, send, text, until, until_status};

#[tokio::test]
async fn after_a_stop_no_command_is_accepted_and_what_is_open_ends() {
    let house = House::new();
    let engine = house.open().await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until(async || house.alpha.texts().len() == 1).await;
    let stopping = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown().await }
    });
    until(async || !engine.is_ready()).await;
    let refused = engine.execute(text("2", "late", &["ALPHA"])).await;
    assert!(matches!(refused, Err(Failure::Unavailable(_))));
    let callback = domain_callback();
    assert_eq!(engine.provider_callback("alpha", APP, callback).await, Err(Rejected::Unavailable));
    answer.send(accepted("p1")).unwrap();
    stopping.await.unwrap();
    assert_eq!(delivery(&engine, message).await.status, Status::HandedOver);
    assert_eq!((house.store.all_jobs().len(), house.submitted()), (0, 1));
}

fn domain_callback() -> engine::Callback {
    engine::Callback { headers: http::HeaderMap::new(), query: String::new(), body: bytes::Bytes::new() }
}

#[test]
fn what_does_not_end_within_the_limit_is_unknown_at_the_next_start() {
    let house = House::new();
    let (_never, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    let message = life(async {
        let engine = house.open().await;
        let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
        until(async || house.alpha.texts().len() == 1).await;
        let stopping = tokio::spawn({
            let engine = engine.clone();
            async move { engine.shutdown().await }
        });
        until(async || !engine.is_ready()).await;
        quiet().await;
        house.clock.advance_ms(house.limits.shutdown_ms_max - 1);
        quiet().await;
        assert!(!stopping.is_finished());
        house.clock.advance_ms(1);
        stopping.await.unwrap();
        message
    });
    life(async {
        let engine = house.start().await;
        until(async || matches!(delivery(&engine, message).await.phase, Phase::Held { .. })).await;
        assert_eq!(house.alpha.texts().len(), 1);
    });
}

#[test]
fn what_was_accepted_before_a_stop_is_sent_after_it() {
    let house = House::new();
    let messages = life(async {
        let engine = house.open().await;
        let mut messages = Vec::new();
        for person in ["1", "2", "3"] {
            messages.push(send(&engine, text(person, "kept", &["ALPHA"])).await);
        }
        engine.shutdown().await;
        messages
    });
    life(async {
        let engine = house.start().await;
        for message in messages {
            until_status(&engine, message, Status::HandedOver).await;
        }
        assert_eq!(house.alpha.texts().len(), 3);
    });
}

#[test]
fn a_clock_that_was_set_back_between_two_lives_delays_nothing() {
    let house = House::new();
    life(async {
        let engine = house.open().await;
        let message = send(&engine, text("1", "before", &["ALPHA"])).await;
        until_status(&engine, message, Status::HandedOver).await;
    });
    house.clock.advance_ms(-7_200_000);
    life(async {
        let engine = house.start().await;
        let message = send(&engine, text("1", "after", &["ALPHA"])).await;
        until_status(&engine, message, Status::HandedOver).await;
    });
    assert_eq!(house.alpha.texts(), ["before", "after"]);
}

#[tokio::test]
async fn an_engine_that_is_only_opened_takes_commands_and_hands_nothing_over() {
    let house = House::new();
    house.open().await.shutdown().await;
    let engine = house.open_alone().await;
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    quiet().await;
    assert_eq!(delivery(&engine, message).await.status, Status::Queued);
    engine.shutdown().await;
    assert_eq!(house.alpha.texts(), [""; 0]);
    house.alpha.answers(accepted("p1"));
    let engine = house.start().await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.alpha.texts(), ["hello"]);
}
