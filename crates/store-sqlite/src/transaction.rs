//! A batch as SQL parameters, and the transaction that keeps it whole or not at all.
//!
//! Preparing needs no connection and happens in the caller. Versions are checked by the statements that write: each
//! names the version it replaces, and one that finds nothing is stale.

use domain::id::Id;
use domain::record::{Key, Kind};
use domain::time::Time;
use ports::{Batch, Commit, Error, ErrorKind, Vault, Version, stored};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};

use crate::answers::failed;
use crate::names;

/// How many commits are known by their ids.
const BATCHES_KEPT: i64 = 4_096;

/// A row as it stands in the tables.
struct Place {
    key: Key,
    name: Vec<u8>,
    version: i64,
}

struct Entry {
    tenant: [u8; 16],
    list: i64,
    owner: [u8; 16],
    position: i64,
    target: [u8; 16],
}

struct Event {
    position: i64,
    tenant: [u8; 16],
    message: Option<[u8; 16]>,
    at: i64,
    body: Vec<u8>,
}

struct Job {
    id: [u8; 16],
    due_at: i64,
    body: Vec<u8>,
}

/// A batch, ready to be executed.
pub struct Prepared {
    id: Id,
    at: Time,
    relied: Vec<Place>,
    writes: Vec<(Place, Option<Vec<u8>>)>,
    listings: Vec<Entry>,
    events: Vec<Event>,
    jobs: Vec<Job>,
    finished_jobs: Vec<[u8; 16]>,
}

fn place(key: Key, version: Version) -> Place {
    Place { name: names::name(&key.name), key, version: names::number(version) }
}

impl Prepared {
    /// Encodes a batch.
    pub fn new(batch: Batch, vault: &dyn Vault) -> Prepared {
        let writes = batch.writes.into_iter().map(|write| {
            let body = write.record.map(|record| stored::encode(&record, vault));
            (place(write.key, write.version), body)
        });
        let listings = batch.listings.into_iter().map(|entry| Entry {
            tenant: names::id(entry.tenant.0),
            list: names::list(entry.list),
            owner: names::id(entry.owner),
            position: names::number(entry.position),
            target: names::id(entry.target),
        });
        let events = batch.events.iter().map(|event| Event {
            position: names::number(event.position),
            tenant: names::id(event.tenant.0),
            message: event.message.map(|message| names::id(message.0)),
            at: event.at.0,
            body: stored::encode_event(event),
        });
        let jobs = batch.jobs.iter().map(|job| Job {
            id: names::id(job.id.0),
            due_at: job.due_at.0,
            body: stored::encode_job(job),
        });
        Prepared {
            id: batch.id,
            at: batch.at,
            relied: batch.relied.into_iter().map(|(key, version)| place(key, version)).collect(),
            writes: writes.collect(),
            listings: listings.collect(),
            events: events.collect(),
            jobs: jobs.collect(),
            finished_jobs: batch.finished_jobs.iter().map(|job| names::id(job.0)).collect(),
        }
    }

    /// Writes everything inside an open transaction. The caller commits only on `Committed`.
    pub fn execute(&self, connection: &Connection) -> Result<Commit, Error> {
        let head: i64 = connection
            .prepare_cached("SELECT position FROM head")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(write_failed)?;
        if self.events.iter().zip(head + 1..).any(|(event, position)| event.position != position) {
            let sentence = format!("the events leave a gap in the log, whose newest position is {head}");
            return Err(Error::new(ErrorKind::Invalid, sentence));
        }
        if is_kept(connection, self.id)? {
            return Err(Error::new(ErrorKind::Invalid, "a batch of this id was kept before"));
        }
        let stale = self.rows(connection).map_err(write_failed)?;
        if !stale.is_empty() {
            return Ok(Commit::Stale(stale));
        }
        self.beside_rows(connection).map_err(write_failed)?;
        self.head(connection, head + self.events.len() as i64).map_err(write_failed)?;
        Ok(Commit::Committed)
    }

    fn rows(&self, connection: &Connection) -> rusqlite::Result<Vec<Key>> {
        let mut stale = Vec::new();
        for place in &self.relied {
            if version(connection, place)? != place.version {
                stale.push(place.key.clone());
            }
        }
        for (place, body) in &self.writes {
            if !write(connection, place, body.as_deref())? {
                stale.push(place.key.clone());
            }
        }
        Ok(stale)
    }

