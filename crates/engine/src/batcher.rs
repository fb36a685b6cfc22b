//! The batcher: the one place that commits.
//!
//! It drains waiting commands into a batch, decides them in order against the evolving state, loads what they
//! lack, and commits the union in one durable transaction; answers go out after that. While one batch syncs the
//! next one fills: group commit without timers. One command alone is not delayed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::command::Command;
use domain::id::{Id, SubscriptionId};
use domain::job::Job;
use domain::record::{Key, Kind, Name, Record};
use domain::time::Time;
use domain::view::{Decision, Halt, View};
use foldhash::HashSet;
use ports::ErrorKind;
use ports::store::{Batch, Commit, Committed, Write};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::cache::{Cached, Layered, Shared};
use crate::directory::{Directory, KINDS};
use crate::engine::{Failure, Parts};
use crate::ids::IdsAt;
use crate::level::Level;
use crate::queue::{Receiver, Rejected, Sender, queue};
use crate::tail::Tail;
use crate::union::Union;

/// Load rounds before a command counts as a bug.
const LOAD_ROUNDS_MAX: usize = 8;
/// How often a stale command is decided again before the door says 503.
const STALE_ROUNDS_MAX: usize = 5;

/// Sends commands to the batcher's task.
#[derive(Clone)]
pub(crate) struct Batcher {
    queue: Sender<Box<dyn Pending>>,
}

/// Jobs on their way to the runner.
pub(crate) struct NewJobs {
    /// As they are committed.
    pub committed: mpsc::Receiver<Vec<Job>>,
    /// Set before later ones are sent: some are to be found in the store first, or their lanes lose their order.
    pub missed: Arc<AtomicBool>,
}

/// What [`start`] hands back.
pub(crate) struct Started {
    pub batcher: Batcher,
    pub cache: Shared,
    pub tail: Tail,
    pub task: JoinHandle<()>,
    pub directory: Arc<RwLock<Arc<Directory>>>,
    pub directory_changed: Arc<Notify>,
    pub head: watch::Receiver<u64>,
    pub log: Arc<Level>,
    pub jobs: NewJobs,
    /// Set once the store failed for good.
    pub broken: watch::Receiver<Option<Arc<str>>>,
}

/// A waiting command with the place for its answer, its types hidden.
trait Pending: Send {
    /// Decides; keeps the answer for later. `Err` carries the rows it wants.
    fn decide(&mut self, view: &mut View<'_>) -> Result<Kept, Vec<Key>>;
    /// Sends what was decided: everything is durable, or nothing was to be kept.
    fn answer(self: Box<Self>);
    /// Says that nothing was kept.
    fn fail(self: Box<Self>, why: &str);
}

/// Whether a decision's effects are to be committed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
}

struct Waiting<C: Command> {
    command: C,
    decided: Option<Result<C::Answer, C::Refusal>>,
    reply: oneshot::Sender<Result<C::Answer, Failure<C::Refusal>>>,
}

impl<C: Command> Pending for Waiting<C> {
    fn decide(&mut self, view: &mut View<'_>) -> Result<Kept, Vec<Key>> {
        match self.command.decide(view) {
            Ok(answer) => {
                self.decided = Some(Ok(answer));
                Ok(Kept::Yes)
            }
            Err(Halt::Refused(refusal)) => {
                self.decided = Some(Err(refusal));
                Ok(Kept::No)
            }
            Err(Halt::Wanted) => Err(view.take_wanted()),
        }
    }

    fn answer(self: Box<Self>) {
        let answer = match self.decided {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(refusal)) => Err(Failure::Refused(refusal)),
            None => Err(Failure::Unavailable("the command was not decided".to_owned())),
        };
        // A caller that went away has no use for its answer.
        drop(self.reply.send(answer));
    }

    fn fail(self: Box<Self>, why: &str) {
        drop(self.reply.send(Err(Failure::Unavailable(why.to_owned()))));
    }
}

impl Batcher {
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Answer, Failure<C::Refusal>> {
        let (reply, answer) = oneshot::channel();
        let tenant = command.tenant();
        match self.queue.put(tenant, Box::new(Waiting { command, decided: None, reply })) {
            Ok(()) => {}
            Err(Rejected::Full) => {
                return Err(Failure::Unavailable("too many requests wait; try again shortly".to_owned()));
            }
            Err(Rejected::Closed) => {
                return Err(Failure::Unavailable("the server is shutting down".to_owned()));
            }
        }
        answer.await.unwrap_or_else(|_| Err(Failure::Unavailable("the server is shutting down".to_owned())))
    }

    /// Lets the task end once everything that waits is answered.
    pub fn close(&self) {
        self.queue.close();
    }
}

