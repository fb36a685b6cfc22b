//! The thread that alone writes the tables: takes batches from the backlog, and cuts the journal behind what is synced.
//!
//! Its transactions are not synced one by one; the journal holds what they hold. When a segment is full, everything
//! is moved from SQLite's write-ahead log into the file, which syncs both, and the segments behind that are let go.
//! A full disk is waited out: the backlog fills, and commits are refused until there is room. Anything else that
//! fails here stops the store: acknowledged batches must not wait for ever without anybody knowing.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ports::{Error, ErrorKind};
use rusqlite::Connection;

use crate::answers::{disk_is_full, failed};
use crate::backlog::Backlog;
use crate::journal::Segments;
use crate::schema;
use crate::settings::Settings;
use crate::tables;

/// Before a full disk is tried again.
const FULL_WAIT: Duration = Duration::from_millis(200);

/// The thread's handle; dropping it waits until the tables have everything, if the disk takes it.
pub struct Applier {
    backlog: Arc<Backlog>,
    thread: Option<JoinHandle<()>>,
}

impl Applier {
    /// Starts the thread.
    pub fn start(
        tables: Connection,
        segments: Arc<Segments>,
        backlog: Arc<Backlog>,
        settings: &Settings,
    ) -> Result<Applier, Error> {
        let work = Work { tables, segments, backlog: Arc::clone(&backlog), settings: settings.clone() };
        work.measure()?;
        let thread =
            std::thread::Builder::new().name("store-applier".to_owned()).spawn(move || work.run()).map_err(
                |error| Error::new(ErrorKind::Unavailable, "cannot start the applier").because(error),
            )?;
        Ok(Applier { backlog, thread: Some(thread) })
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        self.backlog.close();
        if let Some(thread) = self.thread.take() {
            // A panic has failed the backlog already.
            let _ = thread.join();
        }
    }
}

struct Work {
    tables: Connection,
    segments: Arc<Segments>,
    backlog: Arc<Backlog>,
    settings: Settings,
}

impl Drop for Work {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.backlog.fail();
        }
    }
}

impl Work {
    fn run(self) {
        if let Err(error) = self.apply_all() {
            tracing::error!(%error, source = error.source, "acknowledged batches cannot be applied; the store stops");
            self.backlog.fail();
        }
    }

    fn apply_all(&self) -> Result<(), Error> {
        loop {
            let batches = self.backlog.take(self.settings.apply_bytes, self.settings.apply_linger);
            let Some((last, _)) = batches.last() else { return Ok(()) };
            match tables::apply(&self.tables, &batches) {
                Ok(()) => {}
                Err(error) if disk_is_full(&error) => {
                    tracing::warn!(%error, "the disk is full; batches wait in the journal");
                    if self.backlog.wait_for_end(FULL_WAIT) {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.measure()?;
            self.backlog.remove(*last);
            if self.segments.can_be_cut(*last) {
                self.cut(*last)?;
            }
        }
    }

    /// Finds out whether the tables may grow.
    fn measure(&self) -> Result<(), Error> {
        let Some(most) = self.settings.table_bytes_max(self.segments.count()) else { return Ok(()) };
        let bytes = tables::pages_used(&self.tables)? * schema::PAGE_BYTES;
        let room = bytes < most;
        if self.backlog.set_room(room) {
            let verdict = if room { "has room again" } else { "may not grow; new messages are refused" };
            tracing::warn!(bytes, most, "the database {verdict}");
        }
        Ok(())
    }

    fn cut(&self, applied: u64) -> Result<(), Error> {
        match sync(&self.tables) {
            Ok(true) => {
                let cut = self.segments.cut(applied);
                cut.map_err(|error| {
                    Error::new(ErrorKind::Unavailable, "the journal cannot be cut").because(error)
                })
            }
            // A reader still looks at an older state: the next transaction tries again.
            Ok(false) => Ok(()),
            Err(error) if disk_is_full(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Moves everything from the write-ahead log into the file, which syncs both. Says whether that was possible.
pub fn sync(tables: &Connection) -> Result<bool, Error> {
    let moved = tables.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, log, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && log == moved)
    });
    moved.map_err(|error| failed("be synced", error))
}
