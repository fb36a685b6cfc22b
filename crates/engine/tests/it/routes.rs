//! A subscription's route: what waits stands in rows of its own, what was tried is recorded, what is asked for is told
//! again, and an endpoint that takes nothing for days is switched off.

use std::sync::Arc;

use domain::command::admin::PutSubscription;
use domain::content::Face;
use domain::event::{Event, Fact};
use domain::id::{MessageId, SubscriptionId};
use domain::subscription::{CallbackState, PreviousSecret, Subscription, TRIES_SHOWN_MAX, WAITING_MAX};
use domain::time::Time;
use engine::{Engine, Fate, Replay, domain};

use crate::callbacks::{Plain, SUBSCRIPTION, parked};
use crate::house::{House, TENANT, quiet, send, text, until};

const DAY_MS: i64 = 86_400_000;

fn subscription() -> Subscription {
    Subscription {
        id: SUBSCRIPTION,
        dialect: Face::Trunkline,
        carries: None,
        number: 0,
        enabled: true,
        ..testkit::samples::subscription(SUBSCRIPTION.0, TENANT, "new")
    }
}

async fn put(engine: &Engine, subscription: Subscription) {
    let from = engine.position();
    engine.execute(PutSubscription { subscription, from }).await.unwrap();
}

async fn open(subscription: Subscription) -> (House, Engine) {
    let mut house = House::new();
    house.dialects = vec![Arc::new(Plain)];
    let engine = house.open().await;
    put(&engine, subscription).await;
    (house, engine)
}

fn own(engine: &Engine) -> Arc<Subscription> {
    engine.directory().subscription(TENANT, SUBSCRIPTION).unwrap().clone()
}

/// The event that tells a message's submission.
async fn told(engine: &Engine, message: MessageId) -> Event {
    let events = engine.events_of_message(TENANT, message.0).await.unwrap();
    events.into_iter().find(|event| event.fact == Fact::MessageSubmitted).unwrap()
}

async fn fate(engine: &Engine, message: MessageId) -> Fate {
    engine.fate(&own(engine), &told(engine, message).await).await.unwrap()
}

#[tokio::test]
async fn a_parallel_subscription_lets_later_events_of_a_conversation_pass() {
    let (house, engine) = open(Subscription { parallel: true, ..subscription() }).await;
    house.hook.answers(&[500]);
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || parked(&engine).await == 1).await;
    send(&engine, text("1", "a2", &["ALPHA"])).await;
    until(async || house.hook.bodies() == ["a1", "a2"]).await;
    house.clock.advance_ms(1_000);
    until(async || house.hook.bodies() == ["a1", "a2", "a1"]).await;
    until(async || parked(&engine).await == 0).await;
}

#[tokio::test]
async fn a_final_word_at_the_first_try_is_a_dead_letter_that_names_its_message() {
    let (house, engine) = open(subscription()).await;
    house.hook.answers(&[410]);
    let message = send(&engine, text("1", "a1", &["ALPHA"])).await;
    send(&engine, text("1", "a2", &["ALPHA"])).await;
    until(async || house.hook.bodies() == ["a1", "a2"]).await;
    let dead = |event: &Event| matches!(event.fact, Fact::DeadLetter { .. });
    until(async || house.store.all_events().iter().any(dead)).await;
    let dead = house.store.all_events().into_iter().find(dead).unwrap();
    assert_eq!(dead.message, Some(message));
    assert_eq!(parked(&engine).await, 0);
}

