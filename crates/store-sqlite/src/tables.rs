//! Writing batches to the tables: many batches, one transaction, each row once and in the tables' own order.
//!
//! What a later batch overwrites is not written at all. Versions were checked before the batches were acknowledged;
//! a statement that finds another version is a bug of this store.

use std::collections::{BTreeMap, BTreeSet};

use domain::record::Kind;
use domain::time::Time;
use ports::{Error, ErrorKind};
use rusqlite::{CachedStatement, Connection, params};

use crate::answers::failed;
use crate::backlog::{BATCHES_KEPT, Numbered};
use crate::changes::{Entry, Event, Job, Place};
use crate::names;

/// Pages that hold something.
pub fn pages_used(tables: &Connection) -> Result<u64, Error> {
    let count = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
    let counted = tables.prepare_cached(count).and_then(|mut count| count.query_row([], |row| row.get(0)));
    counted.map_err(|error| failed("tell its size", error))
}

/// What becomes of a row: from the version in the table to the one after all batches.
struct Change<'a> {
    seen: i64,
    version: i64,
    body: Option<&'a [u8]>,
}

/// The union of batches.
#[derive(Default)]
struct Union<'a> {
    rows: BTreeMap<&'a Place, Change<'a>>,
    listings: BTreeMap<Entry, [u8; 16]>,
    events: Vec<&'a Event>,
    jobs: BTreeMap<[u8; 16], Option<&'a Job>>,
    at: Option<Time>,
    /// The newest position that is forgotten; 0 for none.
    cut: i64,
}

impl<'a> Union<'a> {
    fn of(batches: &'a [Numbered]) -> Union<'a> {
        let mut union = Union::default();
        for (_, changes) in batches {
            for write in &changes.writes {
                let (version, body) = (write.version(), write.body.as_deref());
                let change = Change { seen: write.seen, version, body };
                let row = union.rows.entry(&write.place).or_insert(change);
                (row.version, row.body) = (version, body);
            }
            union.listings.extend(changes.listings.iter().copied());
            union.events.extend(&changes.events);
            union.jobs.extend(changes.jobs.iter().map(|job| (job.id, Some(job))));
            union.jobs.extend(changes.finished_jobs.iter().map(|job| (*job, None)));
            union.at = union.at.max(Some(changes.at));
            union.cut = changes.cut.unwrap_or(union.cut);
        }
        union
    }

    fn write(&self, connection: &Connection) -> Result<(), Error> {
        let mut statements = Statements::on(connection);
        for (place, change) in &self.rows {
            if write_row(&mut statements, place, change).map_err(write_failed)? != 1 {
                let sentence =
                    format!("a row of kind {} was changed behind the journal", place.kind.as_str());
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
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3)")?;
        let mut delete = connection.prepare_cached("DELETE FROM job WHERE id = ?1")?;
        for (id, job) in &self.jobs {
            match job {
                Some(job) => insert.execute(params![id, job.due_at, &*job.body])?,
                None => delete.execute([id])?,
            };
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

/// How many rows had the version that the first batch saw; 1 is right.
fn write_row(statements: &mut Statements<'_>, place: &Place, change: &Change<'_>) -> rusqlite::Result<usize> {
    let Place { kind, tenant, name } = place;
    match (change.seen, change.body) {
        // Made and deleted meanwhile, or never there.
        (0, None) => Ok(1),
        (0, Some(body)) => {
            statements.of(*kind, Deed::Insert)?.execute(params![tenant, &**name, change.version, body])
        }
        (seen, Some(body)) => {
            statements.of(*kind, Deed::Update)?.execute(params![tenant, &**name, change.version, body, seen])
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
