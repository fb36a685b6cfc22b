//! The batcher's task: decides commands in order against the evolving state, loads what they lack, and commits the
//! union in one durable transaction; answers go out after that.
//!
//! While one batch is in flight to the disk the next one forms: what comes is decided at once, above the changes in
//! flight. That is group commit without timers: one command alone is not delayed. Nobody else sees changes in flight,
//! and should the store not keep them, what was decided above them is decided again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::id::{Id, SubscriptionId};
use domain::job::Job;
use domain::record::{Key, Kind, Name, Record};
use domain::time::Time;
use domain::view::{Decision, View};
use foldhash::HashSet;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ports::store::{Batch, Commit, Committed, Store, Version, Write};
use ports::{Error, ErrorKind};
use tokio::sync::{Notify, mpsc, watch};

use super::{Kept, Pending, load_directory};
use crate::cache::{Cached, Layered, Shared};
use crate::directory::{Directory, KINDS};
use crate::engine::Parts;
use crate::ids::IdsAt;
use crate::level::Level;
use crate::queue::Receiver;
use crate::tail::Tail;
use crate::union::Union;

/// Load rounds before a command counts as a bug.
const LOAD_ROUNDS_MAX: usize = 8;
/// How often a stale command is decided again before the door says 503.
const STALE_ROUNDS_MAX: usize = 5;

/// The task's state.
pub(super) struct Work {
    pub parts: Parts,
    pub cache: Shared,
    pub tail: Tail,
    pub directory: Arc<RwLock<Arc<Directory>>>,
    pub directory_changed: Arc<Notify>,
    pub head: u64,
    /// The latest time handed in for a commit: wall time never goes back behind it.
    pub floor: Time,
    pub head_sender: watch::Sender<u64>,
    pub log: Arc<Level>,
    pub job_sender: mpsc::Sender<Vec<Job>>,
    pub jobs_missed: Arc<AtomicBool>,
    pub broken: watch::Sender<Option<Arc<str>>>,
    /// A commit's answer was lost and could not be looked up either: memory may be behind the store.
    pub unsure: bool,
    /// The batch that the store has been given.
    pub flight: Option<Flight>,
    /// What the next batch forms in: an earlier one's, emptied.
    pub spare: Union,
    /// The batch last in flight was not kept: what was decided above it counts for nothing.
    pub overturned: Option<Overturned>,
}

/// A batch being decided.
#[derive(Default)]
struct Forming {
    commands: Vec<Box<dyn Pending>>,
    union: Union,
    /// How often the store found rows stale under it.
    rounds: usize,
}

/// A batch that the store has been given.
pub(super) struct Flight {
    commands: Vec<Box<dyn Pending>>,
    union: Union,
    rounds: usize,
    /// Of each row in the union's order, the version it was decided on.
    versions: Vec<Version>,
    /// Position of the newest event once it is kept.
    last: u64,
    outcome: BoxFuture<'static, Outcome>,
}

/// What became of a batch.
enum Outcome {
    Kept,
    Stale(Vec<Key>),
    /// Not kept, or nobody knows; in the latter case memory may be behind the store.
    Failed {
        error: Error,
        unsure: bool,
    },
}

/// Commands to decide again, and rows to load before.
#[derive(Default)]
pub(super) struct Overturned {
    commands: Vec<Box<dyn Pending>>,
    rounds: usize,
    stale: Vec<Key>,
}

/// A command that waits to be decided.
struct Undecided {
    command: Box<dyn Pending>,
    /// It was asked ahead and lacks nothing.
    ready: bool,
}

impl Undecided {
    fn new(command: Box<dyn Pending>) -> Undecided {
        Undecided { command, ready: false }
    }
}

