//! The thread that tells the filter, after a start, which names the tables have.
//!
//! It reads them a page at a time, each page in a transaction of its own, so that the write-ahead log can be moved into
//! the file in between. What is committed meanwhile the committer adds. Until it is through the store only looks more
//! often; should it fail, that stays so until the next start.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use domain::record::Kind;
use ports::{Error, ErrorKind};
use rusqlite::Connection;

use crate::filter::{self, Filter};
use crate::{names, queries, schema};

/// Names read at once.
const PAGE_NAMES: usize = 4_096;

/// The thread's handle; dropping it ends the count where it stands.
pub struct Census {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Census {
    /// Starts the thread. The file must exist, and the tables must have everything kept before.
    pub fn start(path: &Path, filter: Arc<Filter>) -> Result<Census, Error> {
        let tables = schema::open_reader(path)?;
        let ended = Arc::<AtomicBool>::default();
        let work = Work { tables, filter, ended: Arc::clone(&ended) };
        let thread = std::thread::Builder::new()
            .name("store-census".to_owned())
            .spawn(move || work.run())
            .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot start the census").because(error))?;
        Ok(Census { ended, thread: Some(thread) })
    }

    /// Waits until it is through.
    #[cfg(test)]
    pub fn finish(&mut self) {
        self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Census {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Nobody needs a count that failed.
            let _ = thread.join();
        }
    }
}

struct Work {
    tables: Connection,
    filter: Arc<Filter>,
    ended: Arc<AtomicBool>,
}

impl Work {
    fn run(self) {
        let kinds = Kind::ALL.iter().copied().filter(|kind| filter::has(*kind));
        match kinds.map(|kind| self.count(kind)).sum::<Result<Option<usize>, Error>>() {
            Ok(Some(names)) => {
                self.filter.is_whole_now();
                if self.filter.is_small_for(names) {
                    tracing::warn!(
                        names,
                        "many rows are looked for in vain; raise limits.absence_filter_bytes"
                    );
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the names in the tables cannot be read; rows are looked for instead");
            }
        }
    }

    /// Adds the names of a kind, and says how many there are; `None`: it did not come through.
    fn count(&self, kind: Kind) -> Result<Option<usize>, Error> {
        let (mut last, mut count) = (queries::TableName::default(), 0);
        while !self.ended.load(Ordering::Relaxed) {
            let page = queries::names_after(&self.tables, kind, &last, PAGE_NAMES)?;
            count += page.len();
            for (tenant, name) in &page {
                self.filter.add(kind, names::hash(kind, *tenant, names::without_tag(name)));
            }
            match page.into_iter().last() {
                Some(next) => last = next,
                None => return Ok(Some(count)),
            }
        }
        Ok(None)
    }
}