/// Loads the directory and starts the task.
pub(crate) async fn start(parts: &Parts) -> Result<Started, ports::Error> {
    let directory = load_directory(parts).await?;
    let (head, floor) = parts.store.head().await?;
    parts.ids.go_on_after(floor);
    parts.clock.go_on_after(floor);
    let directory = Arc::new(RwLock::new(Arc::new(directory)));
    let directory_changed = Arc::new(Notify::new());
    let (queue, waiting) = queue(parts.limits.waiting_commands_max);
    let (job_sender, committed) = mpsc::channel(1024);
    let jobs = NewJobs { committed, missed: Arc::default() };
    let (head_sender, head_receiver) = watch::channel(head);
    let log = Arc::new(Level::at(head));
    let (broken_sender, broken) = watch::channel(None);
    let tail = Tail::new(parts.limits.cached_events_max);
    let cache = Shared::new(parts.limits.cached_rows_max);
    let work = Work {
        parts: parts.clone(),
        cache: cache.clone(),
        tail: tail.clone(),
        directory: directory.clone(),
        directory_changed: directory_changed.clone(),
        head,
        floor,
        head_sender,
        log: log.clone(),
        job_sender,
        jobs_missed: jobs.missed.clone(),
        broken: broken_sender,
        unsure: false,
    };
    let task = tokio::spawn(work.run(waiting));
    let batcher = Batcher { queue };
    Ok(Started {
        batcher,
        cache,
        tail,
        task,
        directory,
        directory_changed,
        head: head_receiver,
        log,
        jobs,
        broken,
    })
}

async fn load_directory(parts: &Parts) -> Result<Directory, ports::Error> {
    let mut directory = Directory::default();
    for kind in KINDS {
        for row in parts.reads.scan(None, kind).await? {
            row.record.iter().for_each(|record| directory.put(record));
        }
    }
    Ok(directory)
}

/// The task's state.
struct Work {
    parts: Parts,
    cache: Shared,
    tail: Tail,
    directory: Arc<RwLock<Arc<Directory>>>,
    directory_changed: Arc<Notify>,
    head: u64,
    /// The latest time committed: wall time never goes back behind it.
    floor: Time,
    head_sender: watch::Sender<u64>,
    log: Arc<Level>,
    job_sender: mpsc::Sender<Vec<Job>>,
    jobs_missed: Arc<AtomicBool>,
    broken: watch::Sender<Option<Arc<str>>>,
    /// A commit's answer was lost and could not be looked up either: memory may be behind the store.
    unsure: bool,
}

impl Work {
    async fn run(mut self, mut waiting: Receiver<Box<dyn Pending>>) {
        loop {
            let commands = waiting.next(self.parts.limits.batch_commands_max).await;
            if commands.is_empty() {
                return;
            }
            metrics::histogram!("trunkline_batch_commands").record(commands.len() as f64);
            self.batch(commands).await;
            let spent = self.cache.write().trim();
            drop(spent);
        }
    }

    /// Decides and commits; stale rows are loaded again and the batch decided again.
    async fn batch(&mut self, mut commands: Vec<Box<dyn Pending>>) {
        if let Some(why) = self.broken.borrow().clone() {
            return commands.into_iter().for_each(|command| command.fail(&why));
        }
        if self.unsure
            && let Err(error) = self.catch_up().await
        {
            return self.fail_all(commands, &error);
        }
        for _ in 0..STALE_ROUNDS_MAX {
            let (union, failed) = match self.decide(&mut commands).await {
                Ok(decided) => decided,
                Err(error) => return self.fail_all(commands, &error),
            };
            // From the back, so that the places of the others stay.
            for (place, why) in failed.into_iter().rev() {
                commands.remove(place).fail(why);
            }
            match self.commit(union).await {
                Ok(Commit::Committed) => return commands.into_iter().for_each(|command| command.answer()),
                // Loaded, not only forgotten: a command may write a row whole without reading it first.
                Ok(Commit::Stale(keys)) => {
                    if let Err(error) = self.load(keys).await {
                        return self.fail_all(commands, &error);
                    }
                }
                Err(error) => return self.fail_all(commands, &error),
            }
        }
        commands.into_iter().for_each(|command| command.fail("other writers keep changing the same rows"));
    }