/// Hands a batch to the store and finds out what became of it: nobody is told anything before that is known.
async fn keep(store: Arc<dyn Store>, batch: Batch) -> Outcome {
    let id = batch.id;
    let error = match store.commit(batch).await {
        Ok(Commit::Committed) => return Outcome::Kept,
        Ok(Commit::Stale(keys)) => return Outcome::Stale(keys),
        Err(error) => error,
    };
    // After a failed sync nobody knows what the disk holds; asking it again proves nothing.
    if error.kind == ErrorKind::Fatal {
        return Outcome::Failed { error, unsure: true };
    }
    match store.look_up(id).await {
        Ok(Committed::Yes) => Outcome::Kept,
        Ok(Committed::No) => Outcome::Failed { error, unsure: false },
        Err(error) => Outcome::Failed { error, unsure: true },
    }
}

/// What became of the batch in flight; `None`: there is none.
async fn landing(flight: &mut Option<Flight>) -> Option<Outcome> {
    Some((&mut flight.as_mut()?.outcome).await)
}

impl Work {
    pub async fn run(mut self, mut waiting: Receiver<Box<dyn Pending>>) {
        let (mut forming, mut open) = (Forming::default(), true);
        loop {
            let room = self.parts.limits.batch_commands_max.saturating_sub(forming.commands.len());
            let came = tokio::select! {
                biased;
                Some(outcome) = landing(&mut self.flight) => {
                    self.land(outcome);
                    Vec::new()
                }
                commands = waiting.next(room), if open && room > 0 => {
                    open = !commands.is_empty();
                    commands
                }
                else => return,
            };
            self.decide(came, &mut forming).await;
            if self.flight.is_none() && !forming.commands.is_empty() {
                let next = Forming { union: std::mem::take(&mut self.spare), ..Forming::default() };
                self.take_off(std::mem::replace(&mut forming, next));
            }
        }
    }

    /// Decides commands in order, and before them what was overturned meanwhile.
    async fn decide(&mut self, commands: Vec<Box<dyn Pending>>, forming: &mut Forming) {
        let mut undecided: VecDeque<Undecided> = commands.into_iter().map(Undecided::new).collect();
        loop {
            if let Some(overturned) = self.overturned.take() {
                self.start_over(overturned, forming, &mut undecided).await;
            }
            if let Some(why) = self.broken.borrow().clone() {
                return undecided.into_iter().for_each(|one| one.command.fail(&why));
            }
            if self.unsure
                && !undecided.is_empty()
                && let Err(error) = self.catch_up().await
            {
                return self.fail_all(undecided.into_iter().map(|one| one.command), &error);
            }
            let Some(next) = undecided.pop_front() else { return };
            self.decide_one(next.command, forming, &mut undecided).await;
        }
    }

    /// Puts what was overturned, and then what was decided above it, before all that is undecided.
    async fn start_over(
        &mut self,
        overturned: Overturned,
        forming: &mut Forming,
        undecided: &mut VecDeque<Undecided>,
    ) {
        let above = std::mem::take(forming);
        let Overturned { mut commands, rounds, stale } = overturned;
        // Loaded, not only forgotten: a command may write a row whole without reading it first.
        if !stale.is_empty()
            && let Err(error) = self.load(stale).await
        {
            self.fail_all(std::mem::take(&mut commands).into_iter(), &error);
        }
        forming.rounds = if commands.is_empty() { above.rounds } else { rounds };
        commands.into_iter().chain(above.commands).rev().for_each(|command| {
            undecided.push_front(Undecided::new(command));
        });
    }

    /// Decides one command into the forming batch. What it lacks is loaded, together with what those behind it lack.
    async fn decide_one(
        &mut self,
        mut command: Box<dyn Pending>,
        forming: &mut Forming,
        behind: &mut VecDeque<Undecided>,
    ) {
        // Kept over the rounds: a row may be named by an id that the command itself drew.
        let mut drawn = Vec::new();
        for _ in 0..=LOAD_ROUNDS_MAX {
            let wanted = match self.try_one(&mut *command, &forming.union, &mut drawn) {
                Ok((kept, decision)) => {
                    if kept == Kept::Yes {
                        forming.union.add(decision);
                    }
                    return forming.commands.push(command);
                }
                Err(keys) => self.wanted_by_all(keys, &forming.union, behind),
            };
            if let Err(error) = self.load(wanted).await {
                let behind = behind.drain(..).map(|one| one.command);
                return self.fail_all(std::iter::once(command).chain(behind), &error);
            }
            if self.overturned.is_some() {
                return behind.push_front(Undecided::new(command));
            }
        }
        tracing::error!("a command wanted rows without end");
        command.fail("the request could not be decided");
    }

