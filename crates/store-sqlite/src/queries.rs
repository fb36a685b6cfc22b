//! The questions that readers answer: what the backlog has, laid over what the tables have.
//! Bytes become rows here, on the reader's thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Key, Kind};
use domain::time::Time;
use foldhash::HashMap;
use ports::store::Page;
use ports::{Error, Row, Vault, stored};
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use crate::answers::failed;
use crate::backlog::{Standing, State};
use crate::changes::{self, Changes, Place};
use crate::names::{self, Spelled};

/// The batches of the backlog, oldest first.
pub type Batches = Vec<Arc<Changes>>;

fn read_failed(error: rusqlite::Error) -> Error {
    failed("be read", error)
}

/// Runs a statement and reads each row.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql).map_err(read_failed)?;
    let found = statement.query_map(parameters, read).map_err(read_failed)?;
    found.collect::<rusqlite::Result<_>>().map_err(read_failed)
}

/// A row's version and body, if it is there.
type Found = Option<(i64, Bytes)>;

/// What the backlog has of these keys; of those that it says nothing about, nothing.
pub fn gather_rows(state: &State, keys: Vec<Key>) -> Vec<(Key, Place, Option<Found>)> {
    let gather = |key: Key| {
        let place = Place::of(&key);
        let latest = state.row(&place, place.hash());
        let found = latest.map(|write| write.body.clone().map(|body| (write.version(), body)));
        (key, place, found)
    };
    keys.into_iter().map(gather).collect()
}

/// The rows in the order asked for.
pub fn load(
    connection: &Connection,
    keys: Vec<(Key, Place, Option<Found>)>,
    vault: &dyn Vault,
) -> Result<Vec<Row>, Error> {
    static SPELLED: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let spell = |kind: &Kind| {
            let table = names::table(*kind);
            format!("SELECT version, body FROM {table} WHERE tenant = ?1 AND name = ?2")
        };
        Kind::ALL.iter().map(spell).collect()
    });
    let load = |(key, place, found): (Key, Place, Option<Found>)| {
        let found = match found {
            Some(found) => found,
            None => {
                let mut select =
                    connection.prepare_cached(&SPELLED[key.kind as usize]).map_err(read_failed)?;
                let found = select.query_row(params![place.tenant, &*place.name], |row| {
                    Ok((row.get(0)?, Bytes::from(row.get::<_, Vec<u8>>(1)?)))
                });
                found.optional().map_err(read_failed)?
            }
        };
        let Some((version, body)) = found else {
            return Ok(Row { key, version: 0, record: None });
        };
        let record = stored::decode(&key, &body, vault)?;
        Ok(Row { key, version: version as u64, record: Some(record) })
    };
    keys.into_iter().map(load).collect()
}

/// Which of these places, none of which is in the backlog, have another version.
pub fn stale(connection: &Connection, mut expected: Vec<(&Place, i64)>) -> Result<Vec<Key>, Error> {
    static SPELLED: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let spell = |kind: &Kind| {
            let table = names::table(*kind);
            format!("SELECT version FROM {table} WHERE tenant = ?1 AND name = ?2")
        };
        Kind::ALL.iter().map(spell).collect()
    });
    // Kind by kind, so that each statement is looked up once, and neighbours are read together.
    expected.sort_unstable();
    let transaction = connection.unchecked_transaction().map_err(read_failed)?;
    let mut stale = Vec::new();
    for own in expected.chunk_by(|(one, _), (next, _)| one.kind == next.kind) {
        let Some((Place { kind, .. }, _)) = own.first() else { continue };
        let mut select = transaction.prepare_cached(&SPELLED[*kind as usize]).map_err(read_failed)?;
        for (place, version) in own {
            let found = select.query_row(params![place.tenant, &*place.name], |row| row.get::<_, i64>(0));
            if found.optional().map_err(read_failed)?.unwrap_or(0) != *version {
                stale.push(place.key()?);
            }
        }
    }
    Ok(stale)
}

