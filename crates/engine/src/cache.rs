//! The memory cache of rows with their versions, and the batch's own changes above it.
//!
//! The batcher alone writes: a row's newest state is here before anybody is told of it, so whoever reads may look here
//! first. Rows stand in the order in which they were put, and the oldest go: a row that is written again and again stays.
//! As many go after each batch as it brought, for to drop tens of thousands at once takes 20 ms, and every caller would
//! wait for that.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::record::{Entity, Key, Record};
use domain::view::Loaded;
use foldhash::HashMap;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use ports::store::{Store, Version};

use crate::union::Changes;

/// A row with its version; version 0 is absent.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub version: Version,
    pub record: Option<Record>,
}

/// Rows as they stood when somebody read them ahead; `None` is absent.
pub(crate) type Ahead = HashMap<Key, Option<Record>>;

/// A row in its place.
struct Held {
    hash: u64,
    key: Key,
    cached: Cached,
}

/// Rows in memory.
#[derive(Default)]
pub(crate) struct Cache {
    hasher: foldhash::fast::RandomState,
    /// In the order in which they were put, counted from `first`; nothing where a row moved away from.
    rows: VecDeque<Option<Held>>,
    first: u64,
    /// Where each row stands.
    places: HashTable<u64>,
    rows_max: usize,
}

impl Cache {
    pub fn new(rows_max: usize) -> Cache {
        Cache { rows_max, ..Cache::default() }
    }

    pub fn get(&self, key: &Key) -> Option<&Cached> {
        let (rows, first) = (&self.rows, self.first);
        let place = self.places.find(self.hasher.hash_one(key), |place| is_at(rows, first, *place, key))?;
        at(rows, first, *place).map(|held| &held.cached)
    }

    pub fn put(&mut self, key: Key, cached: Cached) {
        let (hash, first, next) =
            (self.hasher.hash_one(&key), self.first, self.first + self.rows.len() as u64);
        let rows = &mut self.rows;
        let same = |place: &u64| is_at(rows, first, *place, &key);
        let rehash = |place: &u64| at(rows, first, *place).map_or(0, |held| held.hash);
        match self.places.entry(hash, same, rehash) {
            Entry::Occupied(mut place) => {
                let older = std::mem::replace(place.get_mut(), next);
                rows[(older - first) as usize] = None;
            }
            Entry::Vacant(none) => drop(none.insert(next)),
        }
        rows.push_back(Some(Held { hash, key, cached }));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Cache::new(self.rows_max);
    }

    /// Makes room; only between batches, so that nothing vanishes while a batch is decided.
    pub fn trim(&mut self) {
        while self.rows.len() > self.rows_max {
            let (place, oldest) = (self.first, self.rows.pop_front());
            self.first += 1;
            if let Some(held) = oldest.flatten()
                && let Ok(gone) = self.places.find_entry(held.hash, |other| *other == place)
            {
                gone.remove();
            }
        }
    }
}

fn at(rows: &VecDeque<Option<Held>>, first: u64, place: u64) -> Option<&Held> {
    rows.get((place - first) as usize)?.as_ref()
}

fn is_at(rows: &VecDeque<Option<Held>>, first: u64, place: u64, key: &Key) -> bool {
    at(rows, first, place).is_some_and(|held| held.key == *key)
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
    pub in_flight: Option<&'a Changes>,
    pub changes: &'a Changes,
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

    fn holds(cache: &Cache, number: u128) -> bool {
        cache.get(&Key::id::<Contact>(TenantId(Id(1)), Id(number))).is_some()
    }

    #[test]
    fn the_newest_rows_are_held_and_no_others() {
        let mut cache = Cache::new(ROWS_MAX);
        for newest in 0..5 * ROWS_MAX as u128 {
            put(&mut cache, newest);
            let held: Vec<u128> = (0..=newest).filter(|number| holds(&cache, *number)).collect();
            let oldest = (newest + 1).saturating_sub(ROWS_MAX as u128);
            assert_eq!(held, (oldest..=newest).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_that_is_put_again_stays_and_is_what_it_was_put_as_last() {
        let mut cache = Cache::new(ROWS_MAX);
        for number in 1..5 * ROWS_MAX as u64 {
            let hot = Key::id::<Contact>(TenantId(Id(1)), Id(0));
            cache.put(hot.clone(), Cached { version: number, record: None });
            put(&mut cache, u128::from(number));
            assert_eq!(cache.get(&hot).map(|cached| cached.version), Some(number));
        }
        assert_eq!(cache.places.len(), 1 + ROWS_MAX / 2, "places that rows moved away from count");
    }

    #[test]
    fn between_trims_nothing_goes() {
        let mut cache = Cache::new(ROWS_MAX);
        let many = 10 * ROWS_MAX as u128;
        for number in 0..many {
            let key = Key::id::<Contact>(TenantId(Id(1)), Id(number));
            cache.put(key, Cached { version: 1, record: None });
        }
        assert!((0..many).all(|number| holds(&cache, number)));
        cache.trim();
        assert_eq!((0..many).filter(|number| holds(&cache, *number)).count(), ROWS_MAX);
    }
}
