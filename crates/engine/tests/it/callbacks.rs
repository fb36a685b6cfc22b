//! The courier: callbacks in order, parked and tried again, given up visibly, and carrying messages themselves.
//! The webhook is scripted; the dialect tells the text of each submitted message.

use std::sync::Arc;

use domain::channel::Channel;
use domain::command::admin::PutSubscription;
use domain::content::Face;
use domain::delivery::{Phase, Status};
use domain::event::{Event, Fact};
use domain::id::{Id, SubscriptionId};
use domain::record::Key;
use domain::subscription::{Cursor, Subscription};
use engine::{Dialect, Engine, Facts, Patience, Rendered, Seal, Verdict, domain};
use testkit::memory::Trick;
use tokio::sync::oneshot;

use crate::house::{Answer, House, TENANT, accepted, delivery, quiet, send, text, until, until_status};

pub const SUBSCRIPTION: SubscriptionId = SubscriptionId(Id(9));

/// A text over which the dialect panics.
const PANICS: &str = "panics";

/// Tells the text of each submitted message and nothing else.
pub struct Plain;

impl Dialect for Plain {
    fn face(&self) -> Face {
        Face::Trunkline
    }

    fn hears(&self, _: &Subscription, event: &Event) -> bool {
        event.fact == Fact::MessageSubmitted
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let text = domain::content::text::render(&facts.content.as_deref()?.body);
        assert_ne!(text, PANICS);
        Some(Rendered { body: text.into(), target: None, headers: http::HeaderMap::new() })
    }

    fn seal(&self, seal: &Seal<'_>) -> http::HeaderMap {
        let secret = http::HeaderValue::from_str(&seal.subscription.secret).unwrap();
        [(http::HeaderName::from_static("x-secret"), secret)].into_iter().collect()
    }

    fn verdict(&self, status: u16) -> Verdict {
        match status {
            200 => Verdict::Delivered,
            410 => Verdict::GiveUp,
            _ => Verdict::Again,
        }
    }

    fn patience(&self, _: &Subscription) -> Patience {
        Patience {
            delays_ms: vec![1_000, 2_000],
            give_up_after_ms: 10_000,
            tries_max: 0,
            timeout_ms: 1_000,
            per_second_per_app: 0,
        }
    }
}

pub async fn open(carries: Option<&str>) -> (House, Engine) {
    let mut house = House::new();
    house.dialects = vec![Arc::new(Plain)];
    let engine = house.open().await;
    subscribe(&engine, carries, true).await;
    (house, engine)
}

async fn subscribe(engine: &Engine, carries: Option<&str>, enabled: bool) {
    let subscription = Subscription {
        id: SUBSCRIPTION,
        dialect: Face::Trunkline,
        carries: carries.map(Channel::new),
        number: 0,
        enabled,
        ..testkit::samples::subscription(SUBSCRIPTION.0, TENANT, "")
    };
    let from = *engine.head().borrow();
    engine.execute(PutSubscription { subscription, from }).await.unwrap();
}

async fn cursor(engine: &Engine) -> Cursor {
    let cursor = engine.row::<Cursor>(Key::id::<Cursor>(TENANT, SUBSCRIPTION.0)).await.unwrap();
    Arc::unwrap_or_clone(cursor.unwrap())
}

pub async fn parked(engine: &Engine) -> usize {
    engine.parked(TENANT, SUBSCRIPTION).await.unwrap().len()
}

#[tokio::test]
async fn callbacks_come_in_order_and_the_cursor_is_saved() {
    let (house, engine) = open(None).await;
    for words in ["a", "b", "c"] {
        send(&engine, text("1", words, &["ALPHA"])).await;
    }
    until(async || house.hook.bodies().len() == 3).await;
    assert_eq!(house.hook.bodies(), ["a", "b", "c"]);
    quiet().await;
    engine.shutdown().await;
    let engine = house.start().await;
    quiet().await;
    assert_eq!(house.hook.bodies().len(), 3);
    assert_eq!(cursor(&engine).await.position, *engine.head().borrow());
}

#[tokio::test]
async fn a_failed_callback_parks_its_conversation_and_others_pass() {
    let (house, engine) = open(None).await;
    house.hook.answers(&[500]);
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || parked(&engine).await == 1).await;
    send(&engine, text("1", "a2", &["ALPHA"])).await;
    send(&engine, text("2", "b1", &["ALPHA"])).await;
    until(async || house.hook.bodies().len() == 2).await;
    quiet().await;
    assert_eq!(house.hook.bodies(), ["a1", "b1"]);
    house.clock.advance_ms(1_000);
    until(async || house.hook.bodies().len() == 4).await;
    assert_eq!(house.hook.bodies(), ["a1", "b1", "a1", "a2"]);
    until(async || parked(&engine).await == 0).await;
}

#[tokio::test]
async fn a_parked_conversation_is_tried_again_after_a_restart() {
    let (house, engine) = open(None).await;
    house.hook.answers(&[500]);
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || parked(&engine).await == 1).await;
    engine.shutdown().await;
    let _engine = house.start().await;
    quiet().await;
    house.clock.advance_ms(1_000);
    until(async || house.hook.bodies().len() == 2).await;
    assert_eq!(house.hook.bodies(), ["a1", "a1"]);
}