/// The largest id that names a row of these kinds, of any tenant; 0 where there is none.
pub fn newest_id(connection: &Connection, kinds: &[Kind]) -> Result<u128, Error> {
    let mut newest = 0;
    for kind in kinds {
        let table = names::table(*kind);
        let next_tenant = format!("SELECT tenant FROM {table} WHERE tenant > ?1 ORDER BY tenant LIMIT 1");
        let last_name =
            format!("SELECT name FROM {table} WHERE tenant = ?1 AND name < ?2 ORDER BY name DESC LIMIT 1");
        let mut tenant = Vec::new();
        loop {
            let found: Vec<Vec<u8>> = rows(connection, &next_tenant, [&tenant], |row| row.get(0))?;
            let Some(next) = found.into_iter().next() else { break };
            let last: Vec<Vec<u8>> =
                rows(connection, &last_name, params![next, names::BEHIND_IDS], |row| row.get(0))?;
            newest = last.iter().filter_map(|name| names::id_in(name)).fold(newest, u128::max);
            tenant = next;
        }
    }
    Ok(newest)
}

/// What the tables hold of the journal, and the log's head.
pub fn standing(connection: &Connection) -> Result<Standing, Error> {
    let ids = rows(connection, "SELECT id FROM batch ORDER BY number", [], |row| row.get(0))?;
    let ids = ids.into_iter().map(names::read_id).collect();
    let standing = connection.query_row("SELECT number, cut, position, at FROM head", [], |row| {
        let (number, cut): (i64, i64) = (row.get(0)?, row.get(1)?);
        let head = (row.get::<_, i64>(2)? as u64, Time(row.get(3)?));
        Ok(Standing { number: number as u64, cut: cut as u64, head, ids })
    });
    standing.map_err(read_failed)
}

/// The journal that belongs to this file.
pub fn journal(connection: &Connection) -> Result<[u8; 16], Error> {
    connection.query_row("SELECT journal FROM head", [], |row| row.get(0)).map_err(read_failed)
}

/// A page of a list.
pub fn page(connection: &Connection, batches: Batches, page: Page) -> Result<Vec<(u64, Id)>, Error> {
    let order = if page.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT position, target FROM listing WHERE tenant = ?1 AND list = ?2 AND owner = ?3
         AND position > ?4 AND position < ?5 ORDER BY position {order} LIMIT ?6"
    );
    let after = page.after.map_or(-1, names::number);
    let before = page.before.map_or(i64::MAX, names::number);
    let whole = (names::id(page.tenant.0), names::list(page.list), names::id(page.owner));
    let span = params![whole.0, whole.1, whole.2, after, before, names::limit(page.limit)];
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?));
    let mut entries: BTreeMap<i64, [u8; 16]> = rows(connection, &sql, span, read)?.into_iter().collect();
    for ((tenant, list, owner, position), target) in batches.iter().flat_map(|batch| &batch.listings) {
        if (*tenant, *list, *owner) == whole && after < *position && *position < before {
            entries.insert(*position, *target);
        }
    }
    let entries = entries.into_iter().map(|(position, target)| (position as u64, names::read_id(target)));
    Ok(if page.newest_first {
        entries.rev().take(page.limit).collect()
    } else {
        entries.take(page.limit).collect()
    })
}

/// Events of the tables, and those of the backlog that `wanted` lets through, behind them.
fn events_by(
    connection: &Connection,
    batches: &Batches,
    (sql, parameters): (&str, impl Params),
    limit: usize,
    wanted: impl Fn(&changes::Event) -> bool,
) -> Result<Vec<Event>, Error> {
    let read = |row: &rusqlite::Row<'_>| {
        let body = Bytes::from(row.get::<_, Vec<u8>>(4)?);
        let (position, tenant, message, at) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(changes::Event { position, tenant, message, at, body })
    };
    let found = rows(connection, sql, parameters, read)?;
    // The tables may have some of the backlog's already.
    let last = found.last().map_or(i64::MIN, |event| event.position);
    let pending = batches.iter().flat_map(|batch| &batch.events);
    let pending = pending.filter(|event| event.position > last && wanted(event));
    let room = limit.saturating_sub(found.len());
    found.iter().chain(pending.take(room)).map(changes::Event::whole).collect()
}

