//! A batch's changes as bytes, and read back from them: what the journal keeps and what the tables take.
//!
//! The bytes are spelled once, by the caller of a commit; what is read from them are slices of the same memory. A
//! commit and a replay after a crash thus go the same way. Numbers are little-endian; texts, names and bodies stand
//! behind their length. The rows that a batch only relied on are checked before it is kept, and are no part of it.
//! A cut of the log goes this way too: as changes of nothing, with the newest forgotten position behind them.

use bytes::Bytes;
use domain::id::{Id, JobId, MessageId, TenantId};
use domain::record::{Key, Kind};
use domain::time::Time;
use ports::{Batch, Error, ErrorKind, Vault, stored};

use crate::names::{self, Spelled};

/// Where a row stands in the tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub kind: Kind,
    pub tenant: [u8; 16],
    pub name: Spelled,
}

/// A row's change. No body deletes.
pub struct Write {
    pub place: Place,
    /// The place's hash.
    pub hash: u64,
    /// The version it was decided on.
    pub seen: i64,
    pub body: Option<Bytes>,
}

/// Which entry of which list: tenant, list, owner, position.
pub type Entry = ([u8; 16], i64, [u8; 16], i64);

/// An event's row. Its body is silent about what stands beside it.
pub struct Event {
    pub position: i64,
    pub tenant: [u8; 16],
    pub message: Option<[u8; 16]>,
    pub at: i64,
    pub body: Bytes,
}

/// A job's row. Its body is silent about what stands beside it.
#[derive(Clone)]
pub struct Job {
    pub id: [u8; 16],
    pub due_at: i64,
    pub body: Bytes,
}

/// Everything that one batch, or one cut of the log, changes.
pub struct Changes {
    id: Id,
    pub at: Time,
    pub writes: Vec<Write>,
    pub listings: Vec<(Entry, [u8; 16])>,
    pub events: Vec<Event>,
    pub jobs: Vec<Job>,
    pub finished_jobs: Vec<[u8; 16]>,
    /// The newest position that is forgotten, if this is a cut.
    pub cut: Option<i64>,
    /// Length of the bytes.
    pub size: usize,
}

impl Place {
    /// A key's place.
    pub fn of(key: &Key) -> Place {
        Place { kind: key.kind, tenant: names::id(key.tenant.0), name: Spelled::of(&key.name) }
    }

    /// Its hash.
    pub fn hash(&self) -> u64 {
        names::hash(self.kind, self.tenant, names::without_tag(&self.name))
    }

    /// The key of this place.
    pub fn key(&self) -> Result<Key, Error> {
        let tenant = TenantId(names::read_id(self.tenant));
        Ok(Key { tenant, kind: self.kind, name: names::read_name(&self.name)? })
    }
}

impl Event {
    /// The event.
    pub fn whole(&self) -> Result<domain::event::Event, Error> {
        let Event { position, tenant, message, at, .. } = *self;
        Ok(domain::event::Event {
            position: position as u64,
            tenant: TenantId(names::read_id(tenant)),
            message: message.map(|message| MessageId(names::read_id(message))),
            at: Time(at),
            ..stored::decode_event(&self.body)?
        })
    }
}

impl Job {
    /// What jobs are ordered by.
    pub fn place(&self) -> (i64, [u8; 16]) {
        (self.due_at, self.id)
    }

    /// The job.
    pub fn whole(&self) -> Result<domain::job::Job, Error> {
        stored::decode_job(JobId(names::read_id(self.id)), Time(self.due_at), &self.body)
    }
}

/// Spells an event without what stands beside it.
fn spell_body(event: &domain::event::Event, spelled: &mut Vec<u8>) {
    let (position, tenant, at) = Default::default();
    let rest = domain::event::Event { position, tenant, message: None, at, ..event.clone() };
    stored::encode_event(&rest, spelled);
}

impl Write {
    /// The version that the row has afterwards.
    pub fn version(&self) -> i64 {
        if self.body.is_some() { self.seen + 1 } else { 0 }
    }
}

impl Changes {
    /// The batch's id; a cut has none.
    pub fn batch(&self) -> Option<Id> {
        self.cut.is_none().then_some(self.id)
    }
}

/// No body.
const NONE: u32 = u32::MAX;