    /// Takes over what the store has, after a commit whose fate is not known.
    async fn catch_up(&mut self) -> Result<(), ports::Error> {
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

    fn fail_all(&self, commands: Vec<Box<dyn Pending>>, error: &ports::Error) {
        if error.kind == ErrorKind::Fatal {
            self.broken.send_replace(Some(error.to_string().into()));
        }
        tracing::error!(%error, commands = commands.len(), "a batch could not be kept");
        commands
            .into_iter()
            .for_each(|command| command.fail("the store is not available; try again shortly"));
    }

    /// Runs every command in order, loading what they want. Returns the union, and who never settled.
    async fn decide(
        &mut self,
        commands: &mut [Box<dyn Pending>],
    ) -> Result<(Union, Vec<(usize, &'static str)>), ports::Error> {
        let now = self.now();
        let mut union = Union::default();
        let mut failed = Vec::new();
        let mut ready = vec![false; commands.len()];
        for place in 0..commands.len() {
            let mut rounds = 0;
            // Kept over the rounds: a row may be named by an id that the command itself drew.
            let mut drawn = Vec::new();
            loop {
                match self.try_one(&mut *commands[place], &union, now, &mut drawn) {
                    Ok((Kept::Yes, decision)) => break union.add(decision),
                    Ok((Kept::No, _)) => break,
                    Err(_) if rounds == LOAD_ROUNDS_MAX => {
                        tracing::error!("a command wanted rows without end");
                        break failed.push((place, "the request could not be decided"));
                    }
                    Err(keys) => {
                        let mut wanted: HashSet<Key> = keys.into_iter().collect();
                        let later = commands[place + 1..].iter_mut().zip(&mut ready[place + 1..]);
                        for (command, ready) in later.filter(|(_, ready)| !**ready) {
                            // Asked ahead, so that one load serves all that wait; decided when its turn comes.
                            match self.try_one(&mut **command, &union, now, &mut Vec::new()) {
                                Ok(_) => *ready = true,
                                Err(keys) => wanted.extend(keys),
                            }
                        }
                        self.load(wanted.into_iter().collect()).await?;
                    }
                }
                rounds += 1;
            }
        }
        Ok((union, failed))
    }

    fn try_one(
        &self,
        command: &mut dyn Pending,
        union: &Union,
        now: Time,
        drawn: &mut Vec<Id>,
    ) -> Result<(Kept, Decision), Vec<Key>> {
        let layered = Layered { cache: &self.cache.read(), changes: &union.changes };
        let mut ids = IdsAt { ids: &self.parts.ids, now, drawn, next: 0 };
        let mut view = View::new(&layered, &mut ids, now);
        let kept = command.decide(&mut view)?;
        Ok((kept, view.into_decision()))
    }

    async fn load(&mut self, keys: Vec<Key>) -> Result<(), ports::Error> {
        metrics::counter!("trunkline_loads_total").increment(1);
        metrics::counter!("trunkline_loaded_rows_total").increment(keys.len() as u64);
        let rows = self.parts.store.load(keys).await?;
        let mut cache = self.cache.write();
        for row in rows {
            cache.put(row.key, Cached { version: row.version, record: row.record });
        }
        Ok(())
    }

    async fn commit(&mut self, union: Union) -> Result<Commit, ports::Error> {
        if union.is_empty() {
            return Ok(Commit::Committed);
        }
        let at = self.now().max(self.parts.ids.latest());
        let batch = self.assemble(&union, at);
        let (id, last) = (batch.id, batch.events.last().map_or(self.head, |event| event.position));
        let outcome = match self.parts.store.commit(batch).await {
            Ok(outcome) => outcome,
            // After a failed sync nobody knows what the disk holds; asking it again proves nothing.
            Err(error) if error.kind == ErrorKind::Fatal => {
                self.unsure = true;
                return Err(error);
            }
            // The answer was lost: nobody is told anything before the truth is known.
            Err(error) => match self.parts.store.look_up(id).await {
                Ok(Committed::Yes) => Commit::Committed,
                Ok(Committed::No) => return Err(error),
                Err(lost) => {
                    self.unsure = true;
                    return Err(lost);
                }
            },
        };
        if outcome == Commit::Committed {
            self.settled(union, at, last).await;
        }
        Ok(outcome)
    }

    fn assemble(&self, union: &Union, at: Time) -> Batch {
        let cache = self.cache.read();
        let version = |key: &Key| cache.get(key).map_or(0, |cached| cached.version);
        let write = |key: &Key| Write {
            key: key.clone(),
            version: version(key),
            record: union.changes.get(key).cloned().flatten(),
        };
        let mut events = union.events.clone();
        for (offset, event) in events.iter_mut().enumerate() {
            event.position = self.head + 1 + offset as u64;
        }
        Batch {
            id: self.parts.ids.next(at),
            writes: union.order.iter().map(write).collect(),
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

    /// What follows a commit: cache, directory, log readers and the runner learn of it.
    async fn settled(&mut self, mut union: Union, at: Time, last: u64) {
        self.floor = at;
        for (event, position) in union.events.iter_mut().zip(self.head + 1..) {
            event.position = position;
        }
        self.tail.add(std::mem::take(&mut union.events));
        let mut directory: Option<Directory> = None;
        let mut cache = self.cache.write();
        for key in union.order {
            let record = union.changes.get(&key).cloned().flatten();
            if KINDS.contains(&key.kind) {
                let snapshot = directory.get_or_insert_with(|| self.snapshot());
                publish(snapshot, &key, record.as_ref());
            }
            let version = cache.get(&key).map_or(0, |cached| cached.version) + 1;
            let version = if record.is_some() { version } else { 0 };
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
        if !union.jobs.is_empty() && self.job_sender.try_send(union.jobs).is_err() {
            // The runner is behind; its sweep finds these jobs in the store.
            self.jobs_missed.store(true, Ordering::Release);
            metrics::counter!("trunkline_jobs_left_to_sweep").increment(1);
        }
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