#[tokio::test]
async fn what_was_taken_and_what_was_tried_is_recorded_with_its_answers() {
    let (house, engine) = open(subscription()).await;
    let taken = send(&engine, text("1", "a", &["ALPHA"])).await;
    until(async || matches!(fate(&engine, taken).await, Fate::Taken(one) if one.status == 200)).await;
    house.hook.answers(&[500, 503]);
    let tried = send(&engine, text("1", "b", &["ALPHA"])).await;
    until(async || matches!(fate(&engine, tried).await, Fate::Tried(..))).await;
    let Fate::Tried(record, Some(waits)) = fate(&engine, tried).await else { panic!("not tried") };
    assert_eq!((record.state, record.count, record.tries[0].status), (CallbackState::Retrying, 1, 500));
    assert_eq!((&*record.body, &*record.tries[0].answer), (&b"b"[..], "answered 500"));
    let waiting = send(&engine, text("1", "c", &["ALPHA"])).await;
    until(async || fate(&engine, waiting).await == Fate::Waiting).await;
    house.clock.advance_ms(waits.next_at.since_ms(engine.now()));
    until(async || house.hook.bodies().len() == 3).await;
    house.clock.advance_ms(2_000);
    let delivered = async |message| match fate(&engine, message).await {
        Fate::Tried(record, None) => record.state == CallbackState::Delivered,
        _ => false,
    };
    until(async || delivered(tried).await && delivered(waiting).await).await;
    let records = engine.callback_records(&own(&engine), 0, 10).await.unwrap();
    let statuses: Vec<u16> = records[0].tries.iter().map(|one| one.status).collect();
    assert_eq!((statuses, records.len()), (vec![500, 503, 200], 2));
}

#[tokio::test]
async fn a_long_row_of_tries_shows_the_first_and_the_newest() {
    let mut callback = domain::subscription::Callback {
        subscription: SubscriptionId::default(),
        position: 1,
        conversation: None,
        message: None,
        state: CallbackState::Retrying,
        target: String::new(),
        body: Vec::new(),
        count: 0,
        tries: Vec::new(),
        kept_until: Time(0),
    };
    for at in 0..100 {
        let answer = Arc::from("busy");
        callback.tried(domain::subscription::Try { at: Time(at), took_ms: 1, status: 500, answer });
    }
    let shown: Vec<i64> = callback.tries.iter().map(|one| one.at.0).collect();
    assert_eq!((callback.count, shown.len()), (100, TRIES_SHOWN_MAX));
    assert_eq!((shown[0], shown[TRIES_SHOWN_MAX - 1]), (0, 99));
}

#[tokio::test]
async fn a_lane_keeps_its_order_beyond_what_its_row_can_name() {
    let (house, engine) = open(subscription()).await;
    house.hook.answers(&[500]);
    let count = WAITING_MAX + 30;
    for number in 0..count {
        send(&engine, text("1", &number.to_string(), &["ALPHA"])).await;
        if number == 0 {
            until(async || parked(&engine).await == 1).await;
        }
    }
    let lane = async || engine.parked(TENANT, SUBSCRIPTION).await.unwrap()[0].clone();
    until(async || lane().await.more_after.is_some()).await;
    assert_eq!(lane().await.waiting.len(), WAITING_MAX);
    house.clock.advance_ms(1_000);
    for posted in (100..=count + 1).step_by(100).chain([count + 1]) {
        until(async || house.hook.bodies().len() >= posted).await;
    }
    let expected: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(house.hook.bodies()[1..], expected);
    until(async || parked(&engine).await == 0).await;
}

/// Orders callbacks again. Says how many.
async fn replay(engine: &Engine, subscription: Arc<Subscription>, wanted: &Replay) -> u64 {
    let found = engine.find_for_replay(&subscription, wanted).await.unwrap();
    engine.execute(found.order).await.unwrap()
}

#[tokio::test]
async fn what_was_given_up_is_told_again_when_asked_and_nothing_else_is() {
    let (house, engine) = open(subscription()).await;
    house.hook.answers(&[410, 200, 410]);
    let first = send(&engine, text("1", "a1", &["ALPHA"])).await;
    send(&engine, text("1", "a2", &["ALPHA"])).await;
    send(&engine, text("2", "b1", &["ALPHA"])).await;
    until(async || house.hook.bodies().len() == 3).await;
    let dead = |event: &&Event| matches!(event.fact, Fact::DeadLetter { .. });
    until(async || house.store.all_events().iter().filter(dead).count() == 2).await;
    let given_up = Replay { given_up: true, ..Replay::default() };
    assert!(engine.find_for_replay(&own(&engine), &given_up).await.unwrap().at_end);
    assert_eq!(replay(&engine, own(&engine), &given_up).await, 2);
    until(async || house.hook.bodies().len() == 5).await;
    let mut again = house.hook.bodies()[3..].to_vec();
    again.sort();
    assert_eq!(again, ["a1", "b1"]);
    until(async || parked(&engine).await == 0).await;
    let Fate::Tried(record, None) = fate(&engine, first).await else { panic!("not tried") };
    assert_eq!((record.state, record.count), (CallbackState::Delivered, 2));
    assert_eq!(replay(&engine, own(&engine), &given_up).await, 0);
}

