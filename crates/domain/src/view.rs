//! The view through which a command reads and writes: loaded rows below, its own changes above.
//!
//! A row that is not loaded yet halts the command with [`Halt::Wanted`]; the engine loads it and runs the command
//! again, so a decision is a plain function of what it read. Everything read, absent rows included, is noted: the
//! commit checks that none of it has changed since.

use std::collections::HashMap;
use std::sync::Arc;

use crate::delivery::Priority;
use crate::event::{Event, Fact};
use crate::id::{AppId, ContactId, ConversationId, EventId, Id, IdSource, JobId, MessageId, TenantId};
use crate::job::{Job, Lane, Work};
use crate::message::Message;
use crate::record::{Counter, Entity, Key, Listing, Record};
use crate::time::Time;

/// Why a command stopped before deciding.
#[derive(Debug, PartialEq, Eq)]
pub enum Halt<R> {
    /// It needs rows that are not loaded; they are noted in the view.
    Wanted,
    /// It says no; nothing of it is kept.
    Refused(R),
}

impl<R> From<R> for Halt<R> {
    fn from(refusal: R) -> Self {
        Halt::Refused(refusal)
    }
}

/// The rows below a view: what the engine has loaded or cached, earlier decisions of the batch included.
pub trait Loaded {
    /// `None`: not loaded. `Some(None)`: known to be absent.
    fn row(&self, key: &Key) -> Option<Option<Record>>;
}

/// What a command decided, beside its answer.
#[derive(Default)]
pub struct Decision {
    /// Rows in the order first written; `None` deletes.
    pub writes: Vec<(Key, Option<Record>)>,
    /// Rows that the decision rests on, absent ones included; some perhaps more than once.
    pub read: Vec<Key>,
    pub listings: Vec<Listing>,
    pub events: Vec<Event>,
    pub jobs: Vec<Job>,
    pub finished_jobs: Vec<JobId>,
}

/// Up to so many writes are looked through one by one, which is faster than hashing.
const WRITES_FEW: usize = 24;
/// The same for rows read.
const READS_FEW: usize = 32;

/// One command's window on the store.
pub struct View<'a> {
    loaded: &'a dyn Loaded,
    ids: &'a mut dyn IdSource,
    now: Time,
    /// Where each row stands among the writes, once these are many.
    places: HashMap<Key, usize>,
    /// Rows that cannot exist: they are named by ids that this very run drew.
    absent: Vec<Key>,
    wanted: Vec<Key>,
    decision: Decision,
}

/// Whom an event is about; anything may be left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    pub app: Option<AppId>,
    pub contact: Option<ContactId>,
    pub conversation: Option<ConversationId>,
    pub message: Option<MessageId>,
}