    fn beside_rows(&self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.listings.is_empty() {
            let mut insert =
                connection.prepare_cached("INSERT OR REPLACE INTO listing VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for entry in &self.listings {
                insert.execute(params![
                    entry.tenant,
                    entry.list,
                    entry.owner,
                    entry.position,
                    entry.target
                ])?;
            }
        }
        if !self.events.is_empty() {
            let mut insert = connection.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for event in &self.events {
                insert.execute(params![event.position, event.tenant, event.message, event.at, event.body])?;
            }
        }
        if !self.jobs.is_empty() {
            let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3)")?;
            for job in &self.jobs {
                insert.execute(params![job.id, job.due_at, job.body])?;
            }
        }
        if !self.finished_jobs.is_empty() {
            let mut delete = connection.prepare_cached("DELETE FROM job WHERE id = ?1")?;
            for job in &self.finished_jobs {
                delete.execute([job])?;
            }
        }
        Ok(())
    }

    fn head(&self, connection: &Connection, position: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached("UPDATE head SET position = ?1, at = max(at, ?2)")?
            .execute(params![position, self.at.0])?;
        connection.prepare_cached("INSERT INTO batch (id) VALUES (?1)")?.execute([names::id(self.id)])?;
        let newest = connection.last_insert_rowid();
        connection
            .prepare_cached("DELETE FROM batch WHERE number <= ?1")?
            .execute([newest - BATCHES_KEPT])?;
        Ok(())
    }
}

/// Whether a batch of this id was kept.
pub fn is_kept(connection: &Connection, batch: Id) -> Result<bool, Error> {
    connection
        .prepare_cached("SELECT 1 FROM batch WHERE id = ?1")
        .and_then(|mut statement| statement.exists([names::id(batch)]))
        .map_err(|error| failed("look up a batch", error))
}

fn write_failed(error: rusqlite::Error) -> Error {
    failed("take a batch", error)
}

/// What is done to a row.
#[derive(Clone, Copy)]
enum Deed {
    Version,
    Insert,
    Update,
    Delete,
}

const DEEDS: usize = 4;

/// The statements of all kinds, spelled once: they are asked for with every row.
fn statement(connection: &Connection, kind: Kind, deed: Deed) -> rusqlite::Result<CachedStatement<'_>> {
    static SPELLED: std::sync::LazyLock<Vec<[String; DEEDS]>> = std::sync::LazyLock::new(|| {
        let spell = |kind: &Kind| {
            let table = names::table(*kind);
            [
                format!("SELECT version FROM {table} WHERE tenant = ?1 AND name = ?2"),
                format!("INSERT INTO {table} VALUES (?1, ?2, 1, ?3) ON CONFLICT DO NOTHING"),
                format!(
                    "UPDATE {table} SET version = ?4 + 1, body = ?3 WHERE tenant = ?1 AND name = ?2 AND version = ?4"
                ),
                format!("DELETE FROM {table} WHERE tenant = ?1 AND name = ?2 AND version = ?3"),
            ]
        };
        Kind::ALL.iter().map(spell).collect()
    });
    connection.prepare_cached(&SPELLED[kind as usize][deed as usize])
}

fn version(connection: &Connection, place: &Place) -> rusqlite::Result<i64> {
    let mut select = statement(connection, place.key.kind, Deed::Version)?;
    let found = select.query_row(params![names::id(place.key.tenant.0), place.name], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(0))
}

/// Whether the row had the version it was decided on, and so was written.
fn write(connection: &Connection, place: &Place, body: Option<&[u8]>) -> rusqlite::Result<bool> {
    let Place { key, name, version: seen } = place;
    let tenant = names::id(key.tenant.0);
    let written = match (body, *seen) {
        (Some(body), 0) => {
            statement(connection, key.kind, Deed::Insert)?.execute(params![tenant, name, body])?
        }
        (Some(body), seen) => {
            statement(connection, key.kind, Deed::Update)?.execute(params![tenant, name, body, seen])?
        }
        (None, 0) => return Ok(version(connection, place)? == 0),
        (None, seen) => {
            statement(connection, key.kind, Deed::Delete)?.execute(params![tenant, name, seen])?
        }
    };
    Ok(written == 1)
}
