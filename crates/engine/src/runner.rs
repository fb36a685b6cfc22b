//! The runner: takes jobs lane by lane. A lane's send jobs run one at a time, in order; lanes run side by side.
//!
//! Actors: the [`Board`] says which job may run next; each hand-over is a task of its own that reports back how its
//! lane goes on. Jobs come in memory as they are committed, and from the store at the start and by the sweep;
//! whoever is owned in memory is skipped. Correctness rests on the rows: a job run twice finds its attempt taken.

mod board;
mod hand_over;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::app::UnknownPolicy;
use domain::channel::{Channel, Nature};
use domain::command::expire::{Erase, Expire};
use domain::id::JobId;
use domain::job::{Job, Work};
use domain::time::Time;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::batcher::NewJobs;
use crate::engine::{Engine, stopped};
use crate::intake::SessionIntake;
use board::Board;

/// How far ahead jobs are held in memory, in milliseconds.
const HORIZON_MS: i64 = 60_000;
/// How often the store is swept for jobs that memory does not hold, in milliseconds.
const SWEEP_MS: i64 = 15_000;
/// Before what could not be kept is tried again, in milliseconds.
const UNAVAILABLE_MS: i64 = 1_000;
/// Jobs read from the store at once.
const PAGE: usize = 1_000;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Gone from the store.
    Done,
    /// Again, not before this moment.
    Again(Time),
}

/// Runs until the engine stops and every open hand-over has ended.
pub(crate) async fn run(engine: Engine, mut jobs: NewJobs) {
    let stopping = engine.stopping();
    let permits = Arc::new(Semaphore::new(engine.parts().limits.open_attempts_max));
    let mut board = Board::default();
    let mut open = Open::default();
    let mut sweep_at = Time(0);
    // Whether memory holds every job whose time has come: before that no lane knows its head.
    let mut complete = false;
    loop {
        let now = engine.now();
        if jobs.missed.swap(false, Ordering::AcqRel) {
            (complete, sweep_at) = (false, now);
        }
        if now >= sweep_at {
            let found_all = sweep(&engine, &mut board).await;
            complete |= found_all;
            sweep_at = now.plus_ms(if found_all { SWEEP_MS } else { UNAVAILABLE_MS });
        }
        if complete {
            start_ready(&engine, &mut board, &permits, &mut open);
        }
        let due = board.next_due().filter(|_| complete).unwrap_or(Time::NEVER);
        let wake = due.min(sweep_at);
        tokio::select! {
            biased;
            () = stopped(&stopping) => break,
            Some((job, ended)) = open.next(&engine) => board.ended(job, ended, engine.now()),
            // What comes while earlier ones are missed is left to the sweep that finds those, in order.
            Some(batch) = jobs.committed.recv() => if complete && !jobs.missed.load(Ordering::Acquire) {
                let soon = engine.now().plus_ms(HORIZON_MS);
                batch.into_iter().filter(|job| job.due_at <= soon).for_each(|job| board.add(job));
            },
            () = engine.parts().clock.wait_until(wake) => {}
        }
    }
    tokio::select! {
        biased;
        () = async { while open.next(&engine).await.is_some() {} } => {}
        () = engine.patience_is_over() => tracing::warn!("open hand-overs are left for the next start"),
    }
}

/// The hand-overs that run, each a task of its own.
#[derive(Default)]
struct Open {
    tasks: JoinSet<Ended>,
    jobs: HashMap<tokio::task::Id, JobId>,
}

impl Open {
    fn add(&mut self, job: JobId, task: impl Future<Output = Ended> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.jobs.insert(id, job);
    }

    /// The next one to end. One that panicked comes up again: it finds its attempt open and calls it unknown.
    async fn next(&mut self, engine: &Engine) -> Option<(JobId, Ended)> {
        loop {
            let (id, ended) = match self.tasks.join_next_with_id().await? {
                Ok(ended) => ended,
                Err(error) => {
                    tracing::error!(%error, "a hand-over ended badly");
                    (error.id(), Ended::Again(engine.now().plus_ms(UNAVAILABLE_MS)))
                }
            };
            if let Some(job) = self.jobs.remove(&id) {
                return Some((job, ended));
            }
        }
    }
}

