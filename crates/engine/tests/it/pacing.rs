//! What a provider can take, and what its failures cost others: rates, pauses, breakers, and turns between tenants.

use domain::app::{App, Patience};
use domain::command::admin::{CreateTenant, PutApp};
use domain::command::send::Send;
use domain::delivery::{Outcome, Reason, ReasonKind, Status};
use domain::id::{AppId, Id, TenantId};
use domain::tenant::Tenant;
use engine::{Engine, domain};
use tokio::sync::oneshot;

use crate::house::{Answer, House, accepted, delivery, quiet, send, text, until, until_status};

/// Failures in a row that open a breaker.
const FAILURES: usize = 20;
const OTHER_TENANT: TenantId = TenantId(Id(71));
const OTHER_APP: AppId = AppId(Id(72));

fn busy() -> Outcome {
    Outcome::Temporary { reason: Reason::new(ReasonKind::ChannelFailure, "busy"), retry_after_ms: None }
}

fn throttled(retry_after_ms: i64) -> Outcome {
    let reason = Reason::new(ReasonKind::RateLimited, "slow down");
    Outcome::Temporary { reason, retry_after_ms: Some(retry_after_ms) }
}

async fn change(engine: &Engine, set: impl FnOnce(&mut App)) {
    let app = engine.directory().apps().next().unwrap().clone();
    let mut app = App::clone(&app);
    set(&mut app);
    engine.execute(PutApp(app)).await.unwrap();
}

/// Settings of the app's account on the first channel.
async fn settings(engine: &Engine, pairs: &[(&str, &str)]) {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    change(engine, |app| app.channels[0].settings = pairs.collect()).await;
}

/// Another tenant with an app like the first one's.
async fn found_another(engine: &Engine) {
    let tenant = Tenant {
        id: OTHER_TENANT,
        name: "two".to_owned(),
        account_number: 0,
        site_id: String::new(),
        disabled: false,
    };
    let app = engine.directory().apps().next().unwrap().clone();
    engine.execute(CreateTenant(tenant)).await.unwrap();
    let app = App { id: OTHER_APP, tenant: OTHER_TENANT, number: 0, ..App::clone(&app) };
    engine.execute(PutApp(app)).await.unwrap();
}

fn of_another(command: Send) -> Send {
    Send { tenant: OTHER_TENANT, app: OTHER_APP, ..command }
}

#[tokio::test]
async fn an_account_hands_over_no_faster_than_its_setting_says_and_reads_nothing_while_it_waits() {
    let house = House::new();
    let engine = house.open().await;
    settings(&engine, &[("messages_per_second", "2")]).await;
    for person in 0..4 {
        send(&engine, text(&person.to_string(), "hello", &["ALPHA"])).await;
    }
    until(async || house.alpha.texts().len() == 1).await;
    quiet().await;
    let commits = house.store.commits();
    house.clock.advance_ms(499);
    quiet().await;
    assert_eq!((house.alpha.texts().len(), house.store.commits()), (1, commits));
    house.clock.advance_ms(1);
    until(async || house.alpha.texts().len() == 2).await;
    // Another channel is not held up.
    let other = send(&engine, text("9", "hello", &["BETA"])).await;
    until_status(&engine, other, Status::HandedOver).await;
    assert_eq!(house.alpha.texts().len(), 2);
}

#[tokio::test]
async fn one_person_is_written_to_no_faster_than_the_setting_says_and_others_are() {
    let house = House::new();
    let engine = house.open().await;
    settings(&engine, &[("messages_per_minute_per_recipient", "10")]).await;
    let first = send(&engine, text("1", "a1", &["ALPHA"])).await;
    until_status(&engine, first, Status::HandedOver).await;
    let second = send(&engine, text("1", "a2", &["ALPHA"])).await;
    let other = send(&engine, text("2", "b1", &["ALPHA"])).await;
    until_status(&engine, other, Status::HandedOver).await;
    house.clock.advance_ms(5_999);
    quiet().await;
    assert_eq!(house.alpha.texts(), ["a1", "b1"]);
    house.clock.advance_ms(1);
    until_status(&engine, second, Status::HandedOver).await;
}

#[tokio::test]
async fn a_failover_does_not_wait_for_the_account_it_leaves() {
    let house = House::new();
    let engine = house.open().await;
    settings(&engine, &[("messages_per_second", "1")]).await;
    house.alpha.answers(Outcome::Refused(Reason::new(ReasonKind::RecipientNotReachable, "nobody there")));
    let message = send(&engine, text("1", "a1", &["ALPHA", "BETA"])).await;
    until_status(&engine, message, Status::HandedOver).await;
    assert_eq!((house.alpha.texts().len(), house.beta.texts().len()), (1, 1));
}

#[tokio::test]
async fn hand_overs_open_on_an_account_are_bounded_by_its_setting() {
    let house = House::new();
    let engine = house.open().await;
    settings(&engine, &[("open_attempts", "1")]).await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || house.alpha.texts().len() == 1).await;
    let second = send(&engine, text("2", "b1", &["ALPHA"])).await;
    quiet().await;
    assert_eq!(house.alpha.texts(), ["a1"]);
    answer.send(accepted("first")).unwrap();
    until_status(&engine, second, Status::HandedOver).await;
}

