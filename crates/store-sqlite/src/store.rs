//! The store itself: the contract's calls, handed to the committer and the readers.
//! Commits are spelled here, on the caller's thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Key, Kind};
use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::store::Page;
use ports::{Batch, Claims, Commit, Committed, Error, ErrorKind, Reads, Row, Store, Vault};
use rusqlite::Connection;

use crate::answers::stopped;
use crate::applier::{self, Applier};
use crate::backlog::{Backlog, Numbered, State};
use crate::backup::{self, Manifest};
use crate::census::Census;
use crate::changes;
use crate::committer::{Committer, Prepared};
use crate::filter::Filter;
use crate::journal::{self, Journal};
use crate::queries;
use crate::readers::Readers;
use crate::schema;
use crate::settings::Settings;
use crate::tables;

/// Rows, log and jobs in one SQLite file, with a journal before it.
pub struct SqliteStore {
    // In the order of closing: nothing new comes, the tables get what is left, and the last connection to close
    // folds the write-ahead log into the file.
    readers: Readers,
    _census: Census,
    committer: Committer,
    _applier: Applier,
    filter: Arc<Filter>,
    backlog: Arc<Backlog>,
    path: PathBuf,
    vault: Arc<dyn Vault>,
}

/// The folder of the journal that belongs to a database file.
pub(crate) fn journal_folder(database: &Path) -> PathBuf {
    database.with_extension("journal")
}

impl SqliteStore {
    /// Opens the file at `path`, making or migrating it as needed, and applies what its journal, a folder beside it,
    /// holds. A newer program's file is refused as too new, a damaged journal as corrupt. Dropping the store waits
    /// for what was handed in.
    pub fn open(path: &Path, settings: &Settings, vault: Arc<dyn Vault>) -> Result<SqliteStore, Error> {
        SqliteStore::open_on(path, settings, vault, |_| ())
    }

    /// Opens; `prepare` may let the journal fail later.
    fn open_on(
        path: &Path,
        settings: &Settings,
        vault: Arc<dyn Vault>,
        prepare: impl FnOnce(&Journal),
    ) -> Result<SqliteStore, Error> {
        let tables = schema::open_writer(path, settings)?;
        let (folder, id) = (journal_folder(path), queries::journal(&tables)?);
        replay(&tables, &folder, id, settings)?;
        let standing = queries::standing(&tables)?;
        let journal = Journal::begin(&folder, id, standing.number + 1, settings)?;
        prepare(&journal);
        let backlog = Arc::new(Backlog::new(standing));
        let applier = Applier::start(tables, journal.segments(), Arc::clone(&backlog), settings)?;
        let filter = Arc::new(Filter::new(settings.filter_bytes));
        let census = Census::start(path, Arc::clone(&filter))?;
        let known = (Arc::clone(&backlog), Arc::clone(&filter));
        let committer = Committer::start(path, journal, known, settings)?;
        let readers = Readers::start(path, Arc::clone(&backlog), settings)?;
        let path = path.to_owned();
        Ok(SqliteStore {
            readers,
            _census: census,
            committer,
            _applier: applier,
            filter,
            backlog,
            path,
            vault,
        })
    }

    /// Writes a copy of everything acknowledged before now into the folder `to`, which must hold no backup, while
    /// the store goes on. Attachments and keys are not in the store, and not in the copy.
    pub async fn backup(&self, to: &Path) -> Result<Manifest, Error> {
        let (backlog, path, to) = (Arc::clone(&self.backlog), self.path.clone(), to.to_owned());
        let (reply, done) = tokio::sync::oneshot::channel();
        let copy = move || {
            let copied = backlog.wait_until_applied().and_then(|()| backup::write(&path, &to));
            drop(reply.send(copied));
        };
        std::thread::Builder::new()
            .name("store-backup".to_owned())
            .spawn(copy)
            .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot start the backup").because(error))?;
        done.await.map_err(|_| stopped())?
    }
}

