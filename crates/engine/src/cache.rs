//! The memory cache of rows with their versions, and the batch's own changes above it.
//!
//! Bounded by two generations: when the young one is full it becomes the old one and the old one is dropped, so a
//! row that is used stays and there is no list to maintain on each read.

use domain::record::{Key, Record};
use domain::view::Loaded;
use foldhash::{HashMap, HashMapExt as _};
use ports::store::Version;

/// A row with its version; version 0 is absent.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub version: Version,
    pub record: Option<Record>,
}

/// Rows in memory.
pub(crate) struct Cache {
    young: HashMap<Key, Cached>,
    old: HashMap<Key, Cached>,
    rows_max: usize,
}

impl Cache {
    pub fn new(rows_max: usize) -> Cache {
        Cache { young: HashMap::new(), old: HashMap::new(), rows_max }
    }

    pub fn get(&self, key: &Key) -> Option<&Cached> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub fn put(&mut self, key: Key, cached: Cached) {
        self.young.insert(key, cached);
    }

    /// Makes room; only between batches, so that nothing vanishes while a batch is decided.
    pub fn trim(&mut self) {
        if self.young.len() > self.rows_max / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

/// The cache below, the batch's decided changes above.
pub(crate) struct Layered<'a> {
    pub cache: &'a Cache,
    pub changes: &'a HashMap<Key, Option<Record>>,
}

impl Loaded for Layered<'_> {
    fn row(&self, key: &Key) -> Option<Option<Record>> {
        if let Some(change) = self.changes.get(key) {
            return Some(change.clone());
        }
        self.cache.get(key).map(|cached| cached.record.clone())
    }
}
