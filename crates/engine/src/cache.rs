//! The memory cache of rows with their versions, and the batch's own changes above it.
//!
//! The batcher alone writes: a row's newest state is here before anybody is told of it, so whoever reads may look here
//! first. Bounded by two generations: when the young one is full it becomes the old one and the old one is spent, so a
//! row that is used stays and there is no list to maintain on each read. Spent rows go a few at a time, and their room is
//! the next generation's: to drop tens of thousands at once, or to get memory for as many, takes 20 ms, and every caller
//! would wait for that.

use std::mem;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::record::{Entity, Key, Record};
use domain::view::Loaded;
use foldhash::HashMap;
use indexmap::IndexMap;
use ports::store::{Store, Version};

/// A row with its version; version 0 is absent.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub version: Version,
    pub record: Option<Record>,
}

/// Rows as they stood when somebody read them ahead; `None` is absent.
pub(crate) type Ahead = HashMap<Key, Option<Record>>;

/// Spent rows dropped for each row that comes: more than one, so that a generation is gone before the next is spent.
const DROPPED_AT_ONCE: usize = 2;

type Generation = IndexMap<Key, Cached, foldhash::fast::RandomState>;

/// Rows in memory.
#[derive(Default)]
pub(crate) struct Cache {
    young: Generation,
    old: Generation,
    /// Rows that nobody finds any more.
    spent: Generation,
    rows_max: usize,
}

impl Cache {
    pub fn new(rows_max: usize) -> Cache {
        Cache { rows_max, ..Cache::default() }
    }

    pub fn get(&self, key: &Key) -> Option<&Cached> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub fn put(&mut self, key: Key, cached: Cached) {
        self.young.insert(key, cached);
        self.spent.truncate(self.spent.len().saturating_sub(DROPPED_AT_ONCE));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Cache::new(self.rows_max);
    }

    /// Makes room; only between batches, so that nothing vanishes while a batch is decided.
    pub fn trim(&mut self) {
        if self.young.len() > self.rows_max / 2 {
            self.spent.clear();
            mem::swap(&mut self.old, &mut self.spent);
            mem::swap(&mut self.young, &mut self.old);
        }
    }
}

/// The cache, seen by the batcher and by readers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<RwLock<Cache>>);

impl Shared {
    pub fn new(rows_max: usize) -> Shared {
        Shared(Arc::new(RwLock::new(Cache::new(rows_max))))
    }

    pub fn read(&self) -> RwLockReadGuard<'_, Cache> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, Cache> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row, if it is here and not absent.
    pub fn get<E: Entity>(&self, key: &Key) -> Option<Arc<E>> {
        self.read().get(key)?.record.as_ref().and_then(E::unwrap)
    }

    /// The rows of these that are not here, from the store.
    pub async fn ahead(&self, keys: Vec<Key>, store: &dyn Store) -> Result<Ahead, ports::Error> {
        let missing: Vec<Key> = {
            let cache = self.read();
            keys.into_iter().filter(|key| cache.get(key).is_none()).collect()
        };
        let rows = if missing.is_empty() { Vec::new() } else { store.load(missing).await? };
        Ok(rows.into_iter().map(|row| (row.key, row.record)).collect())
    }

    /// The records in the order asked for, from here, or else as read ahead, or else from the store; `None` is absent.
    pub async fn records(
        &self,
        keys: Vec<Key>,
        ahead: &Ahead,
        store: &dyn Store,
    ) -> Result<Vec<Option<Record>>, ports::Error> {
        let known: Vec<_> = {
            let cache = self.read();
            let known = |key: &Key| cache.get(key).map(|cached| cached.record.clone());
            keys.iter().map(|key| known(key).or_else(|| ahead.get(key).cloned())).collect()
        };
        let missing: Vec<_> =
            keys.into_iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(key, _)| key).collect();
        let mut loaded = if missing.is_empty() { Vec::new() } else { store.load(missing).await? }.into_iter();
        let fill =
            |known: Option<Option<Record>>| known.unwrap_or_else(|| loaded.next().and_then(|row| row.record));
        Ok(known.into_iter().map(fill).collect())
    }
}

/// What the store knows to be absent at the bottom, above it the cache, then the changes in flight to the store, and
/// uppermost the forming batch's.
pub(crate) struct Layered<'a> {
    pub store: &'a dyn Store,
    pub cache: &'a Cache,
    pub in_flight: Option<&'a HashMap<Key, Option<Record>>>,
    pub changes: &'a HashMap<Key, Option<Record>>,
}

impl Loaded for Layered<'_> {
    fn row(&self, key: &Key) -> Option<Option<Record>> {
        let in_flight = || self.in_flight.and_then(|changes| changes.get(key));
        if let Some(change) = self.changes.get(key).or_else(in_flight) {
            return Some(change.clone());
        }
        let cached = self.cache.get(key).map(|cached| cached.record.clone());
        cached.or_else(|| self.store.is_absent(key).then_some(None))
    }
}

#[cfg(test)]
mod tests {
    use domain::contact::Contact;
    use domain::id::{Id, TenantId};

    use super::*;

    const ROWS_MAX: usize = 20;

    fn put(cache: &mut Cache, number: u128) -> Key {
        let key = Key::id::<Contact>(TenantId(Id(1)), Id(number));
        cache.put(key.clone(), Cached { version: 1, record: None });
        cache.trim();
        key
    }

    #[test]
    fn a_row_stays_for_a_generation_after_it_was_last_put() {
        let mut cache = Cache::new(ROWS_MAX);
        let first = put(&mut cache, 0);
        let found: Vec<bool> = (1..=ROWS_MAX as u128 + 2)
            .map(|number| {
                put(&mut cache, number);
                cache.get(&first).is_some()
            })
            .collect();
        assert!(found[ROWS_MAX / 2], "it became one of the old");
        assert!(!found[ROWS_MAX + 1], "it is spent");
    }

    #[test]
    fn spent_rows_go_a_few_at_a_time_and_are_gone_before_the_next_are_spent() {
        let mut cache = Cache::new(ROWS_MAX);
        for number in 0..10 * ROWS_MAX as u128 {
            let before = cache.spent.len();
            put(&mut cache, number);
            let now = cache.spent.len();
            assert!(before.saturating_sub(now) <= DROPPED_AT_ONCE, "{before} to {now}");
            assert!(now <= before || before <= DROPPED_AT_ONCE, "{before} rows were dropped at once");
        }
        let room = [&cache.young, &cache.old, &cache.spent].map(Generation::capacity);
        assert!(room.iter().all(|room| *room > ROWS_MAX / 2), "each generation keeps its room: {room:?}");
    }
}
