//! Messages out: handed over, failed over, tried again, held, found after a crash, kept in order.
//! A crash is a runtime that is dropped in the middle.

use domain::app::{App, Patience, UnknownPolicy};
use domain::command::admin::PutApp;
use domain::command::send::Send;
use domain::content::{Body, Content, Media};
use domain::delivery::{Outcome, Phase, ReasonKind, Status};
use domain::id::{FileId, Id};
use engine::domain;
use tokio::sync::oneshot;

use crate::house::{
    Answer, House, TENANT, accepted, delivery, found, life, quiet, reason, send, text, unknown, until,
    until_status,
};

#[tokio::test]
async fn a_send_is_handed_over_and_its_job_is_gone() {
    let house = House::new();
    let engine = house.open().await;
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.alpha.texts(), ["hello"]);
    assert_eq!(house.statuses(), [Status::HandedOver]);
    assert_eq!(house.store.all_jobs(), []);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_stored_file_goes_out_as_a_link_that_opens_it() {
    let house = House::new();
    let engine = house.open().await;
    let file = FileId(Id(77));
    let body = Body::Media(Media { file: Some(file), mime: "image/png".to_owned(), ..Media::default() });
    let content = Content { body, ..Content::text("") };
    let message = send(&engine, Send { content, ..text("1", "", &["ALPHA"]) }).await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.alpha.texts(), [engine.links().url(TENANT, file, engine.now())]);
}

#[tokio::test]
async fn a_refusal_moves_to_the_next_channel_and_says_so() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(Outcome::Refused(reason("no such number")));
    let message = send(&engine, text("1", "hello", &["ALPHA", "BETA"])).await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.beta.texts(), ["hello"]);
    assert_eq!(house.statuses(), [Status::SwitchingChannel, Status::HandedOver]);
    assert_eq!(house.store.all_jobs(), []);
}

#[tokio::test]
async fn a_message_refused_by_every_channel_fails() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(Outcome::Refused(reason("no")));
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until_status(&engine, message, Status::Failed).await;
    assert_eq!(delivery(&engine, message).await.reason, Some(reason("no")));
}

#[tokio::test]
async fn a_temporary_failure_is_tried_again_when_its_time_comes() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(Outcome::Temporary { reason: reason("busy"), retry_after_ms: Some(2_000) });
    let message = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until(async || delivery(&engine, message).await.temporary_failures == 1).await;
    house.clock.advance_ms(1_999);
    quiet().await;
    assert_eq!(house.alpha.texts().len(), 1);
    house.clock.advance_ms(1);
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.alpha.texts().len(), 2);
}

#[tokio::test]
async fn a_held_message_fails_when_no_receipt_comes_within_the_hour() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(unknown());
    let message = send(&engine, text("1", "hello", &["ALPHA", "BETA"])).await;
    until(async || matches!(delivery(&engine, message).await.phase, Phase::Held { .. })).await;
    house.clock.advance_ms(3_600_000);
    until_status(&engine, message, Status::Failed).await;
    let kind = delivery(&engine, message).await.reason.map(|reason| reason.kind);
    assert_eq!(kind, Some(ReasonKind::ReportTimedOut));
    assert_eq!((house.alpha.texts().len(), house.beta.texts().len()), (1, 0));
}

#[tokio::test]
async fn an_unknown_outcome_is_repeated_where_repeating_is_safe() {
    let house = House::new();
    let engine = house.open().await;
    house.beta.answers(unknown());
    let message = send(&engine, text("1", "hello", &["BETA"])).await;
    until(async || delivery(&engine, message).await.temporary_failures == 1).await;
    house.clock.advance_ms(500);
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.beta.texts().len(), 2);
}

/// Sends over ALPHA in a first life that ends in the middle of the attempt; goes on in a second.
fn dies_in_the_middle(policy: Option<UnknownPolicy>, house: &House) -> domain::id::MessageId {
    let (_never, answer) = oneshot::channel();
    house.alpha.will(Answer::Later(answer));
    life(async {
        let engine = house.start().await;
        found(&engine, policy).await;
        let message = send(&engine, text("1", "hello", &["ALPHA", "BETA"])).await;
        until(async || house.alpha.texts().len() == 1).await;
        message
    })
}

#[test]
fn an_attempt_left_open_by_a_crash_is_unknown_and_not_sent_again_under_hold() {
    let house = House::new();
    let message = dies_in_the_middle(Some(UnknownPolicy::Hold), &house);
    life(async {
        let engine = house.start().await;
        until(async || matches!(delivery(&engine, message).await.phase, Phase::Held { .. })).await;
        house.clock.advance_ms(60_000);
        quiet().await;
        assert_eq!((house.alpha.texts().len(), house.beta.texts().len()), (1, 0));
    });
}