    /// The keys that a command wants, and those that the ones behind it would: one load serves all that wait.
    fn wanted_by_all(&self, keys: Vec<Key>, union: &Union, behind: &mut VecDeque<Undecided>) -> Vec<Key> {
        let mut wanted: HashSet<Key> = keys.into_iter().collect();
        for one in behind.iter_mut().filter(|one| !one.ready) {
            // Decided when its turn comes.
            match self.try_one(&mut *one.command, union, &mut Vec::new()) {
                Ok(_) => one.ready = true,
                Err(keys) => wanted.extend(keys),
            }
        }
        wanted.into_iter().collect()
    }

    fn try_one(
        &self,
        command: &mut dyn Pending,
        union: &Union,
        drawn: &mut Vec<Id>,
    ) -> Result<(Kept, Decision), Vec<Key>> {
        let now = self.now();
        let in_flight = self.flight.as_ref().map(|flight| &flight.union.changes);
        let (store, cache) = (&*self.parts.store, &*self.cache.read());
        let layered = Layered { store, cache, in_flight, changes: &union.changes };
        let mut ids = IdsAt { ids: &self.parts.ids, now, drawn, next: 0 };
        let mut view = View::new(&layered, &mut ids, now);
        let kept = command.decide(&mut view)?;
        Ok((kept, view.into_decision()))
    }

    /// Loads rows. Who is in flight meanwhile need not wait for that to land.
    async fn load(&mut self, keys: Vec<Key>) -> Result<(), Error> {
        metrics::counter!("trunkline_loads_total").increment(1);
        metrics::counter!("trunkline_loaded_rows_total").increment(keys.len() as u64);
        let store = self.parts.store.clone();
        let mut loading = store.load(keys);
        let rows = loop {
            tokio::select! {
                biased;
                Some(outcome) = landing(&mut self.flight) => self.land(outcome),
                rows = &mut loading => break rows?,
            }
        };
        let mut cache = self.cache.write();
        for row in rows {
            cache.put(row.key, Cached { version: row.version, record: row.record });
        }
        Ok(())
    }

    /// Takes over what the store has, after a commit whose fate is not known.
    async fn catch_up(&mut self) -> Result<(), Error> {
        let directory = load_directory(&self.parts).await?;
        let (head, floor) = self.parts.store.head().await?;
        self.cache.write().clear();
        self.tail.cut(u64::MAX);
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
        self.directory_changed.notify_waiters();
        self.floor = self.floor.max(floor);
        self.head = head;
        self.head_sender.send_replace(head);
        self.log.rise(head);
        self.unsure = false;
        // Jobs of the commit in question were not passed on.
        self.jobs_missed.store(true, Ordering::Release);
        drop(self.job_sender.try_send(Vec::new()));
        Ok(())
    }

    fn fail_all(&self, commands: impl Iterator<Item = Box<dyn Pending>>, error: &Error) {
        if error.kind == ErrorKind::Fatal {
            self.broken.send_replace(Some(error.to_string().into()));
        }
        let failed = commands.map(|command| command.fail("the store is not available; try again shortly"));
        tracing::error!(%error, commands = failed.count(), "a batch could not be kept");
    }

    /// Gives a batch to the store; what changes nothing is answered at once.
    fn take_off(&mut self, formed: Forming) {
        let Forming { commands, union, rounds } = formed;
        metrics::histogram!("trunkline_batch_commands").record(commands.len() as f64);
        if union.is_empty() {
            return commands.into_iter().for_each(|command| command.answer());
        }
        let at = self.now().max(self.parts.ids.latest());
        self.floor = at;
        let batch = self.assemble(&union, at);
        let last = batch.events.last().map_or(self.head, |event| event.position);
        let versions = batch.writes.iter().map(|write| write.version).collect();
        // Here nothing is decided that rests on a version in the cache and is not in flight with it.
        self.cache.write().trim();
        let outcome = keep(self.parts.store.clone(), batch).boxed();
        self.flight = Some(Flight { commands, union, rounds, versions, last, outcome });
    }