fn start_ready(engine: &Engine, board: &mut Board, permits: &Arc<Semaphore>, open: &mut Open) {
    let now = engine.now();
    while permits.available_permits() > 0 {
        let Some(job) = board.take(now) else { return };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            return;
        };
        let engine = engine.clone();
        open.add(job.id, async move {
            let ended = work(&engine, job).await;
            drop(permit);
            ended
        });
    }
}

async fn work(engine: &Engine, job: Job) -> Ended {
    match job.work {
        Work::Send { message } => hand_over::send(engine, &job, message).await,
        Work::Expire { message } => {
            let expire = Expire { tenant: job.tenant, message, job: job.id };
            again_unless(engine, engine.conclude(expire).await.is_ok())
        }
        Work::Erase { message } => {
            let erase = Erase { tenant: job.tenant, message, job: job.id };
            again_unless(engine, engine.conclude(erase).await.is_ok())
        }
    }
}

fn again_unless(engine: &Engine, done: bool) -> Ended {
    if done { Ended::Done } else { Ended::Again(engine.now().plus_ms(UNAVAILABLE_MS)) }
}

/// Finds jobs that memory does not hold; `false` when not all could be read.
async fn sweep(engine: &Engine, board: &mut Board) -> bool {
    let until = engine.now().plus_ms(HORIZON_MS);
    let mut after = None;
    loop {
        let page = match engine.parts().claims.jobs(until, after, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "jobs could not be read; the next sweep tries again");
                return false;
            }
        };
        let count = page.len();
        after = page.last().map(|job| (job.due_at, job.id));
        page.into_iter().for_each(|job| board.add(job));
        if count < PAGE {
            return true;
        }
    }
}

/// What the connector's abilities say of a channel.
pub(crate) fn nature(engine: &Engine, channel: &Channel) -> Nature {
    let registered = engine.registered(channel);
    let abilities = registered.map(|known| known.connector.abilities());
    let safe = abilities.is_some_and(|abilities| abilities.repeating_is_safe);
    Nature {
        unknown: if safe { UnknownPolicy::Retry } else { UnknownPolicy::Hold },
        reports_delivered: abilities.is_some_and(|abilities| abilities.reports_delivered),
    }
}

/// Keeps the accounts of session channels connected, anew whenever apps change.
pub(crate) async fn hold_sessions(engine: Engine) {
    let stopping = engine.stopping();
    let changed = engine.directory_changed();
    let mut held: Vec<(domain::app::ChannelAccount, domain::id::AppId, tokio::task::AbortHandle)> =
        Vec::new();
    let mut tasks = JoinSet::new();
    loop {
        let notified = changed.notified();
        let apps: Vec<_> = engine.directory().apps().cloned().collect();
        held.retain(|(account, app, task)| {
            let still = apps.iter().any(|one| one.id == *app && one.channels.contains(account));
            if !still {
                task.abort();
            }
            still
        });
        for app in apps {
            for account in &app.channels {
                let known = held.iter().any(|(own, id, _)| *id == app.id && own == account);
                let session = engine.registered(&account.channel).and_then(|one| one.session.clone());
                if let (false, Some(session), Some(line)) =
                    (known, session, engine.line(&app, &account.channel))
                {
                    let channel = account.channel.clone();
                    let intake = SessionIntake { engine: engine.clone(), app: app.clone(), channel };
                    let ending = engine.stopping();
                    let ending = Box::pin(async move { stopped(&ending).await });
                    let task = tasks.spawn(session.hold(line, Arc::new(intake), ending));
                    held.push((account.clone(), app.id, task));
                }
            }
        }
        tokio::select! {
            biased;
            () = stopped(&stopping) => break,
            () = notified => {}
        }
    }
    // They say good-bye by themselves: open answers may still come.
    while tasks.join_next().await.is_some() {}
}