impl<'a> View<'a> {
    /// A view at `now` over loaded rows.
    pub fn new(loaded: &'a dyn Loaded, ids: &'a mut dyn IdSource, now: Time) -> View<'a> {
        let (places, absent, wanted) = (HashMap::new(), Vec::new(), Vec::new());
        View { loaded, ids, now, places, absent, wanted, decision: Decision::default() }
    }

    /// The moment of the decision.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A fresh id.
    pub fn next_id(&mut self) -> Id {
        self.ids.next_id()
    }

    /// Reads a row. Halts when it is not loaded.
    pub fn get<E: Entity, R>(&mut self, key: &Key) -> Result<Option<Arc<E>>, Halt<R>> {
        if let Some(place) = self.place(key) {
            return Ok(self.decision.writes[place].1.as_ref().and_then(E::unwrap));
        }
        if self.absent.contains(key) {
            return Ok(None);
        }
        match self.loaded.row(key) {
            Some(row) => {
                let read = &mut self.decision.read;
                // Among many it costs more to find a repetition than to bear it.
                if read.len() > READS_FEW || !read.contains(key) {
                    read.push(key.clone());
                }
                Ok(row.as_ref().and_then(E::unwrap))
            }
            None => {
                self.wanted.push(key.clone());
                Err(Halt::Wanted)
            }
        }
    }

    /// Reads an entity by id.
    pub fn by_id<E: Entity, R>(&mut self, tenant: TenantId, id: Id) -> Result<Option<Arc<E>>, Halt<R>> {
        self.get::<E, R>(&Key::id::<E>(tenant, id))
    }

    /// Names rows that will be read soon, so that one load fetches them all. Halts when any is missing.
    pub fn want<R>(&mut self, keys: &[Key]) -> Result<(), Halt<R>> {
        let before = self.wanted.len();
        for key in keys {
            if self.place(key).is_none() && self.loaded.row(key).is_none() {
                self.wanted.push(key.clone());
            }
        }
        if self.wanted.len() > before { Err(Halt::Wanted) } else { Ok(()) }
    }

    /// Says that a row cannot exist, because it is named by an id that was drawn just now: it is not loaded.
    pub fn is_new(&mut self, key: Key) {
        self.absent.push(key);
    }

    /// Writes a row.
    pub fn put<E: Entity>(&mut self, key: Key, entity: E) {
        self.put_shared(key, Arc::new(entity));
    }

    /// Writes a row that the command goes on with.
    pub fn put_shared<E: Entity>(&mut self, key: Key, entity: Arc<E>) {
        self.write(key, Some(E::wrap(entity)));
    }

    /// Deletes a row.
    pub fn delete(&mut self, key: Key) {
        self.write(key, None);
    }

    fn write(&mut self, key: Key, record: Option<Record>) {
        if let Some(place) = self.place(&key) {
            self.decision.writes[place].1 = record;
            return;
        }
        self.decision.writes.push((key, record));
        let count = self.decision.writes.len();
        if count > WRITES_FEW {
            let known = self.places.len();
            let new = self.decision.writes.iter().enumerate().skip(known);
            self.places.extend(new.map(|(place, (key, _))| (key.clone(), place)));
        }
    }

    fn place(&self, key: &Key) -> Option<usize> {
        if self.decision.writes.len() > WRITES_FEW {
            return self.places.get(key).copied();
        }
        self.decision.writes.iter().position(|(own, _)| own == key)
    }

    /// Draws the next small number for `what` within the tenant, from 1.
    pub fn next_number<R>(&mut self, tenant: TenantId, what: &str) -> Result<u64, Halt<R>> {
        let key = Key::counter(tenant, what);
        let last = self.count::<R>(&key)?;
        self.put(key, Counter(last + 1));
        Ok(last + 1)
    }

    /// What a counter stands at; 0 before its first number.
    pub fn count<R>(&mut self, key: &Key) -> Result<u64, Halt<R>> {
        Ok(self.get::<Counter, R>(key)?.map_or(0, |counter| counter.0))
    }

    /// Appends an entry to a list.
    pub fn list(&mut self, listing: Listing) {
        self.decision.listings.push(listing);
    }

    /// Appends a fact to the log.
    pub fn emit(&mut self, tenant: TenantId, about: About, fact: Fact) {
        let id = EventId(self.ids.next_id());
        let About { app, contact, conversation, message } = about;
        let at = self.now;
        self.decision.events.push(Event {
            position: 0,
            id,
            tenant,
            app,
            contact,
            conversation,
            message,
            at,
            fact,
        });
    }

    /// Writes a job that hands a message to its current channel; nothing for one that does not travel.
    pub fn schedule_send(&mut self, message: &Message, due_at: Time, lane: Lane) {
        let Some(delivery) = &message.delivery else { return };
        self.decision.jobs.push(Job {
            id: JobId(self.ids.next_id()),
            tenant: message.tenant,
            app: message.app,
            due_at,
            lane,
            priority: delivery.priority,
            to: Some(delivery.address().clone()),
            expires_at: Some(delivery.expires_at).filter(|at| *at < Time::NEVER),
            work: Work::Send { message: message.id },
        });
    }

    /// Writes a job about a message that goes to no provider.
    pub fn schedule(&mut self, message: &Message, due_at: Time, work: Work) {
        self.decision.jobs.push(Job {
            id: JobId(self.ids.next_id()),
            tenant: message.tenant,
            app: message.app,
            due_at,
            lane: Lane::None,
            priority: Priority::Normal,
            to: None,
            expires_at: None,
            work,
        });
    }

    /// Removes a job that is done.
    pub fn finish_job(&mut self, job: JobId) {
        self.decision.finished_jobs.push(job);
    }

    /// Rows that were asked for and are not loaded.
    pub fn take_wanted(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.wanted)
    }

    /// What was decided.
    pub fn into_decision(self) -> Decision {
        self.decision
    }
}