    fn assemble(&self, union: &Union, at: Time) -> Batch {
        let cache = self.cache.read();
        let version = |key: &Key| cache.get(key).map_or(0, |cached| cached.version);
        let write = |(key, record): (&Key, &Option<Record>)| Write {
            key: key.clone(),
            version: version(key),
            record: record.clone(),
        };
        let mut events = union.events.clone();
        for (offset, event) in events.iter_mut().enumerate() {
            event.position = self.head + 1 + offset as u64;
        }
        Batch {
            id: self.parts.ids.next(at),
            writes: union.changes.iter().map(write).collect(),
            relied: union
                .read
                .iter()
                .filter(|key| !union.changes.contains_key(*key))
                .map(|key| (key.clone(), version(key)))
                .collect(),
            listings: union.listings.clone(),
            events,
            jobs: union.jobs.clone(),
            finished_jobs: union.finished_jobs.clone(),
            at,
        }
    }

    /// Answers the batch that was in flight, or says what is to be decided again.
    fn land(&mut self, outcome: Outcome) {
        let Some(flight) = self.flight.take() else { return };
        let rounds = flight.rounds + 1;
        match outcome {
            Outcome::Kept => {
                self.settled(flight.union, flight.versions, flight.last);
                flight.commands.into_iter().for_each(|command| command.answer());
            }
            Outcome::Stale(stale) if rounds < STALE_ROUNDS_MAX => {
                self.overturned = Some(Overturned { commands: flight.commands, rounds, stale });
            }
            Outcome::Stale(stale) => {
                let why = "other writers keep changing the same rows";
                flight.commands.into_iter().for_each(|command| command.fail(why));
                self.overturned = Some(Overturned { stale, ..Overturned::default() });
            }
            Outcome::Failed { error, unsure } => {
                self.unsure |= unsure;
                self.fail_all(flight.commands.into_iter(), &error);
                self.overturned = Some(Overturned::default());
            }
        }
    }

    /// What follows a commit: cache, directory, log readers and the runner learn of it.
    fn settled(&mut self, mut union: Union, versions: Vec<Version>, last: u64) {
        for (event, position) in union.events.iter_mut().zip(self.head + 1..) {
            event.position = position;
        }
        self.tail.add(std::mem::take(&mut union.events));
        let mut directory: Option<Directory> = None;
        let mut cache = self.cache.write();
        for ((key, record), seen) in union.changes.drain(..).zip(versions) {
            if KINDS.contains(&key.kind) {
                let snapshot = directory.get_or_insert_with(|| self.snapshot());
                publish(snapshot, &key, record.as_ref());
            }
            let version = if record.is_some() { seen + 1 } else { 0 };
            cache.put(key, Cached { version, record });
        }
        drop(cache);
        if let Some(directory) = directory {
            *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
            self.directory_changed.notify_waiters();
        }
        self.head = last;
        self.head_sender.send_replace(last);
        self.log.rise(last);
        if !union.jobs.is_empty() && self.job_sender.try_send(std::mem::take(&mut union.jobs)).is_err() {
            // The runner is behind; its sweep finds these jobs in the store.
            self.jobs_missed.store(true, Ordering::Release);
            metrics::counter!("trunkline_jobs_left_to_sweep").increment(1);
        }
        self.spare = union.emptied();
    }

    fn snapshot(&self) -> Directory {
        Directory::clone(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Time {
        self.parts.clock.now().max(self.floor)
    }
}

fn publish(directory: &mut Directory, key: &Key, record: Option<&Record>) {
    match (record, key.kind, &key.name) {
        (Some(record), _, _) => directory.put(record),
        (None, Kind::Subscription, Name::Id(id)) => {
            directory.remove_subscription(key.tenant, SubscriptionId(*id));
        }
        _ => {}
    }
}
