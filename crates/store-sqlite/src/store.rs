//! The store itself: the contract's calls, handed to the writer and the readers.
//! Commits are encoded here, on the caller's thread.

use std::path::Path;
use std::sync::Arc;

use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Key, Kind};
use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::store::Page;
use ports::{Batch, Claims, Commit, Committed, Error, Reads, Row, Store, Vault};

use crate::queries;
use crate::readers::Readers;
use crate::settings::Settings;
use crate::transaction::Prepared;
use crate::writer::Writer;

/// Rows, log and jobs in one SQLite file.
pub struct SqliteStore {
    // Readers close first, so that the writer's close can fold the write-ahead log into the file.
    readers: Readers,
    writer: Writer,
    vault: Arc<dyn Vault>,
}

impl SqliteStore {
    /// Opens the file at `path`, making or migrating it as needed. A newer program's file is refused as too new.
    /// Dropping the store waits for what was handed in.
    pub fn open(path: &Path, settings: &Settings, vault: Arc<dyn Vault>) -> Result<SqliteStore, Error> {
        let writer = Writer::start(path, settings)?;
        let readers = Readers::start(path, settings)?;
        Ok(SqliteStore { readers, writer, vault })
    }
}

impl Store for SqliteStore {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let vault = Arc::clone(&self.vault);
        Box::pin(self.readers.ask(move |connection| queries::load(connection, keys, &*vault)))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        Box::pin(async move { self.writer.commit(Prepared::new(batch, &*self.vault)).await })
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        Box::pin(self.writer.look_up(batch))
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        Box::pin(self.readers.ask(queries::head))
    }
}

impl Reads for SqliteStore {
    fn page(&self, page: Page) -> BoxFuture<'_, Result<Vec<(u64, Id)>, Error>> {
        Box::pin(self.readers.ask(move |connection| queries::page(connection, page)))
    }

    fn events(
        &self,
        tenant: Option<TenantId>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        Box::pin(self.readers.ask(move |connection| queries::events(connection, tenant, after, limit)))
    }

    fn events_of_message(&self, tenant: TenantId, message: Id) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        Box::pin(self.readers.ask(move |connection| queries::events_of_message(connection, tenant, message)))
    }

    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let vault = Arc::clone(&self.vault);
        Box::pin(self.readers.ask(move |connection| queries::scan(connection, tenant, kind, &*vault)))
    }
}

impl Claims for SqliteStore {
    fn jobs(
        &self,
        due: Time,
        after: Option<(Time, JobId)>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Job>, Error>> {
        Box::pin(self.readers.ask(move |connection| queries::jobs(connection, due, after, limit)))
    }
}
