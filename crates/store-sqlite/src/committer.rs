//! The thread that alone commits: checks a batch, appends it to the journal, adds it to the backlog, answers. Cuts of
//! the log go the same way.
//!
//! It takes batches in the order handed in, one sync each: the engine has grouped what belongs together. When the
//! disk fails to confirm a batch the store stops for good; the server then ends the process.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::id::Id;
use domain::record::Key;
use ports::{Batch, Commit, Committed, Error, ErrorKind, Vault, Version};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::answers::stopped;
use crate::backlog::Backlog;
use crate::changes::{self, Changes, Place};
use crate::filter::{Filter, NAMED_IN_ORDER};
use crate::journal::{Journal, Record, Unkept};
use crate::names;
use crate::queries;
use crate::schema;
use crate::settings::Settings;

/// How long a batch waits for the backlog to shrink before it is refused.
const ROOM_WAIT: Duration = Duration::from_secs(1);
/// A little more than rows, events and jobs take on average, so that the buffer seldom grows and is nearly full: it
/// stays in memory until the tables have it.
const SPELLED_BYTES_USUAL: usize = 224;

/// A row that a batch relies on: its place with the hash of that, and its version.
struct Expected {
    place: Place,
    hash: u64,
    version: i64,
}

/// A batch, ready to be checked and kept.
pub struct Prepared {
    record: Record,
    changes: Changes,
    relied: Vec<Expected>,
}

impl Prepared {
    /// Spells a batch.
    pub fn new(batch: &Batch, vault: &dyn Vault) -> Result<Prepared, Error> {
        let pieces = batch.writes.len() + batch.events.len() + batch.jobs.len() + 1;
        let mut payload = Vec::with_capacity(pieces * SPELLED_BYTES_USUAL);
        changes::spell(batch, vault, &mut payload);
        let record = Record::of(payload);
        let changes = changes::read(record.payload())?;
        let expected = |(key, version): &(Key, Version)| {
            let place = Place::of(key);
            Expected { hash: place.hash(), place, version: names::number(*version) }
        };
        let relied = batch.relied.iter().map(expected).collect();
        Ok(Prepared { record, changes, relied })
    }

    /// The rows that must have these versions, with the hashes of their places.
    fn expected(&self) -> impl Iterator<Item = (&Place, u64, i64)> {
        let relied = self.relied.iter().map(|row| (&row.place, row.hash, row.version));
        relied.chain(self.changes.writes.iter().map(|write| (&write.place, write.hash, write.seen)))
    }
}

type Answer<T> = oneshot::Sender<Result<T, Error>>;

enum Order {
    Commit(Box<Prepared>, Answer<Commit>),
    /// Forget events up to a position, so many at most.
    CutLog(u64, usize, Answer<usize>),
    /// Goes the same way as commits, so that it cannot overtake the one it asks about.
    LookUp(Id, Answer<Committed>),
}

/// The thread's handle; dropping it waits for what was handed in.
pub struct Committer {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread.
    pub fn start(
        path: &Path,
        journal: Journal,
        (backlog, filter): (Arc<Backlog>, Arc<Filter>),
        settings: &Settings,
    ) -> Result<Committer, Error> {
        let tables = schema::open_reader(path)?;
        let (orders, inbox) = mpsc::channel(settings.writer_queue);
        let newest = queries::newest_id(&tables, NAMED_IN_ORDER)?;
        let backlog_bytes = settings.backlog_bytes;
        let work = Work { tables, journal, backlog, filter, backlog_bytes, newest };
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || work.run(inbox))
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, "cannot start the committer").because(error)
            })?;
        Ok(Committer { orders: Some(orders), thread: Some(thread) })
    }

    /// Commits a batch.
    pub async fn commit(&self, batch: Prepared) -> Result<Commit, Error> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Commit(Box::new(batch), answer)).await?;
        answered.await.map_err(|_| stopped())?
    }

    /// Looks a batch up, after all commits handed in before.
    pub async fn look_up(&self, batch: Id) -> Result<Committed, Error> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::LookUp(batch, answer)).await?;
        answered.await.map_err(|_| stopped())?
    }

    /// Forgets the oldest events, up to a position, `limit` at most. Says how many.
    pub async fn cut_log(&self, through: u64, limit: usize) -> Result<usize, Error> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::CutLog(through, limit, answer)).await?;
        answered.await.map_err(|_| stopped())?
    }

    async fn order(&self, order: Order) -> Result<(), Error> {
        let orders = self.orders.as_ref().ok_or_else(stopped)?;
        orders.send(order).await.map_err(|_| stopped())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been answered with errors already.
            let _ = thread.join();
        }
    }
}

struct Work {
    tables: Connection,
    journal: Journal,
    backlog: Arc<Backlog>,
    filter: Arc<Filter>,
    backlog_bytes: usize,
    /// No row of the kinds named in order has a larger id: one that is to be new needs no look at the tables.
    newest: u128,
}

