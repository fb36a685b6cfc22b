//! The runner: takes jobs lane by lane. A lane's send jobs run one at a time, in order; lanes run side by side.
//!
//! Actors: the [`Board`] says which job may run next: tenants take turns, then their senders, and each sender has a
//! gate (`gate.rs`) that keeps a provider's rates and pauses. Each hand-over is a task of its own that reports back how
//! its lane goes on and what was heard of the provider. Jobs come in memory as they are committed, and from the store
//! at the start and by the sweep; whoever is owned in memory is skipped. Correctness rests on the rows: a job run twice
//! finds its attempt taken, or its file settled.

mod board;
mod fetch;
mod gate;
mod hand_over;
mod terms;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::app::UnknownPolicy;
use domain::channel::{Address, Channel, Nature};
use domain::command::expire::{Erase, Expire};
use domain::job::{Job, Work};
use domain::time::Time;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::batcher::NewJobs;
use crate::engine::{Engine, stopped};
use crate::intake::SessionIntake;
use board::Board;
use gate::{Heard, Pass, Turned};
use terms::AllTerms;

/// How far ahead jobs are held in memory, in milliseconds.
const HORIZON_MS: i64 = 60_000;
/// How often the store is swept for jobs that memory does not hold, in milliseconds.
const SWEEP_MS: i64 = 15_000;
/// Before what could not be kept is tried again, in milliseconds.
const UNAVAILABLE_MS: i64 = 1_000;
/// Jobs read from the store at once.
const PAGE: usize = 1_000;

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// Gone from the store.
    Done,
    /// Tried. Again, not before this moment; to this address, if it is known.
    Again(Time, Option<Address>),
    /// Not tried: what it takes was not to be had. Again, not before this moment.
    Unavailable(Time),
    /// Not tried: its message goes to this address.
    Elsewhere(Address),
}

/// What came of a job.
#[derive(Debug)]
struct Worked {
    ended: Ended,
    /// What its hand-over said of the provider, if it came so far.
    heard: Option<Heard>,
}

impl From<Ended> for Worked {
    fn from(ended: Ended) -> Worked {
        Worked { ended, heard: None }
    }
}

/// Runs until the engine stops and every open hand-over has ended.
pub(crate) async fn run(engine: Engine, mut jobs: NewJobs) {
    let stopping = engine.stopping();
    let permits = Arc::new(Semaphore::new(engine.parts().limits.open_attempts_max));
    let (mut board, mut terms) = (Board::default(), AllTerms::new(&engine));
    let mut open = Open::default();
    let mut sweep_at = Time(0);
    // Whether memory holds every job whose time has come: before that no lane knows its head.
    let mut complete = false;
    let jobs_held = metrics::gauge!("trunkline_jobs_held");
    loop {
        let now = engine.now();
        jobs_held.set(board.len() as f64);
        if jobs.missed.swap(false, Ordering::AcqRel) {
            (complete, sweep_at) = (false, now);
        }
        if now >= sweep_at {
            let found_all = sweep(&engine, &mut board, &mut terms).await;
            complete |= found_all;
            sweep_at = now.plus_ms(if found_all { SWEEP_MS } else { UNAVAILABLE_MS });
        }
        let paused = engine.delivery_is_paused();
        board.hold(paused);
        if complete {
            board.wake(now);
            start_ready(&engine, &mut board, &mut terms, &permits, &mut open);
        }
        let due = board.wakes_at().filter(|_| complete).unwrap_or(Time::NEVER);
        let wake = due.min(sweep_at);
        tokio::select! {
            biased;
            () = stopped(&stopping) => break,
            Some((job, worked)) = open.next(&engine) => {
                let breaker = board.ended(job.id, worked, engine.now(), |job| terms.of(job));
                if let Some(breaker) = breaker {
                    tell(&job, breaker);
                }
            }
            // What comes while earlier ones are missed is left to the sweep that finds those, in order.
            Some(batch) = jobs.committed.recv() => if complete && !jobs.missed.load(Ordering::Acquire) {
                let soon = engine.now().plus_ms(HORIZON_MS);
                take_in(&mut board, &mut terms, batch.into_iter().filter(|job| job.due_at <= soon));
            },
            () = engine.delivery_hold().is_other_than(paused) => {}
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
    tasks: JoinSet<Worked>,
    jobs: HashMap<tokio::task::Id, Job>,
}

impl Open {
    fn add(&mut self, job: Job, task: impl Future<Output = Worked> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.jobs.insert(id, job);
    }

    /// The next one to end. One that panicked comes up again: it finds its attempt open and calls it unknown.
    async fn next(&mut self, engine: &Engine) -> Option<(Job, Worked)> {
        loop {
            let (id, worked) = match self.tasks.join_next_with_id().await? {
                Ok(worked) => worked,
                Err(error) => {
                    tracing::error!(%error, "a hand-over ended badly");
                    (error.id(), Ended::Unavailable(engine.now().plus_ms(UNAVAILABLE_MS)).into())
                }
            };
            if let Some(job) = self.jobs.remove(&id) {
                return Some((job, worked));
            }
        }
    }
}

fn take_in(board: &mut Board, terms: &mut AllTerms, jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        board.add(job, |job| terms.of(job));
    }
}

fn start_ready(
    engine: &Engine,
    board: &mut Board,
    terms: &mut AllTerms,
    permits: &Arc<Semaphore>,
    open: &mut Open,
) {
    let now = engine.now();
    while let Ok(permit) = permits.clone().try_acquire_owned() {
        let Some((job, pass)) = board.take(now, |job| terms.of(job)) else { return };
        let (engine, own) = (engine.clone(), job.clone());
        open.add(job, async move {
            let worked = work(&engine, own, pass).await;
            drop(permit);
            worked
        });
    }
}

/// Says that a sender's breaker opened or closed.
fn tell(job: &Job, turned: Turned) {
    let Some(to) = &job.to else { return };
    let (tenant_id, app_id, channel) = (job.tenant.ulid(), job.app.ulid(), to.channel.as_str());
    let open = metrics::gauge!("trunkline_breaker_open", "channel" => channel.to_owned());
    match turned {
        Turned::Opened => {
            open.increment(1);
            tracing::warn!(tenant_id, app_id, channel, "a provider keeps failing; its messages wait");
        }
        Turned::Closed => {
            open.decrement(1);
            tracing::info!(tenant_id, app_id, channel, "a provider answers again");
        }
    }
}

async fn work(engine: &Engine, job: Job, pass: Pass) -> Worked {
    match job.work {
        Work::Send { message } => hand_over::send(engine, &job, message, pass).await,
        Work::Expire { message } => {
            let expire = Expire { tenant: job.tenant, message, job: job.id };
            again_unless(engine, engine.conclude(expire).await.is_ok())
        }
        Work::Erase { message } => {
            if !fetch::erase_bytes(engine, &job, message).await {
                return again_unless(engine, false);
            }
            let erase = Erase { tenant: job.tenant, message, job: job.id };
            again_unless(engine, engine.conclude(erase).await.is_ok())
        }
        Work::Fetch { message, file } => fetch::fetch(engine, &job, message, file).await,
    }
}

fn again_unless(engine: &Engine, done: bool) -> Worked {
    let ended = if done { Ended::Done } else { Ended::Unavailable(engine.now().plus_ms(UNAVAILABLE_MS)) };
    ended.into()
}

/// Finds jobs that memory does not hold; `false` when not all could be read.
async fn sweep(engine: &Engine, board: &mut Board, terms: &mut AllTerms) -> bool {
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
        take_in(board, terms, page);
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
        patience_over: false,
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