/// Applies what the journal has and the tables lack, and syncs it.
fn replay(
    tables: &Connection,
    folder: &Path,
    id: journal::JournalId,
    settings: &Settings,
) -> Result<(), Error> {
    let applied = queries::standing(tables)?.number;
    let (mut batches, mut bytes, mut count): (Vec<Numbered>, usize, u64) = (Vec::new(), 0, 0);
    journal::read(folder, id, applied, |(number, payload)| {
        count += 1;
        bytes += payload.len();
        batches.push((number, Arc::new(changes::read(payload)?)));
        if bytes >= settings.apply_bytes {
            tables::apply(tables, &batches)?;
            (batches, bytes) = (Vec::new(), 0);
        }
        Ok(())
    })?;
    if !batches.is_empty() {
        tables::apply(tables, &batches)?;
    }
    if count > 0 {
        tracing::info!(batches = count, "applied what the journal held");
    }
    if applier::sync(tables)? {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unavailable, "another program reads the database; the journal cannot be cut"))
}

#[cfg(test)]
impl SqliteStore {
    /// Waits until the filter has the names that the tables had at the start.
    fn wait_for_census(&mut self) {
        let SqliteStore { _census: census, .. } = self;
        census.finish();
    }
}

impl Store for SqliteStore {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let vault = Arc::clone(&self.vault);
        let gather = move |state: &State| queries::gather_rows(state, keys);
        Box::pin(self.readers.ask(gather, move |tables, keys| queries::load(tables, keys, &*vault)))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        Box::pin(async move { self.committer.commit(Prepared::new(&batch, &*self.vault)?).await })
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        Box::pin(self.committer.look_up(batch))
    }

    fn is_absent(&self, key: &Key) -> bool {
        self.filter.lacks(key)
    }

    fn has_room(&self) -> bool {
        self.backlog.has_room()
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        Box::pin(self.readers.ask(|state| state.standing.head, |_, head| Ok(head)))
    }

    fn cut_log(&self, through: u64, limit: usize) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(self.committer.cut_log(through, limit))
    }

    /// Nothing that it was asked for since is kept, and nothing will be: the process should end, and a new one find
    /// out what the disk holds.
    fn failure(&self) -> BoxFuture<'_, Error> {
        Box::pin(async {
            self.backlog.failure().await;
            stopped()
        })
    }
}

impl Reads for SqliteStore {
    fn page(&self, page: Page) -> BoxFuture<'_, Result<Vec<(u64, Id)>, Error>> {
        Box::pin(
            self.readers.ask(State::batches, move |tables, batches| queries::page(tables, batches, page)),
        )
    }

    fn events(
        &self,
        tenant: Option<TenantId>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        let answer = move |tables: &_, (batches, cut): (_, _)| {
            queries::events(tables, (&batches, cut), tenant, after, limit)
        };
        Box::pin(self.readers.ask(State::log, answer))
    }

    fn events_of_message(&self, tenant: TenantId, message: Id) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        let answer = move |tables: &_, (batches, cut): (_, _)| {
            queries::events_of_message(tables, (&batches, cut), tenant, message)
        };
        Box::pin(self.readers.ask(State::log, answer))
    }

    fn rows_after(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let vault = Arc::clone(&self.vault);
        let answer = move |tables: &_, batches: _| {
            queries::rows_after(tables, &batches, (kind, after), limit, &*vault)
        };
        Box::pin(self.readers.ask(State::batches, answer))
    }

    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let vault = Arc::clone(&self.vault);
        let answer = move |tables: &_, batches: _| queries::scan(tables, &batches, tenant, kind, &*vault);
        Box::pin(self.readers.ask(State::batches, answer))
    }
}

impl Claims for SqliteStore {
    fn jobs(
        &self,
        due: Time,
        after: Option<(Time, JobId)>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Job>, Error>> {
        let answer = move |tables: &_, batches: _| queries::jobs(tables, &batches, due, after, limit);
        Box::pin(self.readers.ask(State::batches, answer))
    }
}

#[cfg(test)]
mod tests;
