//! The store in memory: the contract in its plainest form, for tests of everything above it.
//!
//! It can be told to misbehave as real stores do: to answer stale, to lose an answer after or before keeping the
//! batch, to be unavailable. Each trick works once and in the order told. Clones share the rows.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Key, Kind, List, Record};
use domain::time::Time;
use futures_util::future::{BoxFuture, ready};
use ports::store::Page;
use ports::{Batch, Claims, Commit, Committed, Error, ErrorKind, Reads, Row, Store, Version};

/// What goes wrong with one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Nothing is kept, and the batch's written rows are said to have changed.
    Stale,
    /// The batch is kept, but the answer is an error.
    LoseAnswerKept,
    /// Nothing is kept, and the answer is an error.
    LoseAnswerDropped,
}

#[derive(Default)]
struct Kept {
    rows: HashMap<Key, (Version, Record)>,
    lists: BTreeMap<(TenantId, List, Id, u64), Id>,
    events: Vec<Event>,
    /// Events that were forgotten: the position of the first one kept is one more.
    cut: u64,
    jobs: BTreeMap<JobId, Job>,
    batches: HashSet<Id>,
    at: Time,
    tricks: VecDeque<Trick>,
    commits: u64,
}

/// Rows that are gone with the process.
#[derive(Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Plays a trick on the next commit that no earlier trick is waiting for.
    pub fn play(&self, trick: Trick) {
        self.kept().tricks.push_back(trick);
    }

    /// How many batches were kept.
    pub fn commits(&self) -> u64 {
        self.kept().commits
    }

    /// Every event, in order.
    pub fn all_events(&self) -> Vec<Event> {
        self.kept().events.clone()
    }

    /// Every open job, by id.
    pub fn all_jobs(&self) -> Vec<Job> {
        self.kept().jobs.values().cloned().collect()
    }

    /// Every row of a kind, in no order.
    pub fn all_rows(&self, kind: Kind) -> Vec<Row> {
        let kept = self.kept();
        kept.rows.keys().filter(|key| key.kind == kind).map(|key| kept.row(key)).collect()
    }

    /// Deletes a row behind the engine's back, as a restore from a backup may.
    pub fn forget(&self, key: &Key) {
        self.kept().rows.remove(key);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn row(&self, key: &Key) -> Row {
        let kept = self.rows.get(key);
        Row {
            key: key.clone(),
            version: kept.map_or(0, |(version, _)| *version),
            record: kept.map(|(_, record)| record.clone()),
        }
    }

    fn commit(&mut self, batch: Batch) -> Result<Commit, Error> {
        let trick = self.tricks.pop_front();
        if trick == Some(Trick::Stale) {
            return Ok(Commit::Stale(batch.writes.into_iter().map(|write| write.key).collect()));
        }
        if trick == Some(Trick::LoseAnswerDropped) {
            return Err(Error::new(ErrorKind::Unavailable, "the answer was lost"));
        }
        if let Some(refusal) = self.refusal(&batch) {
            return Err(Error::new(ErrorKind::Invalid, refusal));
        }
        let stale = self.stale(&batch);
        if !stale.is_empty() {
            return Ok(Commit::Stale(stale));
        }
        self.keep(batch);
        match trick {
            Some(Trick::LoseAnswerKept) => Err(Error::new(ErrorKind::Unavailable, "the answer was lost")),
            _ => Ok(Commit::Committed),
        }
    }

    fn refusal(&self, batch: &Batch) -> Option<&'static str> {
        let next = self.cut + self.events.len() as u64 + 1;
        if batch.events.iter().zip(next..).any(|(event, position)| event.position != position) {
            return Some("the events leave a gap in the log");
        }
        self.batches.contains(&batch.id).then_some("a batch of this id was kept before")
    }

    fn stale(&self, batch: &Batch) -> Vec<Key> {
        let written = batch.writes.iter().map(|write| (&write.key, write.version));
        let relied = batch.relied.iter().map(|(key, version)| (key, *version));
        let changed = |(key, version): &(&Key, Version)| self.row(key).version != *version;
        relied.chain(written).filter(changed).map(|(key, _)| key.clone()).collect()
    }

    fn keep(&mut self, batch: Batch) {
        for write in batch.writes {
            match write.record {
                Some(record) => self.rows.insert(write.key, (write.version + 1, record)),
                None => self.rows.remove(&write.key),
            };
        }
        for entry in batch.listings {
            self.lists.insert((entry.tenant, entry.list, entry.owner, entry.position), entry.target);
        }
        self.events.extend(batch.events);
        self.jobs.extend(batch.jobs.into_iter().map(|job| (job.id, job)));
        for job in batch.finished_jobs {
            self.jobs.remove(&job);
        }
        self.batches.insert(batch.id);
        self.at = self.at.max(batch.at);
        self.commits += 1;
    }

    fn page(&self, page: Page) -> Vec<(u64, Id)> {
        let Page { tenant, list, owner, after, before, .. } = page;
        let span = self.lists.range((tenant, list, owner, 0)..=(tenant, list, owner, u64::MAX));
        let within = |position: u64| {
            after.is_none_or(|after| position > after) && before.is_none_or(|before| position < before)
        };
        let entries = span.map(|((.., position), target)| (*position, *target));
        let entries = entries.filter(|(position, _)| within(*position));
        if page.newest_first {
            entries.rev().take(page.limit).collect()
        } else {
            entries.take(page.limit).collect()
        }
    }

    fn jobs(&self, due: Time, after: Option<(Time, JobId)>, limit: usize) -> Vec<Job> {
        let mut jobs: Vec<&Job> = self.jobs.values().filter(|job| job.due_at <= due).collect();
        jobs.sort_by_key(|job| (job.due_at, job.id));
        let later = jobs.into_iter().filter(|job| after.is_none_or(|after| (job.due_at, job.id) > after));
        later.take(limit).cloned().collect()
    }
}

