//! The watchdog: a message that lost its job is ended all the same, once, and only when its time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::delivery::{Delivery, Outcome, Phase, ReasonKind, Status, StepKind};
use domain::id::{Id, JobId, MessageId};
use domain::message::Message;
use domain::record::{Key, Kind, Record};
use engine::{Engine, domain};
use metrics::{Counter, Gauge, Histogram, KeyName, Metadata, Recorder, SharedString, Unit};
use ports::{Batch, Reads, Store};
use tokio::sync::oneshot;

use crate::house::{Answer, House, TENANT, delivery, found, life, quiet, reason, send, text, unknown, until};

const MINUTE_MS: i64 = 60_000;
/// When a message is overdue, after its time.
const GRACE_MS: i64 = 5 * MINUTE_MS;

/// Counts what the watchdog finds while it lives, on this thread.
#[derive(Clone, Default)]
struct Findings(Arc<AtomicU64>);

impl Findings {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Recorder for Findings {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &metrics::Key, _: &Metadata<'_>) -> Counter {
        if key.name() == "trunkline_messages_overdue" {
            Counter::from_arc(self.0.clone())
        } else {
            Counter::noop()
        }
    }
    fn register_gauge(&self, _: &metrics::Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &metrics::Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Takes every job out of the store, as no code of ours would.
async fn lose_all_jobs(house: &House) {
    let jobs: Vec<JobId> = house.store.all_jobs().into_iter().map(|job| job.id).collect();
    let batch = Batch { id: Id(u128::MAX), finished_jobs: jobs, ..Batch::default() };
    house.store.commit(batch).await.unwrap();
    assert_eq!(house.store.all_jobs(), []);
}

/// Moves time on in steps, so that everything that is due by then has its turn.
async fn minutes(house: &House, count: i64) {
    for _ in 0..count {
        house.clock.advance_ms(MINUTE_MS);
        quiet().await;
    }
}

fn findings_of(delivery: &Delivery) -> usize {
    delivery.steps.iter().filter(|step| step.what == StepKind::FoundOverdue).count()
}

/// A message in the row that the store has.
async fn stored(house: &House, id: MessageId) -> Delivery {
    let row = house.store.load(vec![Key::id::<Message>(TENANT, id.0)]).await.unwrap().remove(0);
    let Some(Record::Message(message)) = row.record else { panic!("the message is gone") };
    message.delivery.clone().unwrap()
}

async fn sent(engine: &Engine, ttl_s: i64) -> MessageId {
    let mut command = text("1", "hello", &["ALPHA"]);
    command.ttl_s = Some(ttl_s);
    send(engine, command).await
}

/// A message of ten minutes that a provider does not take for as long, its process dead and its jobs gone.
fn stranded(house: &House) -> MessageId {
    life(async {
        let engine = house.open().await;
        house.alpha.answers(Outcome::Temporary { reason: reason("busy"), retry_after_ms: Some(600_000) });
        let message = sent(&engine, 600).await;
        until(async || !delivery(&engine, message).await.attempts.is_empty()).await;
        quiet().await;
        lose_all_jobs(house).await;
        message
    })
}

#[test]
fn a_message_whose_jobs_are_lost_expires_after_the_grace_and_is_counted_once() {
    let house = House::new();
    let message = stranded(&house);
    let findings = Findings::default();
    metrics::with_local_recorder(&findings, || {
        life(async {
            let engine = house.start().await;
            minutes(&house, 14).await;
            assert_eq!((findings.count(), delivery(&engine, message).await.status), (0, Status::Queued));
            minutes(&house, 2).await;
            let ended = delivery(&engine, message).await;
            assert_eq!((ended.status, ended.phase), (Status::Failed, Phase::Done));
            assert_eq!(ended.reason.as_ref().map(|reason| reason.kind), Some(ReasonKind::Expired));
            minutes(&house, 30).await;
            assert_eq!(findings.count(), 1);
            assert_eq!(findings_of(&delivery(&engine, message).await), 1);
            assert_eq!(house.statuses(), [Status::Failed]);
        });
    });
}

#[test]
fn an_attempt_that_is_held_ends_though_no_job_looks_after_it() {
    let house = House::new();
    let findings = Findings::default();
    metrics::with_local_recorder(&findings, || {
        life(async {
            let engine = house.open().await;
            house.alpha.answers(unknown());
            let message = sent(&engine, 86_400).await;
            until(async || matches!(delivery(&engine, message).await.phase, Phase::Held { .. })).await;
            lose_all_jobs(&house).await;
            minutes(&house, 64).await;
            assert!(matches!(delivery(&engine, message).await.phase, Phase::Held { .. }));
            minutes(&house, 12).await;
            let ended = delivery(&engine, message).await;
            assert_eq!(ended.reason.map(|reason| reason.kind), Some(ReasonKind::ReportTimedOut));
            assert_eq!(findings.count(), 1);
        });
    });
}

#[test]
fn an_attempt_that_a_dead_process_left_open_is_unknown_though_no_job_comes_back_to_it() {
    let house = House::new();
    let (kept, never) = oneshot::channel();
    let message = life(async {
        let engine = house.open().await;
        house.alpha.will(Answer::Later(never));
        let message = sent(&engine, 600).await;
        until(async || delivery(&engine, message).await.phase == Phase::Attempting).await;
        lose_all_jobs(&house).await;
        message
    });
    drop(kept);
    life(async {
        let engine = house.start().await;
        minutes(&house, 17).await;
        let ended = delivery(&engine, message).await;
        assert_eq!(ended.reason.as_ref().map(|reason| reason.kind), Some(ReasonKind::ReportTimedOut));
        assert!(ended.steps.iter().any(|step| step.what == StepKind::OutcomeUnknown { attempt: 1 }));
        assert_eq!((findings_of(&ended), house.alpha.texts().len()), (1, 1));
    });
}

#[test]
fn a_report_that_never_came_switches_to_the_next_channel_though_the_job_is_lost() {
    let house = House::new();
    life(async {
        let engine = house.start().await;
        found(&engine, None).await;
        let app = engine.directory().app(TENANT, crate::house::APP).unwrap().as_ref().clone();
        let patience = domain::app::Patience { report_s: Some(60), ..app.patience };
        let app = domain::app::App { patience, ..app };
        engine.execute(domain::command::admin::PutApp(app)).await.unwrap();
        let message = send(&engine, text("1", "hello", &["ALPHA", "BETA"])).await;
        until(async || delivery(&engine, message).await.status == Status::HandedOver).await;
        quiet().await;
        // The runner has it in memory: its time is less than a minute away.
        engine.shutdown().await;
    });
    life(async {
        lose_all_jobs(&house).await;
        let _engine = house.start().await;
        minutes(&house, 8).await;
        assert_eq!((house.alpha.texts().len(), house.beta.texts().len()), (1, 1));
    });
}

#[test]
fn a_message_within_its_time_is_left_alone() {
    let house = House::new();
    let message = stranded(&house);
    life(async {
        let engine = house.start().await;
        minutes(&house, 9 + GRACE_MS / MINUTE_MS).await;
        let waits = delivery(&engine, message).await;
        assert_eq!((waits.status, findings_of(&waits)), (Status::Queued, 0));
    });
}

#[test]
fn a_message_that_its_job_ends_is_no_finding() {
    let house = House::new();
    life(async {
        let engine = house.open().await;
        house.alpha.answers(Outcome::Temporary { reason: reason("busy"), retry_after_ms: Some(600_000) });
        let message = sent(&engine, 300).await;
        minutes(&house, 30).await;
        let ended = delivery(&engine, message).await;
        assert_eq!((ended.status, findings_of(&ended)), (Status::Failed, 0));
    });
}

#[test]
fn what_is_finished_is_not_read_again_after_a_start_and_what_is_open_is() {
    let house = House::new();
    let watched = async || {
        let cursors = house.store.scan(None, Kind::Cursor).await.unwrap();
        let records = cursors.into_iter().filter_map(|row| row.record);
        records.map(|one| if let Record::Cursor(cursor) = one { cursor.position } else { 0 }).max()
    };
    life(async {
        let engine = house.open().await;
        send(&engine, text("1", "done", &["ALPHA"])).await;
        minutes(&house, 6).await;
        let finished = engine.position();
        assert_eq!(watched().await, Some(finished));
        house.alpha.answers(Outcome::Temporary { reason: reason("busy"), retry_after_ms: Some(600_000) });
        let message = sent(&engine, 900).await;
        send(&engine, text("2", "done too", &["ALPHA"])).await;
        minutes(&house, 4).await;
        let submitted = house.store.all_events().into_iter().find(|event| event.message == Some(message));
        assert_eq!(watched().await, submitted.map(|event| event.position - 1));
        lose_all_jobs(&house).await;
        let held = stored(&house, message).await;
        assert!(matches!(held.phase, Phase::Waiting { .. }));
    });
}