#[tokio::test]
async fn a_throttled_answer_keeps_other_messages_of_the_account_from_the_same_wall() {
    let house = House::new();
    let engine = house.open().await;
    house.alpha.answers(throttled(2_000));
    let first = send(&engine, text("1", "a1", &["ALPHA"])).await;
    until(async || delivery(&engine, first).await.temporary_failures == 1).await;
    let second = send(&engine, text("2", "b1", &["ALPHA"])).await;
    quiet().await;
    house.clock.advance_ms(1_999);
    quiet().await;
    assert_eq!(house.alpha.texts(), ["a1"]);
    house.clock.advance_ms(1);
    until_status(&engine, first, Status::HandedOver).await;
    until_status(&engine, second, Status::HandedOver).await;
}

/// Opens ALPHA's breaker, which has seen so many failures, with messages to people to whom nothing else is sent.
async fn break_alpha(house: &House, engine: &Engine, failed: usize) {
    for person in failed..FAILURES {
        house.alpha.answers(busy());
        let message = send(engine, text(&format!("9{person}"), "first", &["ALPHA"])).await;
        until(async || delivery(engine, message).await.temporary_failures == 1).await;
    }
    quiet().await;
    assert_eq!(house.alpha.texts().len(), FAILURES);
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_probed_with_one_message_until_it_answers() {
    let house = House::new();
    let engine = house.open().await;
    break_alpha(&house, &engine, 0).await;
    house.alpha.answers(busy());
    // Every message is due again after half a second; the breaker opens after one.
    house.clock.advance_ms(999);
    quiet().await;
    assert_eq!(house.alpha.texts().len(), FAILURES);
    house.clock.advance_ms(1);
    quiet().await;
    assert_eq!(house.alpha.texts().len(), FAILURES + 1, "one probe, which fails");
    house.clock.advance_ms(2_000);
    until(async || house.alpha.texts().len() >= 2 * FAILURES).await;
}

#[tokio::test]
async fn a_message_that_waits_for_a_broken_provider_expires_in_time() {
    let house = House::new();
    let engine = house.open().await;
    break_alpha(&house, &engine, 0).await;
    (0..100).for_each(|_| house.alpha.answers(busy()));
    let mortal = Send { ttl_s: Some(10), ..text("1", "a1", &["ALPHA", "BETA"]) };
    let message = send(&engine, mortal).await;
    // The lane's next message takes another channel: it follows as soon as the first one's life is over.
    let next = send(&engine, text("1", "a2", &["BETA"])).await;
    quiet().await;
    assert!(delivery(&engine, message).await.attempts.is_empty());
    house.clock.advance_ms(10_000);
    until_status(&engine, message, Status::Failed).await;
    let kind = delivery(&engine, message).await.reason.map(|reason| reason.kind);
    assert_eq!(kind, Some(ReasonKind::Expired));
    until_status(&engine, next, Status::HandedOver).await;
}

#[tokio::test]
async fn a_message_behind_a_breaker_fails_over_when_patience_with_its_channel_is_over() {
    let house = House::new();
    let engine = house.open().await;
    change(&engine, |app| app.patience = Patience { retry_s: 30, report_s: None }).await;
    house.alpha.answers(busy());
    let message = send(&engine, text("1", "a1", &["ALPHA", "BETA"])).await;
    until(async || delivery(&engine, message).await.temporary_failures == 1).await;
    break_alpha(&house, &engine, 1).await;
    let untried = send(&engine, text("2", "b1", &["ALPHA", "BETA"])).await;
    (0..1_000).for_each(|_| house.alpha.answers(busy()));
    for _ in 0..29 {
        house.clock.advance_ms(1_000);
        quiet().await;
    }
    assert_eq!(house.beta.texts(), Vec::<String>::new());
    // Both are tried a last time; what was not tried before has one more try.
    (0..2).for_each(|_| house.clock.advance_ms(500));
    quiet().await;
    house.clock.advance_ms(1);
    until_status(&engine, message, Status::HandedOver).await;
    until_status(&engine, untried, Status::HandedOver).await;
    assert!(delivery(&engine, untried).await.attempts.len() > 1, "it was tried where it was meant to go");
}

#[tokio::test]
async fn a_tenant_with_a_hundred_times_the_messages_delays_anothers_by_a_turn() {
    let mut house = House::new();
    house.limits.open_attempts_max = 1;
    let engine = house.open().await;
    found_another(&engine).await;
    let (answer, later) = oneshot::channel();
    house.alpha.will(Answer::Later(later));
    for person in 0..100 {
        send(&engine, text(&person.to_string(), "crowd", &["ALPHA"])).await;
    }
    until(async || house.alpha.texts().len() == 1).await;
    send(&engine, of_another(text("7", "lonely", &["ALPHA"]))).await;
    quiet().await;
    answer.send(accepted("first")).unwrap();
    until(async || house.alpha.texts().len() == 101).await;
    let place = house.alpha.texts().iter().position(|words| words == "lonely");
    assert!(place <= Some(2), "{place:?}");
}

#[tokio::test]
async fn a_job_that_the_sweep_found_waits_for_its_accounts_rate_as_well() {
    let house = House::new();
    {
        let engine = house.open().await;
        settings(&engine, &[("messages_per_second", "1")]).await;
        for person in 0..3 {
            send(&engine, text(&person.to_string(), "hello", &["ALPHA"])).await;
        }
        until(async || house.alpha.texts().len() == 1).await;
        quiet().await;
        engine.shutdown().await;
    }
    let engine = house.start().await;
    until(async || house.alpha.texts().len() == 2).await;
    quiet().await;
    assert_eq!(house.alpha.texts().len(), 2, "a new process starts with a full bucket of one");
    house.clock.advance_ms(1_000);
    until(async || house.alpha.texts().len() == 3).await;
    engine.shutdown().await;
}
