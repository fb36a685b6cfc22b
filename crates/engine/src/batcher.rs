//! The batcher: the one place that commits.
//!
//! Commands wait in a queue; [`work`] decides them in batches, each one durable transaction. Here is the way in: a
//! command with the place for its answer, and what the engine gets when the batcher starts.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use domain::command::Command;
use domain::job::Job;
use domain::record::Key;
use domain::view::{Halt, View};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::cache::Shared;
use crate::directory::{Directory, KINDS};
use crate::engine::{Failure, Parts};
use crate::level::Level;
use crate::queue::{Rejected, Sender, queue};
use crate::tail::Tail;

mod work;

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
    let work = work::Work {
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
        flight: None,
        spare: Default::default(),
        overturned: None,
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