#[tokio::test]
async fn what_is_given_up_is_a_dead_letter_and_its_lane_moves_on() {
    let (house, engine) = open(None).await;
    house.hook.answers(&[500, 410]);
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || parked(&engine).await == 1).await;
    send(&engine, text("1", "a2", &["ALPHA"])).await;
    quiet().await;
    house.clock.advance_ms(1_000);
    until(async || house.hook.bodies().len() == 3).await;
    assert_eq!(house.hook.bodies(), ["a1", "a1", "a2"]);
    let dead = |event: &Event| matches!(event.fact, Fact::DeadLetter { subscription: SUBSCRIPTION, .. });
    until(async || house.store.all_events().iter().filter(|event| dead(event)).count() == 1).await;
}

#[tokio::test]
async fn an_event_committed_while_a_page_is_read_is_not_skipped() {
    let mut house = House::new();
    house.dialects = vec![Arc::new(Plain)];
    house.limits.cached_events_max = 0;
    let engine = house.open().await;
    subscribe(&engine, None, true).await;
    quiet().await;
    let (reached, is_reached) = oneshot::channel();
    let (go, may_go) = oneshot::channel();
    *house.reads.hold.lock().unwrap() = Some((reached, may_go));
    send(&engine, text("1", "a", &["ALPHA"])).await;
    is_reached.await.unwrap();
    send(&engine, text("2", "b", &["ALPHA"])).await;
    go.send(()).unwrap();
    until(async || house.hook.bodies().len() == 2).await;
    assert_eq!(house.hook.bodies(), ["a", "b"]);
}

#[tokio::test]
async fn a_carried_message_is_finished_by_the_webhooks_yes() {
    let (house, engine) = open(Some(Channel::CONNECTOR)).await;
    house.hook.answers(&[503]);
    let message = send(&engine, text("1", "hello", &[Channel::CONNECTOR])).await;
    until(async || parked(&engine).await == 1).await;
    assert_eq!(delivery(&engine, message).await.status, Status::Queued);
    house.clock.advance_ms(1_000);
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.hook.bodies(), ["hello", "hello"]);
    assert_eq!(delivery(&engine, message).await.attempts.len(), 1);
    // The look outside the lane finds that the callback came.
    house.clock.advance_ms(60_000);
    until(async || house.store.all_jobs().is_empty()).await;
    assert_eq!(house.hook.bodies().len(), 2);
}

#[tokio::test]
async fn the_end_of_a_carried_attempt_is_recorded_however_long_the_store_takes() {
    let (house, engine) = open(Some(Channel::CONNECTOR)).await;
    *house.hook.tricks.lock().unwrap() = Some((house.store.clone(), vec![Trick::LoseAnswerDropped; 5]));
    let message = send(&engine, text("1", "hello", &[Channel::CONNECTOR])).await;
    until(async || {
        house.clock.advance_ms(1_000);
        delivery(&engine, message).await.status == Status::HandedOver
    })
    .await;
    quiet().await;
    assert_eq!(house.hook.bodies(), ["hello"]);
}

/// A subscription hears what happens after it was made: it cannot carry what was submitted before.
#[tokio::test]
async fn a_message_submitted_before_its_subscription_was_made_is_not_left_to_it() {
    let mut house = House::new();
    house.dialects = vec![Arc::new(Plain)];
    let engine = house.open().await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    send(&engine, text("1", "first", &["ALPHA", Channel::CONNECTOR, "BETA"])).await;
    until(async || house.alpha.texts().len() == 1).await;
    let message = send(&engine, text("1", "second", &[Channel::CONNECTOR, "BETA"])).await;
    subscribe(&engine, Some(Channel::CONNECTOR), true).await;
    answer.send(accepted("p1")).unwrap();
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.beta.texts(), ["second"]);
    assert!(house.hook.bodies().is_empty());
}

#[tokio::test]
async fn a_message_whose_subscription_is_switched_off_is_not_stranded() {
    let (house, engine) = open(Some(Channel::CONNECTOR)).await;
    house.hook.answers(&[503]);
    let message = send(&engine, text("1", "hello", &[Channel::CONNECTOR])).await;
    until(async || parked(&engine).await == 1).await;
    subscribe(&engine, Some(Channel::CONNECTOR), false).await;
    house.clock.advance_ms(60_000);
    // The callback may have arrived: its outcome is unknown, not failed.
    until(async || matches!(delivery(&engine, message).await.phase, Phase::Held { .. })).await;
    house.clock.advance_ms(3_600_000);
    until_status(&engine, message, Status::Failed).await;
}

#[tokio::test]
async fn a_callback_that_cannot_be_written_parks_its_conversation_alone() {
    let (house, engine) = open(None).await;
    send(&engine, text("1", PANICS, &["ALPHA"])).await;
    send(&engine, text("2", "b1", &["ALPHA"])).await;
    until(async || house.hook.bodies() == ["b1"]).await;
    until(async || parked(&engine).await == 1).await;
}

#[tokio::test]
async fn a_carried_message_that_the_webhook_never_takes_fails_over() {
    let (house, engine) = open(Some(Channel::CONNECTOR)).await;
    house.hook.answers(&[503, 410]);
    let message = send(&engine, text("1", "hello", &[Channel::CONNECTOR, "BETA"])).await;
    until(async || parked(&engine).await == 1).await;
    house.clock.advance_ms(1_000);
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.beta.texts(), ["hello"]);
}
