//! The courier: callbacks in order, parked and tried again, given up visibly, and carrying messages themselves.
//! The webhook is scripted; the dialect tells the text of each submitted message.

use std::sync::Arc;

use domain::channel::Channel;
use domain::command::admin::PutSubscription;
use domain::content::Face;
use domain::delivery::Status;
use domain::event::{Event, Fact};
use domain::id::{Id, SubscriptionId};
use domain::record::Key;
use domain::subscription::{Cursor, Subscription};
use engine::{Dialect, Engine, Facts, Patience, Rendered, Seal, Verdict, domain};
use tokio::sync::oneshot;

use crate::house::{House, TENANT, delivery, quiet, send, text, until, until_status};

const SUBSCRIPTION: SubscriptionId = SubscriptionId(Id(9));

/// Tells the text of each submitted message and nothing else.
struct Plain;

impl Dialect for Plain {
    fn face(&self) -> Face {
        Face::Trunkline
    }

    fn hears(&self, _: &Subscription, event: &Event) -> bool {
        event.fact == Fact::MessageSubmitted
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let text = domain::content::text::render(&facts.content.as_deref()?.body);
        Some(Rendered { body: text.into(), target: None, headers: http::HeaderMap::new() })
    }

    fn seal(&self, _: &Seal<'_>) -> http::HeaderMap {
        http::HeaderMap::new()
    }

    fn verdict(&self, status: u16) -> Verdict {
        match status {
            200 => Verdict::Delivered,
            410 => Verdict::GiveUp,
            _ => Verdict::Again,
        }
    }

    fn patience(&self, _: &Subscription) -> Patience {
        Patience { delays_ms: vec![1_000, 2_000], give_up_after_ms: 10_000, tries_max: 0, timeout_ms: 1_000 }
    }
}

async fn open(carries: Option<&str>) -> (House, Engine) {
    let mut house = House::new();
    house.dialects = vec![Arc::new(Plain)];
    let engine = house.open().await;
    let subscription = Subscription {
        id: SUBSCRIPTION,
        dialect: Face::Trunkline,
        carries: carries.map(Channel::new),
        number: 0,
        ..testkit::samples::subscription(SUBSCRIPTION.0, TENANT, "")
    };
    let from = *engine.head().borrow();
    engine.execute(PutSubscription { subscription, from }).await.unwrap();
    (house, engine)
}

async fn cursor(engine: &Engine) -> Cursor {
    let cursor = engine.row::<Cursor>(Key::id::<Cursor>(TENANT, SUBSCRIPTION.0)).await.unwrap();
    Arc::unwrap_or_clone(cursor.unwrap())
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
    until(async || cursor(&engine).await.parked.len() == 1).await;
    send(&engine, text("1", "a2", &["ALPHA"])).await;
    send(&engine, text("2", "b1", &["ALPHA"])).await;
    until(async || house.hook.bodies().len() == 2).await;
    quiet().await;
    assert_eq!(house.hook.bodies(), ["a1", "b1"]);
    house.clock.advance_ms(1_000);
    until(async || house.hook.bodies().len() == 4).await;
    assert_eq!(house.hook.bodies(), ["a1", "b1", "a1", "a2"]);
    until(async || cursor(&engine).await.parked.is_empty()).await;
}

#[tokio::test]
async fn a_parked_conversation_is_tried_again_after_a_restart() {
    let (house, engine) = open(None).await;
    house.hook.answers(&[500]);
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || cursor(&engine).await.parked.len() == 1).await;
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
    until(async || cursor(&engine).await.parked.len() == 1).await;
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
    let (house, engine) = open(None).await;
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
    until(async || cursor(&engine).await.parked.len() == 1).await;
    assert_eq!(delivery(&engine, message).await.status, Status::Queued);
    house.clock.advance_ms(1_000);
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.hook.bodies(), ["hello", "hello"]);
    assert_eq!(delivery(&engine, message).await.attempts.len(), 1);
    assert_eq!(house.store.all_jobs(), []);
}

#[tokio::test]
async fn a_carried_message_that_the_webhook_never_takes_fails_over() {
    let (house, engine) = open(Some(Channel::CONNECTOR)).await;
    house.hook.answers(&[503, 410]);
    let message = send(&engine, text("1", "hello", &[Channel::CONNECTOR, "BETA"])).await;
    until(async || cursor(&engine).await.parked.len() == 1).await;
    house.clock.advance_ms(1_000);
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!(house.beta.texts(), ["hello"]);
}