#[tokio::test]
async fn a_replay_can_be_of_one_message_or_of_a_span_and_outlives_a_restart() {
    let (house, engine) = open(subscription()).await;
    let first = send(&engine, text("1", "a1", &["ALPHA"])).await;
    house.clock.advance_ms(10_000);
    let later = engine.now();
    for words in ["a2", "a3"] {
        send(&engine, text("1", words, &["ALPHA"])).await;
    }
    until(async || house.hook.bodies().len() == 3).await;
    quiet().await;
    let one = Replay { message: Some(first), ..Replay::default() };
    assert_eq!(replay(&engine, own(&engine), &one).await, 1);
    until(async || house.hook.bodies().len() == 4).await;
    put(&engine, Subscription { enabled: false, ..subscription() }).await;
    quiet().await;
    let off = Subscription { enabled: true, ..Subscription::clone(&own(&engine)) };
    let span = Replay { from: Some(later), ..Replay::default() };
    assert_eq!(replay(&engine, Arc::new(off), &span).await, 2);
    engine.shutdown().await;
    let engine = house.start().await;
    put(&engine, subscription()).await;
    until(async || house.hook.bodies().len() == 6).await;
    assert_eq!(house.hook.bodies()[3..], ["a1", "a2", "a3"]);
}

#[tokio::test]
async fn while_secrets_change_a_subscriber_may_know_either() {
    let (house, engine) = open(subscription()).await;
    let until_ms = engine.now().plus_ms(1_000);
    let previous = Some(PreviousSecret { secret: "old".to_owned(), until: until_ms });
    put(&engine, Subscription { previous, ..subscription() }).await;
    house.hook.answers(&[401, 200]);
    send(&engine, text("1", "a", &["ALPHA"])).await;
    until(async || house.hook.signers() == ["new", "old"]).await;
    house.clock.advance_ms(1_000);
    house.hook.answers(&[401]);
    send(&engine, text("2", "b", &["ALPHA"])).await;
    until(async || parked(&engine).await == 1).await;
    assert_eq!(house.hook.signers(), ["new", "old", "new"]);
}

#[tokio::test]
async fn a_dead_endpoint_is_tried_by_one_conversation_until_it_answers() {
    let (house, engine) = open(subscription()).await;
    house.hook.answers(&[503; 11]);
    for person in 1..=12 {
        send(&engine, text(&person.to_string(), &person.to_string(), &["ALPHA"])).await;
        until(async || parked(&engine).await == person).await;
    }
    assert_eq!(house.hook.bodies().len(), 10);
    house.clock.advance_ms(1_000);
    until(async || house.hook.bodies().len() == 11).await;
    quiet().await;
    assert_eq!(house.hook.bodies().len(), 11);
    house.clock.advance_ms(2_000);
    until(async || parked(&engine).await == 0).await;
    assert_eq!(house.hook.bodies().len(), 11 + 12);
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_for_five_days_is_disabled_and_goes_on_where_it_was() {
    let (house, engine) = open(subscription()).await;
    house.hook.answers(&[500; 100]);
    for day in 0..11 {
        send(&engine, text("1", &day.to_string(), &["ALPHA"])).await;
        until(async || house.hook.bodies().len() > day).await;
        quiet().await;
        house.clock.advance_ms(DAY_MS / 2);
        quiet().await;
        if !own(&engine).enabled {
            break;
        }
    }
    until(async || !own(&engine).enabled).await;
    let disabled = |event: &Event| matches!(event.fact, Fact::EndpointDisabled { .. });
    assert!(house.store.all_events().iter().any(disabled));
    let posted = house.hook.bodies().len();
    let waiting = send(&engine, text("2", "later", &["ALPHA"])).await;
    quiet().await;
    assert_eq!(house.hook.bodies().len(), posted);
    put(&engine, subscription()).await;
    until(async || matches!(fate(&engine, waiting).await, Fate::Taken(_) | Fate::Tried(..))).await;
}