/// Events after a position.
pub fn events(
    connection: &Connection,
    (batches, cut): (&Batches, u64),
    tenant: Option<TenantId>,
    after: u64,
    limit: usize,
) -> Result<Vec<Event>, Error> {
    // The tables may have some that are cut.
    let after = names::number(after.max(cut));
    let own = tenant.map(|tenant| names::id(tenant.0));
    let wanted = |event: &changes::Event| event.position > after && own.is_none_or(|own| event.tenant == own);
    let count = names::limit(limit);
    match own {
        Some(own) => {
            // Page by page in the order of positions, so that no more is read than the limit asks for.
            let sql = "SELECT event.position, event.tenant, message, at, body
                       FROM event_page AS own CROSS JOIN event ON event.position >= own.page * ?4
                           AND event.position < (own.page + 1) * ?4
                       WHERE own.tenant = ?1 AND own.page >= ?2 / ?4 AND event.tenant = ?1
                           AND event.position > ?2
                       ORDER BY own.page, event.position LIMIT ?3";
            let span = params![own, after, count, names::PAGE_POSITIONS];
            events_by(connection, batches, (sql, span), limit, wanted)
        }
        None => {
            let sql = "SELECT position, tenant, message, at, body FROM event WHERE position > ?1 ORDER BY position LIMIT ?2";
            events_by(connection, batches, (sql, params![after, count]), limit, wanted)
        }
    }
}

/// Events about one message.
pub fn events_of_message(
    connection: &Connection,
    (batches, cut): (&Batches, u64),
    tenant: TenantId,
    message: Id,
) -> Result<Vec<Event>, Error> {
    let (tenant, message, cut) = (names::id(tenant.0), names::id(message), names::number(cut));
    let sql = "SELECT position, tenant, message, at, body FROM event WHERE tenant = ?1 AND message = ?2 AND position > ?3 ORDER BY position";
    let wanted = |event: &changes::Event| {
        event.tenant == tenant && event.message == Some(message) && event.position > cut
    };
    events_by(connection, batches, (sql, params![tenant, message, cut]), usize::MAX, wanted)
}

/// What the tables have of a row, or what the backlog makes of it: version and body.
type Body = (i64, Bytes);

/// Rows of a kind, by a query for tenant, name, version and body.
fn bodies(
    connection: &Connection,
    kind: Kind,
    (sql, parameters): (&str, impl Params),
) -> Result<BTreeMap<Place, Body>, Error> {
    let found = rows(connection, sql, parameters, |row| {
        let name = Bytes::from(row.get::<_, Vec<u8>>(1)?).into();
        let place = Place { kind, tenant: row.get(0)?, name };
        Ok((place, (row.get::<_, i64>(2)?, Bytes::from(row.get::<_, Vec<u8>>(3)?))))
    })?;
    Ok(found.into_iter().collect())
}

/// What the backlog makes of the rows that are wanted; nothing of those that it deletes.
fn pending(batches: &Batches, wanted: impl Fn(&Place) -> bool) -> HashMap<Place, Option<Body>> {
    let writes = batches.iter().flat_map(|batch| &batch.writes).filter(|write| wanted(&write.place));
    writes
        .map(|write| (write.place.clone(), write.body.clone().map(|body| (write.version(), body))))
        .collect()
}

/// Lays the backlog over the tables, and reads the first rows.
fn overlay(
    mut found: BTreeMap<Place, Body>,
    pending: HashMap<Place, Option<Body>>,
    limit: usize,
    vault: &dyn Vault,
) -> Result<Vec<Row>, Error> {
    for (place, body) in pending {
        match body {
            Some(body) => found.insert(place, body),
            None => found.remove(&place),
        };
    }
    let row = |(place, (version, body)): (Place, Body)| {
        let key = place.key()?;
        let record = Some(stored::decode(&key, &body, vault)?);
        Ok(Row { key, version: version as u64, record })
    };
    found.into_iter().take(limit).map(row).collect()
}

/// Rows of a kind after a key, ordered by tenant and name.
pub fn rows_after(
    connection: &Connection,
    batches: &Batches,
    (kind, after): (Kind, Option<Key>),
    limit: usize,
    vault: &dyn Vault,
) -> Result<Vec<Row>, Error> {
    let (tenant, name) =
        after.map_or(([0; 16], Spelled::FIRST), |key| (names::id(key.tenant.0), Spelled::of(&key.name)));
    let after = (tenant, &*name);
    let pending = pending(batches, |place| place.kind == kind && (place.tenant, &*place.name) > after);
    let table = names::table(kind);
    let sql = format!(
        "SELECT tenant, name, version, body FROM {table} WHERE (tenant, name) > (?1, ?2)
         ORDER BY tenant, name LIMIT ?3"
    );
    // Each pending one may hide one of the table's.
    let count = names::limit(limit.saturating_add(pending.len()));
    let found = bodies(connection, kind, (&sql, params![tenant, &*name, count]))?;
    overlay(found, pending, limit, vault)
}

