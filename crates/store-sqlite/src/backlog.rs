//! The backlog: batches that the journal keeps and the tables do not have yet.
//!
//! Three parties meet here. The committer adds a batch once it is synced, the applier takes batches in order and
//! removes them once the tables have them, and readers lay what they see here over what they see in the tables. A
//! batch is removed only after its transaction, so at any moment backlog and tables together hold everything
//! acknowledged; both may hold a batch, which changes nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::Id;
use domain::time::Time;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use ports::Error;
use tokio::sync::watch;

use crate::answers::stopped;
use crate::changes::{Changes, Place, Write};

/// How many batches are known by their ids.
pub const BATCHES_KEPT: usize = 4_096;

/// A batch with its number in the journal.
pub type Numbered = (u64, Arc<Changes>);

/// Where the newest write of a row stands: in which batch, and at which place of that.
struct Newest {
    hash: u64,
    number: u64,
    index: usize,
}

/// What the tables say at the start.
pub struct Standing {
    /// The newest batch or cut of the log, as the journal numbers them.
    pub number: u64,
    /// The newest event that is forgotten.
    pub cut: u64,
    /// The newest event, and the highest commit time.
    pub head: (u64, Time),
    /// The newest batches' ids, oldest first.
    pub ids: VecDeque<Id>,
}

/// Everything acknowledged that is worth knowing without the tables.
pub struct State {
    pub standing: Standing,
    /// Their numbers follow one another.
    batches: VecDeque<Numbered>,
    rows: HashTable<Newest>,
    bytes: usize,
    applied: u64,
    /// Somebody waits for the tables: the applier does not linger.
    hurry: u64,
    closing: bool,
    failed: bool,
}

/// The backlog, shared.
pub struct Backlog {
    state: Mutex<State>,
    /// Batches came, or the end did.
    came: Condvar,
    /// Batches went, or the end came.
    went: Condvar,
    /// Whether the store cannot go on, for those who wait for that alone.
    failed: watch::Sender<bool>,
    /// Whether the tables may grow.
    room: AtomicBool,
}

impl State {
    /// The newest write of a row, if the backlog has any; `hash` is that of its place.
    pub fn row(&self, place: &Place, hash: u64) -> Option<&Write> {
        let newest = self.rows.find(hash, |newest| write_of(&self.batches, newest).place == *place)?;
        Some(write_of(&self.batches, newest))
    }

    /// The batches, oldest first.
    pub fn batches(&self) -> Vec<Arc<Changes>> {
        self.batches.iter().map(|(_, changes)| Arc::clone(changes)).collect()
    }

    /// The batches, oldest first, and the newest position of the log that is forgotten.
    pub fn log(&self) -> (Vec<Arc<Changes>>, u64) {
        (self.batches(), self.standing.cut)
    }

    fn add(&mut self, number: u64, changes: Arc<Changes>) {
        let (position, at) = &mut self.standing.head;
        *position += changes.events.len() as u64;
        *at = (*at).max(changes.at);
        self.standing.number = number;
        self.standing.ids.extend(changes.batch());
        self.standing.cut = changes.cut.map_or(self.standing.cut, |cut| cut as u64);
        if self.standing.ids.len() > BATCHES_KEPT {
            self.standing.ids.pop_front();
        }
        self.bytes += changes.size;
        self.batches.push_back((number, Arc::clone(&changes)));
        for (index, Write { place, hash, .. }) in changes.writes.iter().enumerate() {
            let newest = Newest { hash: *hash, number, index };
            let same = |other: &Newest| write_of(&self.batches, other).place == *place;
            match self.rows.entry(*hash, same, |other| other.hash) {
                Entry::Occupied(mut older) => *older.get_mut() = newest,
                Entry::Vacant(none) => drop(none.insert(newest)),
            }
        }
    }

    /// Removes the oldest batch of those up to `applied`, and returns it.
    fn remove_one(&mut self, applied: u64) -> Option<Numbered> {
        let oldest = self.batches.pop_front_if(|(number, _)| *number <= applied);
        let Some((number, changes)) = &oldest else {
            self.applied = applied;
            return None;
        };
        self.bytes -= changes.size;
        for (index, write) in changes.writes.iter().enumerate() {
            let own = |newest: &Newest| newest.number == *number && newest.index == index;
            // Where a later batch wrote the row, that one's write stands there.
            if let Ok(newest) = self.rows.find_entry(write.hash, own) {
                newest.remove();
            }
        }
        oldest
    }
}

