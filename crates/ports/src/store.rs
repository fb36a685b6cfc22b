//! The store contract: load rows, commit a batch atomically and durably, page lists, read the log, find jobs.
//!
//! A commit names the rows it changes with the versions it saw, and the rows it only relied on. It is kept whole
//! or not at all. Every commit carries an id that can be looked up after a lost answer. Missing rows are `None`,
//! never errors. One conformance suite (in `testkit`) runs against every implementation.

use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Key, Kind, List, Listing, Record};
use domain::time::Time;
use futures_util::future::BoxFuture;

use crate::Error;

/// How often a row was written; 0 is the version of a row that is absent.
pub type Version = u64;

/// A row as loaded: absent rows have version 0 and no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: Key,
    pub version: Version,
    pub record: Option<Record>,
}

/// One row change. `None` deletes.
#[derive(Clone, Debug)]
pub struct Write {
    pub key: Key,
    /// The version this change was decided on; the row gets `version + 1`.
    pub version: Version,
    pub record: Option<Record>,
}

/// Everything that becomes true at once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Names this commit, for looking it up after a lost answer.
    pub id: Id,
    /// At most one write per key.
    pub writes: Vec<Write>,
    /// Rows that must still have the version seen, beside those written.
    pub relied: Vec<(Key, Version)>,
    pub listings: Vec<Listing>,
    /// Positions are gap-free and continue the log.
    pub events: Vec<Event>,
    pub jobs: Vec<Job>,
    pub finished_jobs: Vec<JobId>,
    /// Wall time of the commit; the store keeps the highest.
    pub at: Time,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Durable.
    Committed,
    /// Nothing was kept: these rows have other versions now.
    Stale(Vec<Key>),
}

/// Whether a batch id was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    Yes,
    No,
}

/// Loads and commits: the hot path.
pub trait Store: Send + Sync {
    /// The rows in the order asked for; absent ones with version 0.
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>>;
    /// Whether the store knows, without waiting, that a row is absent. It never says so of one that is there; of one that
    /// is not it may know nothing.
    fn is_absent(&self, _key: &Key) -> bool {
        false
    }
    /// Commits atomically and durably. An error means that the outcome is unknown: look it up.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>>;
    /// Whether a batch was kept. Ids of at least the last 1,000 commits are known.
    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>>;
    /// The position of the newest event, 0 for none, and the highest commit time.
    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>>;
    /// Whether there is room for more than what is under way. Commits are kept either way; nothing new should be begun
    /// without it.
    fn has_room(&self) -> bool {
        true
    }
    /// Forgets events up to a position, the oldest first, `limit` at most; says how many. Positions are never used
    /// again. A store that keeps its whole log forgets none.
    fn cut_log(&self, _through: u64, _limit: usize) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(async { Ok(0) })
    }
    /// Returns, with the reason, once the store has stopped for good by itself. One that cannot never returns.
    fn failure(&self) -> BoxFuture<'_, Error> {
        Box::pin(std::future::pending())
    }
}

/// A page of a list: entries between the positions, both excluded, `limit` at most.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub tenant: TenantId,
    pub list: List,
    pub owner: Id,
    pub after: Option<u64>,
    pub before: Option<u64>,
    pub newest_first: bool,
    pub limit: usize,
}

/// Reads outside the hot path; they see everything that was acknowledged before they began.
pub trait Reads: Send + Sync {
    /// A page of a list, as (position, id).
    fn page(&self, page: Page) -> BoxFuture<'_, Result<Vec<(u64, Id)>, Error>>;
    /// Events after a position in order, of one tenant or of all, `limit` at most.
    fn events(
        &self,
        tenant: Option<TenantId>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, Error>>;
    /// Events about one message in order.
    fn events_of_message(&self, tenant: TenantId, message: Id) -> BoxFuture<'_, Result<Vec<Event>, Error>>;
    /// Rows of a kind in the order of their keys, after the given one, `limit` at most: for looking through many a
    /// page at a time. A store that cannot page gives out none.
    fn rows_after(
        &self,
        _kind: Kind,
        _after: Option<Key>,
        _limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    /// All rows of a kind, of one tenant or of all. For kinds of which there are few (tenants, apps, credentials…).
    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> BoxFuture<'_, Result<Vec<Row>, Error>>;
}

/// Finding work: after a start, and for deadlines far ahead.
pub trait Claims: Send + Sync {
    /// Open jobs due at or before `due`, ordered by (due, id), after the given one, `limit` at most.
    fn jobs(
        &self,
        due: Time,
        after: Option<(Time, JobId)>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Job>, Error>>;
}