impl Work {
    fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        while let Some(order) = inbox.blocking_recv() {
            let going = match order {
                Order::LookUp(batch, answer) => {
                    let kept = self.backlog.state().standing.ids.contains(&batch);
                    self.settle(Ok(if kept { Committed::Yes } else { Committed::No }), answer)
                }
                Order::Commit(batch, answer) => {
                    let commit = self.commit(*batch);
                    self.settle(commit, answer)
                }
                Order::CutLog(through, limit, answer) => {
                    let cut = self.cut_log(through, limit);
                    self.settle(cut, answer)
                }
            };
            if !going {
                return;
            }
        }
    }

    /// Answers. Says whether the store can go on.
    fn settle<T>(&self, outcome: Result<T, Unkept>, answer: Answer<T>) -> bool {
        let (said, going) = match outcome {
            Ok(done) => (Ok(done), true),
            Err(Unkept::Refused(error)) => (Err(error), true),
            Err(Unkept::Fatal(error)) => {
                tracing::error!(%error, "the disk failed under the journal; the store stops");
                self.backlog.fail();
                (Err(error), false)
            }
        };
        // Whoever asked may have gone.
        let _ = answer.send(said);
        going
    }

    /// Waits for room in the backlog.
    fn wait_for_room(&self) -> Result<(), Unkept> {
        let room = self.backlog.wait_for_room(self.backlog_bytes, ROOM_WAIT);
        if self.backlog.has_failed() {
            return Err(Unkept::Refused(stopped()));
        }
        if !room {
            let sentence = "the database is busy: too much waits to be written";
            return Err(Unkept::Refused(Error::new(ErrorKind::Unavailable, sentence)));
        }
        Ok(())
    }

    fn commit(&mut self, batch: Prepared) -> Result<Commit, Unkept> {
        self.wait_for_room()?;
        let stale = self.check(&batch).map_err(Unkept::Refused)?;
        if !stale.is_empty() {
            return Ok(Commit::Stale(stale));
        }
        self.keep(&batch.record, batch.changes)?;
        Ok(Commit::Committed)
    }

    /// Between the newest forgotten position and the head the log has no gaps, so that counting needs no reading.
    fn cut_log(&mut self, through: u64, limit: usize) -> Result<usize, Unkept> {
        self.wait_for_room()?;
        let (cut, head) = {
            let state = self.backlog.state();
            (state.standing.cut, state.standing.head.0)
        };
        let count = usize::try_from(through.min(head).saturating_sub(cut)).unwrap_or(limit).min(limit);
        if count > 0 {
            let mut payload = Vec::new();
            changes::spell_cut(names::number(cut + count as u64), &mut payload);
            let record = Record::of(payload);
            let changes = changes::read(record.payload()).map_err(Unkept::Refused)?;
            self.keep(&record, changes)?;
        }
        Ok(count)
    }

    /// Makes it durable, and seen.
    fn keep(&mut self, record: &Record, changes: Changes) -> Result<(), Unkept> {
        let number = self.backlog.state().standing.number + 1;
        self.journal.append(number, record)?;
        let ids = changes.writes.iter().filter_map(|write| id_in_order(&write.place));
        self.newest = ids.fold(self.newest, u128::max);
        changes.writes.iter().for_each(|write| self.filter.add(write.place.kind, write.hash));
        self.backlog.add(number, Arc::new(changes));
        Ok(())
    }

    /// Refuses what makes no sense; otherwise tells which rows have changed.
    fn check(&self, batch: &Prepared) -> Result<Vec<Key>, Error> {
        let state = self.backlog.state();
        let head = names::number(state.standing.head.0);
        if batch.changes.events.iter().zip(head + 1..).any(|(event, position)| event.position != position) {
            let sentence = format!("the events leave a gap in the log, whose newest position is {head}");
            return Err(Error::new(ErrorKind::Invalid, sentence));
        }
        if batch.changes.batch().is_some_and(|id| state.standing.ids.contains(&id)) {
            return Err(Error::new(ErrorKind::Invalid, "a batch of this id was kept before"));
        }
        let (mut stale, mut elsewhere) = (Vec::new(), Vec::new());
        for (place, hash, version) in batch.expected() {
            if version == 0 && id_in_order(place).is_some_and(|id| id > self.newest) {
                continue;
            }
            match state.row(place, hash) {
                Some(latest) if latest.version() == version => {}
                Some(_) => stale.push(place.key()?),
                None if version == 0 && self.filter.is_absent(place.kind, hash) => {}
                None => elsewhere.push((place, version)),
            }
        }
        // What leaves the backlog from here on is in the tables when they are read.
        drop(state);
        stale.extend(queries::stale(&self.tables, elsewhere)?);
        Ok(stale)
    }
}

/// The id that names a row of a kind named in order.
fn id_in_order(place: &Place) -> Option<u128> {
    NAMED_IN_ORDER.contains(&place.kind).then(|| names::id_in(&place.name)).flatten()
}
