//! Writing batches to the tables: many batches, one transaction, each row once and in the tables' own order.
//!
//! What a later batch overwrites is not written at all. Versions were checked before the batches were acknowledged;
//! a statement that finds another version is a bug of this store.

use std::collections::BTreeSet;

use domain::record::Kind;
use domain::time::Time;
use ports::{Error, ErrorKind};
use rusqlite::{CachedStatement, Connection, params};

use crate::answers::failed;
use crate::backlog::{BATCHES_KEPT, Numbered};
use crate::changes::{Entry, Event, Job, Place, Write};
use crate::names;

/// Pages that hold something.
pub fn pages_used(tables: &Connection) -> Result<u64, Error> {
    let count = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
    let counted = tables.prepare_cached(count).and_then(|mut count| count.query_row([], |row| row.get(0)));
    counted.map_err(|error| failed("tell its size", error))
}

/// The union of batches. Everything stands in the order of the batches first, and is sorted without being mixed up:
/// what comes of sending is in the tables' order already, or nearly, which makes that quick.
#[derive(Default)]
struct Union<'a> {
    /// By kind.
    rows: [Vec<&'a Write>; Kind::ALL.len()],
    listings: Vec<&'a (Entry, [u8; 16])>,
    events: Vec<&'a Event>,
    /// Nothing for one that is finished.
    jobs: Vec<([u8; 16], Option<&'a Job>)>,
    at: Option<Time>,
    /// The newest position that is forgotten; 0 for none.
    cut: i64,
}

impl<'a> Union<'a> {
    fn of(batches: &'a [Numbered]) -> Union<'a> {
        let mut union = Union::default();
        for (_, changes) in batches {
            changes.writes.iter().for_each(|write| union.rows[write.place.kind as usize].push(write));
            union.listings.extend(&changes.listings);
            union.events.extend(&changes.events);
            union.jobs.extend(changes.jobs.iter().map(|job| (job.id, Some(job))));
            union.jobs.extend(changes.finished_jobs.iter().map(|job| (*job, None)));
            union.at = union.at.max(Some(changes.at));
            union.cut = changes.cut.unwrap_or(union.cut);
        }
        union.rows.iter_mut().for_each(|rows| rows.sort_by(|one, other| one.place.cmp(&other.place)));
        union.listings.sort_by_key(|(entry, _)| *entry);
        union.jobs.sort_by_key(|(id, _)| *id);
        union
    }

    fn write(&self, connection: &Connection) -> Result<(), Error> {
        let mut statements = Statements::on(connection);
        for writes in self.rows.iter().flat_map(|rows| rows.chunk_by(|one, next| one.place == next.place)) {
            let (Some(first), Some(last)) = (writes.first(), writes.last()) else { continue };
            if write_row(&mut statements, first, last).map_err(write_failed)? != 1 {
                let sentence =
                    format!("a row of kind {} was changed behind the journal", first.place.kind.as_str());
                return Err(Error::new(ErrorKind::Invalid, sentence));
            }
        }
        self.beside_rows(connection).map_err(write_failed)
    }

    fn beside_rows(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT OR REPLACE INTO listing VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for ((tenant, list, owner, position), target) in &self.listings {
            insert.execute(params![tenant, list, owner, position, target])?;
        }
        let mut insert = connection.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut pages = BTreeSet::new();
        for event in self.events.iter().filter(|event| event.position > self.cut) {
            insert.execute(params![event.position, event.tenant, event.message, event.at, &*event.body])?;
            pages.insert((event.tenant, names::event_page(event.position)));
        }
        let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO event_page VALUES (?1, ?2)")?;
        for (tenant, page) in pages {
            insert.execute(params![tenant, page])?;
        }
        // No more at once than the cuts were asked for.
        if self.cut > 0 {
            let whole = names::event_page(self.cut + 1);
            connection.prepare_cached("DELETE FROM event_page WHERE page < ?1")?.execute([whole])?;
            connection.prepare_cached("DELETE FROM event WHERE position <= ?1")?.execute([self.cut])?;
        }
        self.write_jobs(connection)
    }

    fn write_jobs(&self, connection: &Connection) -> rusqlite::Result<()> {
        let newest: Option<[u8; 16]> =
            connection.prepare_cached("SELECT max(id) FROM job")?.query_row([], |row| row.get(0))?;
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3)")?;
        let mut delete = connection.prepare_cached("DELETE FROM job WHERE id = ?1")?;
        for changes in self.jobs.chunk_by(|(one, _), (next, _)| one == next) {
            match changes.last() {
                Some((id, Some(job))) => drop(insert.execute(params![id, job.due_at, &*job.body])?),
                // Most jobs are made and finished before any of that comes here.
                Some((id, None)) if newest.is_some_and(|newest| *id <= newest) => {
                    delete.execute([id])?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes the batches, in order and following what was applied before, in one transaction.
pub fn apply(connection: &Connection, batches: &[Numbered]) -> Result<(), Error> {
    let union = Union::of(batches);
    run(connection, "BEGIN IMMEDIATE").map_err(write_failed)?;
    let outcome = union.write(connection).and_then(|()| {
        note(connection, batches, &union).map_err(write_failed)?;
        run(connection, "COMMIT").map_err(write_failed).map(drop)
    });
    // Some errors, a full disk among them, have rolled back already.
    if outcome.is_err() && !connection.is_autocommit() {
        run(connection, "ROLLBACK").map_err(write_failed)?;
    }
    outcome
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

/// Notes the log's ends, up to where the journal is applied, and the newest batches' ids.
fn note(connection: &Connection, batches: &[Numbered], union: &Union<'_>) -> rusqlite::Result<()> {
    let (position, at) = (union.events.last().map(|event| event.position), union.at.map(|at| at.0));
    let last = batches.last().map_or(0, |(number, _)| names::number(*number));
    connection
        .prepare_cached(
            "UPDATE head SET position = coalesce(?1, position), at = max(at, coalesce(?2, at)),
             number = max(number, ?3), cut = max(cut, ?4)",
        )?
        .execute(params![position, at, last, union.cut])?;
    let mut insert = connection.prepare_cached("INSERT INTO batch VALUES (?1, ?2)")?;
    let ids = batches.iter().rev().filter_map(|(number, changes)| Some((*number, changes.batch()?)));
    for (number, id) in ids.take(BATCHES_KEPT) {
        insert.execute(params![names::number(number), names::id(id)])?;
    }
    let mut delete = connection.prepare_cached(
        "DELETE FROM batch
         WHERE number <= (SELECT number FROM batch ORDER BY number DESC LIMIT 1 OFFSET ?1)",
    )?;
    delete.execute([BATCHES_KEPT as i64])?;
    Ok(())
}

fn write_failed(error: rusqlite::Error) -> Error {
    failed("take a batch", error)
}

/// Brings a row from the version that its first write saw to what its last one made of it. Says how many rows had that
/// version; 1 is right.
fn write_row(statements: &mut Statements<'_>, first: &Write, last: &Write) -> rusqlite::Result<usize> {
    let Place { kind, tenant, name } = &last.place;
    let version = last.version();
    match (first.seen, last.body.as_deref()) {
        // Made and deleted meanwhile, or never there.
        (0, None) => Ok(1),
        (0, Some(body)) => {
            statements.of(*kind, Deed::Insert)?.execute(params![tenant, &**name, version, body])
        }
        (seen, Some(body)) => {
            statements.of(*kind, Deed::Update)?.execute(params![tenant, &**name, version, body, seen])
        }
        (seen, None) => statements.of(*kind, Deed::Delete)?.execute(params![tenant, &**name, seen]),
    }
}

/// What is done to a row.
#[derive(Clone, Copy)]
enum Deed {
    Insert,
    Update,
    Delete,
}

const DEEDS: usize = 3;

/// The prepared statements of the kind that is being written: rows come kind by kind.
struct Statements<'a> {
    connection: &'a Connection,
    kind: Option<Kind>,
    prepared: [Option<CachedStatement<'a>>; DEEDS],
}

impl<'a> Statements<'a> {
    fn on(connection: &'a Connection) -> Statements<'a> {
        Statements { connection, kind: None, prepared: Default::default() }
    }

    fn of(&mut self, kind: Kind, deed: Deed) -> rusqlite::Result<&mut CachedStatement<'a>> {
        if self.kind != Some(kind) {
            (self.kind, self.prepared) = (Some(kind), Default::default());
        }
        match &mut self.prepared[deed as usize] {
            Some(prepared) => Ok(prepared),
            none => Ok(none.insert(self.connection.prepare_cached(&spelled(kind)[deed as usize])?)),
        }
    }
}

/// The statements of a kind, spelled once.
fn spelled(kind: Kind) -> &'static [String; DEEDS] {
    static SPELLED: std::sync::LazyLock<Vec<[String; DEEDS]>> = std::sync::LazyLock::new(|| {
        let spell = |kind: &Kind| {
            let table = names::table(*kind);
            [
                format!("INSERT INTO {table} VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"),
                format!(
                    "UPDATE {table} SET version = ?3, body = ?4 WHERE tenant = ?1 AND name = ?2 AND version = ?5"
                ),
                format!("DELETE FROM {table} WHERE tenant = ?1 AND name = ?2 AND version = ?3"),
            ]
        };
        Kind::ALL.iter().map(spell).collect()
    });
    &SPELLED[kind as usize]
}