fn write_of<'a>(batches: &'a VecDeque<Numbered>, newest: &Newest) -> &'a Write {
    let first = batches.front().map_or(0, |(number, _)| *number);
    &batches[(newest.number - first) as usize].1.writes[newest.index]
}

impl Backlog {
    /// Nothing waits.
    pub fn new(standing: Standing) -> Backlog {
        let applied = standing.number;
        let state = State {
            standing,
            batches: VecDeque::new(),
            rows: HashTable::new(),
            bytes: 0,
            applied,
            hurry: 0,
            closing: false,
            failed: false,
        };
        let failed = watch::Sender::new(false);
        let room = AtomicBool::new(true);
        Backlog { state: Mutex::new(state), came: Condvar::new(), went: Condvar::new(), failed, room }
    }

    /// The state, held still.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until less than `bytes` wait, for so long at most. Says whether there is room.
    pub fn wait_for_room(&self, bytes: usize, longest: Duration) -> bool {
        let full = |state: &mut State| state.bytes >= bytes && !state.failed;
        let waited = self.went.wait_timeout_while(self.state(), longest, full);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.bytes < bytes
    }

    /// Adds a batch that the journal has.
    pub fn add(&self, number: u64, changes: Arc<Changes>) {
        self.state().add(number, changes);
        self.came.notify_all();
    }

    /// The oldest batches, of `bytes` together or a little more, once so many wait or some have waited for `linger`.
    /// Nothing when the store closes and all are applied.
    pub fn take(&self, bytes: usize, linger: Duration) -> Vec<Numbered> {
        let idle = |state: &mut State| state.batches.is_empty() && !state.closing;
        let some = self.came.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        let few = |state: &mut State| state.bytes < bytes && !state.closing && state.hurry <= state.applied;
        let waited = self.came.wait_timeout_while(some, linger, few);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut taken = 0;
        let enough = |(_, changes): &&Numbered| {
            let more = taken < bytes;
            taken += changes.size;
            more
        };
        state.batches.iter().take_while(enough).cloned().collect()
    }

    /// Lets go of the batches that the tables have, one by one: readers and the committer come in between, and what
    /// is removed is dropped while nobody waits for it.
    pub fn remove(&self, applied: u64) {
        loop {
            let removed = self.state().remove_one(applied);
            if removed.is_none() {
                break;
            }
        }
        self.went.notify_all();
    }

    /// Waits until the tables have everything that is acknowledged now.
    pub fn wait_until_applied(&self) -> Result<(), Error> {
        let mut state = self.state();
        let mark = state.standing.number;
        state.hurry = state.hurry.max(mark);
        self.came.notify_all();
        let behind = |state: &mut State| state.applied < mark && !state.failed;
        let state = self.went.wait_while(state, behind).unwrap_or_else(PoisonError::into_inner);
        if state.applied < mark { Err(stopped()) } else { Ok(()) }
    }

    /// Whether the tables may grow.
    pub fn has_room(&self) -> bool {
        self.room.load(Ordering::Relaxed)
    }

    /// Sets whether the tables may grow. Says whether that is new.
    pub fn set_room(&self, room: bool) -> bool {
        self.room.swap(room, Ordering::Relaxed) != room
    }

    /// Waits a moment, or until the store closes. Says whether it does.
    pub fn wait_for_end(&self, moment: Duration) -> bool {
        let open = |state: &mut State| !state.closing;
        let waited = self.came.wait_timeout_while(self.state(), moment, open);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    /// Nothing comes any more.
    pub fn close(&self) {
        self.state().closing = true;
        self.came.notify_all();
    }

    /// The store cannot go on.
    pub fn fail(&self) {
        let mut state = self.state();
        (state.failed, state.closing) = (true, true);
        drop(state);
        self.came.notify_all();
        self.went.notify_all();
        self.failed.send_replace(true);
    }

    /// Waits until the store cannot go on.
    pub async fn failure(&self) {
        // The sender lives as long as this call.
        let _ = self.failed.subscribe().wait_for(|failed| *failed).await;
    }

    /// Whether the store cannot go on.
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }
}