/// Spells a batch behind what `spelled` holds already.
pub fn spell(batch: &Batch, vault: &dyn Vault, spelled: &mut Vec<u8>) {
    let mut to = Speller(spelled);
    to.id(batch.id);
    to.number(batch.at.0);
    to.all(&batch.writes, |to, write| {
        to.0.push(names::kind(write.key.kind));
        to.id(write.key.tenant.0);
        to.bytes(&Spelled::of(&write.key.name));
        to.number(names::number(write.version));
        match &write.record {
            Some(record) => to.spelled(|spelled| stored::encode(record, vault, spelled)),
            None => to.count(NONE),
        }
    });
    to.all(&batch.listings, |to, entry| {
        to.id(entry.tenant.0);
        to.number(names::list(entry.list));
        to.id(entry.owner);
        to.number(names::number(entry.position));
        to.id(entry.target);
    });
    to.all(&batch.events, |to, event| {
        to.number(names::number(event.position));
        to.id(event.tenant.0);
        to.0.push(u8::from(event.message.is_some()));
        to.id(event.message.map_or(Id(0), |message| message.0));
        to.number(event.at.0);
        to.spelled(|spelled| spell_body(event, spelled));
    });
    to.all(&batch.jobs, |to, job| {
        to.id(job.id.0);
        to.number(job.due_at.0);
        to.spelled(|spelled| stored::encode_job(job, spelled));
    });
    to.all(&batch.finished_jobs, |to, job| to.id(job.0));
}

/// Spells a cut of the log behind what `spelled` holds already.
pub fn spell_cut(cut: i64, spelled: &mut Vec<u8>) {
    let mut to = Speller(spelled);
    to.id(Id(0));
    to.number(0);
    // No writes, listings, events, jobs and finished jobs.
    (0..5).for_each(|_| to.count(0));
    to.number(cut);
}

/// Reads a batch or a cut back.
pub fn read(bytes: Bytes) -> Result<Changes, Error> {
    let sentence = "a batch in the journal cannot be understood";
    Reader { bytes, read: 0 }.changes().ok_or_else(|| Error::new(ErrorKind::Corrupt, sentence))
}

struct Speller<'a>(&'a mut Vec<u8>);

impl Speller<'_> {
    fn count(&mut self, count: u32) {
        self.0.extend_from_slice(&count.to_le_bytes());
    }

    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn id(&mut self, id: Id) {
        self.0.extend_from_slice(&names::id(id));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
    }

    /// Bytes that are spelled in their place, and then counted.
    fn spelled(&mut self, spell: impl FnOnce(&mut Vec<u8>)) {
        let count = self.0.len();
        self.count(0);
        spell(self.0);
        let length = (self.0.len() - count - size_of::<u32>()) as u32;
        self.0[count..][..size_of::<u32>()].copy_from_slice(&length.to_le_bytes());
    }

    fn all<T>(&mut self, all: &[T], each: impl Fn(&mut Self, &T)) {
        self.count(all.len() as u32);
        for one in all {
            each(self, one);
        }
    }
}

/// Reads from the front of what is left.
struct Reader {
    bytes: Bytes,
    read: usize,
}

impl Reader {
    fn changes(mut self) -> Option<Changes> {
        let size = self.bytes.len();
        let changes = Changes {
            id: names::read_id(self.array()?),
            at: Time(self.number()?),
            writes: self.all(Self::write)?,
            listings: self.all(|from| Some((from.entry()?, from.array()?)))?,
            events: self.all(Self::event)?,
            jobs: self.all(Self::job)?,
            finished_jobs: self.all(Self::array)?,
            cut: if self.read == size { None } else { Some(self.number()?) },
            size,
        };
        (self.read == size).then_some(changes)
    }

    fn write(&mut self) -> Option<Write> {
        let kind = names::read_kind(self.array::<1>()?[0])?;
        let place = Place { kind, tenant: self.array()?, name: self.bytes()??.into() };
        let hash = place.hash();
        Some(Write { place, hash, seen: self.number()?, body: self.bytes()? })
    }

    fn entry(&mut self) -> Option<Entry> {
        Some((self.array()?, self.number()?, self.array()?, self.number()?))
    }

    fn event(&mut self) -> Option<Event> {
        let (position, tenant) = (self.number()?, self.array()?);
        let about_message = self.array::<1>()?[0] == 1;
        let message = Some(self.array()?).filter(|_| about_message);
        Some(Event { position, tenant, message, at: self.number()?, body: self.bytes()?? })
    }

    fn job(&mut self) -> Option<Job> {
        Some(Job { id: self.array()?, due_at: self.number()?, body: self.bytes()?? })
    }

    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let array = *self.bytes[self.read..].first_chunk()?;
        self.read += LENGTH;
        Some(array)
    }

    fn number(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn count(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// `Some(None)` is what was spelled as nothing.
    fn bytes(&mut self) -> Option<Option<Bytes>> {
        let length = match self.count()? {
            NONE => return Some(None),
            length => length as usize,
        };
        let end = self.read.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let bytes = self.bytes.slice(self.read..end);
        self.read = end;
        Some(Some(bytes))
    }

    fn all<T>(&mut self, each: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()? as usize;
        // Each takes a byte at least: a damaged count makes room for no more of them than there are bytes.
        let mut all = Vec::with_capacity(count.min(self.bytes.len() - self.read));
        for _ in 0..count {
            all.push(each(self)?);
        }
        Some(all)
    }
}
