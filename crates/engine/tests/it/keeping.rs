//! The keeper: answers, unclaimed receipts and the log go when their time is over, and not before.

use domain::command::admin::PutSubscription;
use domain::content::Face;
use domain::event::{Event, Fact};
use domain::id::{Id, SubscriptionId};
use domain::record::Kind;
use domain::subscription::Subscription;
use engine::{Engine, OnceKey, StoredAnswer, domain};
use ports::Reads;

use crate::house::{House, TENANT, callback, quiet, send, text, until};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

async fn rows(house: &House, kind: Kind) -> usize {
    house.store.scan(None, kind).await.unwrap().len()
}

#[tokio::test]
async fn an_answer_is_forgotten_when_its_life_is_over() {
    let house = House::new();
    let engine = house.open().await;
    let key = OnceKey { tenant: TENANT, face: Face::Sinch, key: "k".to_owned(), fingerprint: [7; 32] };
    let render = |_: &_| StoredAnswer { status: 200, body: Vec::new() };
    engine.execute_once(key, text("1", "hello", &["ALPHA"]), render).await.unwrap();
    quiet().await;
    house.clock.advance_ms(23 * HOUR_MS);
    quiet().await;
    assert_eq!(rows(&house, Kind::Once).await, 1);
    house.clock.advance_ms(2 * HOUR_MS);
    until(async || rows(&house, Kind::Once).await == 0).await;
}

#[tokio::test]
async fn a_key_answers_until_its_time_is_over_to_the_millisecond_and_is_then_free() {
    for kept_s in [86_400, 7 * 86_400] {
        let mut house = House::new();
        house.limits.answers_kept_s = kept_s;
        let engine = house.open().await;
        let once = async |words: &'static str| {
            let key =
                OnceKey { tenant: TENANT, face: Face::Sinch, key: "k".to_owned(), fingerprint: [7; 32] };
            let render = |_: &_| StoredAnswer { status: 200, body: words.into() };
            engine.execute_once(key, text("1", words, &["ALPHA"]), render).await.unwrap().body
        };
        assert_eq!(once("first").await, b"first");
        house.clock.advance_ms(kept_s * 1_000 - 1);
        assert_eq!(once("second").await, b"first");
        house.clock.advance_ms(1);
        assert_eq!(once("third").await, b"third");
        assert_eq!(house.submitted(), 2);
    }
}

#[tokio::test]
async fn a_receipt_that_nothing_claims_in_72_hours_is_told_as_an_orphan() {
    let house = House::new();
    let engine = house.open().await;
    callback(&engine, "alpha", "receipt strange - delivered").await;
    let orphans = || {
        let orphan = |event: &Event| matches!(event.fact, Fact::ReceiptOrphaned { .. });
        house.store.all_events().iter().filter(|event| orphan(event)).count()
    };
    quiet().await;
    house.clock.advance_ms(71 * HOUR_MS);
    quiet().await;
    assert_eq!((rows(&house, Kind::EarlyReceipts).await, orphans()), (1, 0));
    house.clock.advance_ms(2 * HOUR_MS);
    until(async || rows(&house, Kind::EarlyReceipts).await == 0).await;
    assert_eq!(orphans(), 1);
}

/// A subscription in a dialect that this server does not speak: nobody moves its cursor.
async fn left_behind(engine: &Engine) -> SubscriptionId {
    let id = SubscriptionId(Id(9));
    let subscription = Subscription { number: 0, ..testkit::samples::subscription(id.0, TENANT, "") };
    engine.execute(PutSubscription { subscription, from: engine.position() }).await.unwrap();
    id
}

#[tokio::test]
async fn the_log_is_cut_after_thirty_days_and_positions_go_on() {
    let house = House::new();
    let engine = house.open().await;
    send(&engine, text("1", "old", &["ALPHA"])).await;
    quiet().await;
    let head = engine.position();
    house.clock.advance_ms(29 * DAY_MS);
    quiet().await;
    assert_eq!(house.store.all_events().len() as u64, head);
    house.clock.advance_ms(2 * DAY_MS);
    until(async || house.store.all_events().is_empty()).await;
    send(&engine, text("1", "new", &["ALPHA"])).await;
    assert_eq!(house.store.all_events()[0].position, head + 1);
}

#[tokio::test]
async fn a_live_subscription_holds_the_log_for_a_week_and_is_then_disabled_with_an_event() {
    let mut house = House::new();
    house.limits.log_kept_s = 24 * 3_600;
    let engine = house.open().await;
    let subscription = left_behind(&engine).await;
    send(&engine, text("1", "unheard", &["ALPHA"])).await;
    quiet().await;
    let first = house.store.all_events()[0].position;
    house.clock.advance_ms(6 * DAY_MS);
    quiet().await;
    assert_eq!(house.store.all_events()[0].position, first);
    house.clock.advance_ms(2 * DAY_MS);
    until(async || house.store.all_events()[0].position > first).await;
    let events = house.store.all_events();
    assert!(events.iter().any(|event| event.fact == Fact::SubscriptionDisabled { subscription }));
    assert!(engine.directory().subscriptions().all(|one| !one.enabled));
}
