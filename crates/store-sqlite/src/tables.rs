//! Writing batches to the tables: many batches, one transaction, each row once and in the tables' own order.
//!
//! What a later batch overwrites is not written at all. Versions were checked before the batches were acknowledged;
//! a statement that finds another version is a bug of this store.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::record::Kind;
use domain::time::Time;
use ports::{Error, ErrorKind};
use rusqlite::types::ValueRef::{Blob, Integer, Null};
use rusqlite::{Connection, params};

use crate::answers::failed;
use crate::backlog::{BATCHES_KEPT, Numbered};
use crate::bulk::Insertion;
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
        for (kind, writes) in Kind::ALL.iter().zip(&self.rows).filter(|(_, writes)| !writes.is_empty()) {
            if !write_rows(connection, *kind, writes).map_err(write_failed)? {
                let sentence = format!("a row of kind {} was changed behind the journal", kind.as_str());
                return Err(Error::new(ErrorKind::Invalid, sentence));
            }
        }
        self.beside_rows(connection).map_err(write_failed)
    }

    fn beside_rows(&self, connection: &Connection) -> rusqlite::Result<()> {
        INSERTIONS.listing.of(connection, &self.listings, |((tenant, list, owner, position), target)| {
            [Blob(tenant), Integer(*list), Blob(owner), Integer(*position), Blob(target)]
        })?;
        let cut = self.events.partition_point(|event| event.position <= self.cut);
        INSERTIONS.event.of(connection, &self.events[cut..], |event| {
            let message = event.message.as_ref().map_or(Null, |message| Blob(message));
            [Integer(event.position), Blob(&event.tenant), message, Integer(event.at), Blob(&event.body)]
        })?;
        let pages = self.events[cut..].iter().map(|event| (event.tenant, names::event_page(event.position)));
        let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO event_page VALUES (?1, ?2)")?;
        for (tenant, page) in pages.collect::<BTreeSet<_>>() {
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
        let mut delete = connection.prepare_cached("DELETE FROM job WHERE id = ?1")?;
        let mut open = Vec::new();
        for changes in self.jobs.chunk_by(|(one, _), (next, _)| one == next) {
            match changes.last() {
                Some((_, Some(job))) => open.push(*job),
                // Most jobs are made and finished before any of that comes here.
                Some((id, None)) if newest.is_some_and(|newest| *id <= newest) => {
                    delete.execute([id])?;
                }
                _ => {}
            }
        }
        INSERTIONS.job.of(connection, &open, |job| [Blob(&job.id), Integer(job.due_at), Blob(&job.body)])?;
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

/// Brings rows of a kind from the versions that their first writes saw to what their last ones made of them. Says
/// whether all had those versions.
fn write_rows(connection: &Connection, kind: Kind, writes: &[&Write]) -> rusqlite::Result<bool> {
    let statements = &STATEMENTS[kind as usize];
    let (mut update, mut delete) =
        (connection.prepare_cached(&statements.update)?, connection.prepare_cached(&statements.delete)?);
    let (mut new, mut right) = (Vec::new(), true);
    for writes in writes.chunk_by(|one, next| one.place == next.place) {
        let (Some(first), Some(last)) = (writes.first(), writes.last()) else { continue };
        let (Place { tenant, name, .. }, version) = (&last.place, last.version());
        right &= match (first.seen, last.body.as_deref()) {
            // Made and deleted meanwhile, or never there.
            (0, None) => true,
            (0, Some(body)) => {
                new.push([Blob(tenant), Blob(name), Integer(version), Blob(body)]);
                true
            }
            (seen, Some(body)) => update.execute(params![tenant, &**name, version, body, seen])? == 1,
            (seen, None) => delete.execute(params![tenant, &**name, seen])? == 1,
        };
    }
    let inserted = statements.insert.of(connection, &new, |row| *row)?;
    Ok(right && inserted == new.len())
}

/// What is done to rows of one kind.
struct Statements {
    insert: Insertion,
    update: String,
    delete: String,
}

/// By kind, spelled once.
static STATEMENTS: LazyLock<Vec<Statements>> = LazyLock::new(|| {
    let spell = |kind: &Kind| {
        let table = names::table(*kind);
        Statements {
            insert: Insertion::new(&format!("INSERT INTO {table}"), 4, "ON CONFLICT DO NOTHING"),
            update: format!(
                "UPDATE {table} SET version = ?3, body = ?4 WHERE tenant = ?1 AND name = ?2 AND version = ?5"
            ),
            delete: format!("DELETE FROM {table} WHERE tenant = ?1 AND name = ?2 AND version = ?3"),
        }
    };
    Kind::ALL.iter().map(spell).collect()
});

/// What is inserted beside rows.
struct Insertions {
    listing: Insertion,
    event: Insertion,
    job: Insertion,
}

static INSERTIONS: LazyLock<Insertions> = LazyLock::new(|| Insertions {
    listing: Insertion::new("INSERT OR REPLACE INTO listing", 5, ""),
    event: Insertion::new("INSERT INTO event", 5, ""),
    job: Insertion::new("INSERT OR REPLACE INTO job", 3, ""),
});