fn now<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, Result<T, Error>> {
    Box::pin(ready(Ok(answer)))
}

impl Store for MemoryStore {
    fn is_absent(&self, key: &Key) -> bool {
        !self.kept().rows.contains_key(key)
    }

    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let kept = self.kept();
        now(keys.iter().map(|key| kept.row(key)).collect())
    }

    /// Keeps the batch when first polled, so that a commit that nobody awaits does nothing.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        Box::pin(async move { self.kept().commit(batch) })
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        now(if self.kept().batches.contains(&batch) { Committed::Yes } else { Committed::No })
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        let kept = self.kept();
        now((kept.cut + kept.events.len() as u64, kept.at))
    }

    fn cut_log(&self, through: u64, limit: usize) -> BoxFuture<'_, Result<usize, Error>> {
        let mut kept = self.kept();
        let old = kept.events.iter().take_while(|event| event.position <= through).take(limit).count();
        kept.events.drain(..old);
        kept.cut += old as u64;
        now(old)
    }
}

impl Reads for MemoryStore {
    fn page(&self, page: Page) -> BoxFuture<'_, Result<Vec<(u64, Id)>, Error>> {
        now(self.kept().page(page))
    }

    fn events(
        &self,
        tenant: Option<TenantId>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        let kept = self.kept();
        let skipped = after.saturating_sub(kept.cut);
        let later = kept.events.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        let own = later.filter(|event| tenant.is_none_or(|tenant| event.tenant == tenant));
        now(own.take(limit).cloned().collect())
    }

    fn events_of_message(&self, tenant: TenantId, message: Id) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        let about =
            |event: &&Event| event.tenant == tenant && event.message.is_some_and(|own| own.0 == message);
        now(self.kept().events.iter().filter(about).cloned().collect())
    }

    fn rows_after(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let kept = self.kept();
        let later = |key: &&Key| key.kind == kind && after.as_ref().is_none_or(|after| *key > after);
        let mut keys: Vec<&Key> = kept.rows.keys().filter(later).collect();
        keys.sort();
        now(keys.into_iter().take(limit).map(|key| kept.row(key)).collect())
    }

    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let kept = self.kept();
        let wanted = |key: &&Key| key.kind == kind && tenant.is_none_or(|tenant| key.tenant == tenant);
        let mut keys: Vec<&Key> = kept.rows.keys().filter(wanted).collect();
        keys.sort();
        now(keys.into_iter().map(|key| kept.row(key)).collect())
    }
}

impl Claims for MemoryStore {
    fn jobs(
        &self,
        due: Time,
        after: Option<(Time, JobId)>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Job>, Error>> {
        now(self.kept().jobs(due, after, limit))
    }
}