/// A row's tenant and name as the tables spell them.
pub type TableName = ([u8; 16], Vec<u8>);

/// The names that the tables have of a kind, after the given one, in order.
pub fn names_after(
    connection: &Connection,
    kind: Kind,
    (tenant, name): &TableName,
    limit: usize,
) -> Result<Vec<TableName>, Error> {
    let table = names::table(kind);
    let sql = format!(
        "SELECT tenant, name FROM {table} WHERE (tenant, name) > (?1, ?2) ORDER BY tenant, name LIMIT ?3"
    );
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    rows(connection, &sql, params![tenant, name, names::limit(limit)], read)
}

/// All rows of a kind, ordered by tenant and name.
pub fn scan(
    connection: &Connection,
    batches: &Batches,
    tenant: Option<TenantId>,
    kind: Kind,
    vault: &dyn Vault,
) -> Result<Vec<Row>, Error> {
    let table = names::table(kind);
    let filter = if tenant.is_some() { "WHERE tenant = ?1" } else { "WHERE ?1 IS NULL" };
    let sql = format!("SELECT tenant, name, version, body FROM {table} {filter}");
    let own = tenant.map(|tenant| names::id(tenant.0));
    let found = bodies(connection, kind, (&sql, [own]))?;
    let wanted = |place: &Place| place.kind == kind && own.is_none_or(|own| place.tenant == own);
    overlay(found, pending(batches, wanted), usize::MAX, vault)
}

/// Open jobs due, after the given one.
pub fn jobs(
    connection: &Connection,
    batches: &Batches,
    due: Time,
    after: Option<(Time, JobId)>,
    limit: usize,
) -> Result<Vec<Job>, Error> {
    let mut pending: HashMap<[u8; 16], Option<&changes::Job>> = HashMap::default();
    for batch in batches {
        pending.extend(batch.jobs.iter().map(|job| (job.id, Some(job))));
        pending.extend(batch.finished_jobs.iter().map(|job| (*job, None)));
    }
    let after = after.map_or((i64::MIN, [0; 16]), |(at, id)| (at.0, names::id(id.0)));
    let mut found = visible_jobs(connection, due, after, limit, |id| !pending.contains_key(id))?;
    // What follows a full page of the tables belongs to a later page.
    let last = found.last().filter(|_| found.len() == limit).map(changes::Job::place);
    let wanted = |job: &&changes::Job| {
        job.due_at <= due.0 && job.place() > after && last.is_none_or(|last| job.place() < last)
    };
    found.extend(pending.into_values().flatten().filter(wanted).cloned());
    found.sort_unstable_by_key(changes::Job::place);
    found.iter().take(limit).map(changes::Job::whole).collect()
}

/// The first jobs of the table in the order of their places, without those that are hidden.
fn visible_jobs(
    connection: &Connection,
    due: Time,
    after: (i64, [u8; 16]),
    limit: usize,
    is_visible: impl Fn(&[u8; 16]) -> bool,
) -> Result<Vec<changes::Job>, Error> {
    let sql = "SELECT due_at, id, body FROM job WHERE due_at <= ?1 AND (due_at, id) > (?2, ?3)
               ORDER BY due_at, id";
    let mut select = connection.prepare_cached(sql).map_err(read_failed)?;
    let mut rows = select.query(params![due.0, after.0, after.1]).map_err(read_failed)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next().map_err(read_failed)?
    {
        let id = row.get(1).map_err(read_failed)?;
        if is_visible(&id) {
            let (due_at, body) =
                (row.get(0).map_err(read_failed)?, row.get::<_, Vec<u8>>(2).map_err(read_failed)?);
            found.push(changes::Job { id, due_at, body: Bytes::from(body) });
        }
    }
    Ok(found)
}