#[test]
fn an_attempt_left_open_by_a_crash_fails_over_where_the_app_says_so() {
    let house = House::new();
    let message = dies_in_the_middle(Some(UnknownPolicy::FailOver), &house);
    life(async {
        let engine = house.start().await;
        until_status(&engine, message, Status::HandedOver).await;
        assert_eq!((house.alpha.texts().len(), house.beta.texts().len()), (1, 1));
    });
}

#[test]
fn a_message_accepted_before_a_crash_is_sent_after_it() {
    let house = House::new();
    let message = life(async {
        let engine = house.open().await;
        send(&engine, text("1", "kept", &["ALPHA"])).await
    });
    life(async {
        let engine = house.start().await;
        let sent = house.alpha.texts().len();
        until(async || delivery(&engine, message).await.phase != Phase::Attempting).await;
        assert!(sent <= 1);
        if sent == 0 {
            until_status(&engine, message, Status::HandedOver).await;
        }
    });
}

#[tokio::test]
async fn messages_of_one_conversation_go_out_in_order_and_others_pass() {
    let house = House::new();
    let engine = house.open().await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || house.alpha.texts().len() == 1).await;
    let mut last = None;
    for words in ["a2", "a3", "a4"] {
        last = Some(send(&engine, text("1", words, &["ALPHA"])).await);
    }
    let other = send(&engine, text("2", "b1", &["ALPHA"])).await;
    until_status(&engine, other, Status::HandedOver).await;
    assert_eq!(house.alpha.texts(), ["a1", "b1"]);
    answer.send(accepted("first")).unwrap();
    until_status(&engine, last.unwrap(), Status::HandedOver).await;
    assert_eq!(house.alpha.texts(), ["a1", "b1", "a2", "a3", "a4"]);
}

#[tokio::test]
async fn a_message_to_be_tried_again_soon_keeps_later_ones_behind_it() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(Outcome::Temporary { reason: reason("busy"), retry_after_ms: Some(1_000) });
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    let second = send(&engine, text("1", "a2", &["ALPHA"])).await;
    quiet().await;
    assert_eq!(house.alpha.texts(), ["a1"]);
    house.clock.advance_ms(1_000);
    until_status(&engine, second, Status::HandedOver).await;
    assert_eq!(house.alpha.texts(), ["a1", "a1", "a2"]);
}

#[tokio::test]
async fn known_parts_are_never_sent_again_whatever_later_attempts_learn() {
    let house = House::new();
    let engine = house.open().await;
    let known = Outcome::Unknown { parts: vec!["a".into()] };
    [known, unknown(), Outcome::Temporary { reason: reason("busy"), retry_after_ms: None }]
        .into_iter()
        .for_each(|outcome| house.beta.answers(outcome));
    let message = send(&engine, text("1", "hello", &["BETA"])).await;
    until(async || {
        house.clock.advance_ms(1_000);
        delivery(&engine, message).await.status == Status::HandedOver
    })
    .await;
    assert_eq!(
        house.beta.parts_done(),
        [vec![], vec!["a".to_owned()], vec!["a".to_owned()], vec!["a".to_owned()]]
    );
}

#[tokio::test]
async fn a_hand_over_that_panics_gives_its_lane_back_and_its_attempt_is_unknown() {
    let house = House::new();
    let engine = house.open().await;
    // Asked for its terms, once before the attempt is recorded, and once after.
    house.alpha.panics_after(2);
    let first = send(&engine, text("1", "a1", &["ALPHA"])).await;
    let second = send(&engine, text("1", "a2", &["ALPHA"])).await;
    until(async || {
        house.clock.advance_ms(1_000);
        delivery(&engine, second).await.status == Status::HandedOver
    })
    .await;
    assert!(matches!(delivery(&engine, first).await.phase, Phase::Held { .. }));
    assert_eq!(house.alpha.texts(), ["a2"]);
}

#[tokio::test]
async fn a_channel_that_never_reports_falls_back_when_the_app_asks_for_it_also_after_a_restart() {
    let house = House::new();
    let message = {
        let engine = house.open().await;
        let app = engine.directory().apps().next().unwrap().clone();
        let patience = Patience { report_s: Some(30), ..app.patience };
        engine.execute(PutApp(App { patience, ..App::clone(&app) })).await.unwrap();
        let message = send(&engine, text("1", "hello", &["ALPHA", "BETA"])).await;
        until_status(&engine, message, Status::HandedOver).await;
        engine.shutdown().await;
        message
    };
    house.clock.advance_ms(30_000);
    let engine = house.start().await;
    until(async || house.beta.texts().len() == 1).await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.statuses(), [Status::HandedOver, Status::SwitchingChannel, Status::HandedOver]);
}
