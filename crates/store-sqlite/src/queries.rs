//! The questions that readers answer.
//! Bytes become rows here, on the reader's thread.

use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Key, Kind};
use domain::time::Time;
use ports::store::Page;
use ports::{Error, Row, Vault, stored};
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use crate::answers::failed;
use crate::names;

fn read_failed(error: rusqlite::Error) -> Error {
    failed("be read", error)
}

/// Runs a statement whose rows are one body each.
fn bodies<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    decode: fn(&[u8]) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql).map_err(read_failed)?;
    let mut rows = statement.query(parameters).map_err(read_failed)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(read_failed)? {
        let body = row.get_ref(0).map_err(read_failed)?;
        let body = body.as_blob().map_err(|error| read_failed(error.into()))?;
        read.push(decode(body)?);
    }
    Ok(read)
}

/// The rows in the order asked for.
pub fn load(connection: &Connection, keys: Vec<Key>, vault: &dyn Vault) -> Result<Vec<Row>, Error> {
    static SPELLED: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let spell = |kind: &Kind| {
            let table = names::table(*kind);
            format!("SELECT version, body FROM {table} WHERE tenant = ?1 AND name = ?2")
        };
        Kind::ALL.iter().map(spell).collect()
    });
    let load = |key: Key| {
        let mut select = connection.prepare_cached(&SPELLED[key.kind as usize]).map_err(read_failed)?;
        let place = params![names::id(key.tenant.0), names::name(&key.name)];
        let found = select.query_row(place, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let Some((version, body)) = found.optional().map_err(read_failed)? else {
            return Ok(Row { key, version: 0, record: None });
        };
        let record = stored::decode(key.kind, &body, vault)?;
        Ok(Row { key, version: version as u64, record: Some(record) })
    };
    keys.into_iter().map(load).collect()
}

/// The newest position and the highest commit time.
pub fn head(connection: &Connection) -> Result<(u64, Time), Error> {
    let head = connection.query_row("SELECT position, at FROM head", [], |row| {
        Ok((row.get::<_, i64>(0)? as u64, Time(row.get(1)?)))
    });
    head.map_err(read_failed)
}

/// A page of a list.
pub fn page(connection: &Connection, page: Page) -> Result<Vec<(u64, Id)>, Error> {
    let sql = if page.newest_first {
        "SELECT position, target FROM listing WHERE tenant = ?1 AND list = ?2 AND owner = ?3
         AND position > ?4 AND position < ?5 ORDER BY position DESC LIMIT ?6"
    } else {
        "SELECT position, target FROM listing WHERE tenant = ?1 AND list = ?2 AND owner = ?3
         AND position > ?4 AND position < ?5 ORDER BY position LIMIT ?6"
    };
    let after = page.after.map_or(-1, names::number);
    let before = page.before.map_or(i64::MAX, names::number);
    let owner = (names::id(page.tenant.0), names::list(page.list), names::id(page.owner));
    let mut statement = connection.prepare_cached(sql).map_err(read_failed)?;
    let span = params![owner.0, owner.1, owner.2, after, before, names::limit(page.limit)];
    let entries =
        statement.query_map(span, |row| Ok((row.get::<_, i64>(0)? as u64, names::read_id(row.get(1)?))));
    entries.map_err(read_failed)?.collect::<rusqlite::Result<_>>().map_err(read_failed)
}

/// Events after a position.
pub fn events(
    connection: &Connection,
    tenant: Option<TenantId>,
    after: u64,
    limit: usize,
) -> Result<Vec<Event>, Error> {
    let (after, limit) = (names::number(after), names::limit(limit));
    match tenant {
        Some(tenant) => {
            let sql = "SELECT body FROM event WHERE tenant = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
            bodies(connection, sql, params![names::id(tenant.0), after, limit], stored::decode_event)
        }
        None => {
            let sql = "SELECT body FROM event WHERE position > ?1 ORDER BY position LIMIT ?2";
            bodies(connection, sql, params![after, limit], stored::decode_event)
        }
    }
}

/// Events about one message.
pub fn events_of_message(
    connection: &Connection,
    tenant: TenantId,
    message: Id,
) -> Result<Vec<Event>, Error> {
    let sql = "SELECT body FROM event WHERE tenant = ?1 AND message = ?2 ORDER BY position";
    bodies(connection, sql, params![names::id(tenant.0), names::id(message)], stored::decode_event)
}

/// All rows of a kind, ordered by tenant and name.
pub fn scan(
    connection: &Connection,
    tenant: Option<TenantId>,
    kind: Kind,
    vault: &dyn Vault,
) -> Result<Vec<Row>, Error> {
    let table = names::table(kind);
    let filter = if tenant.is_some() { "WHERE tenant = ?1" } else { "WHERE ?1 IS NULL" };
    let sql = format!("SELECT tenant, name, version, body FROM {table} {filter} ORDER BY tenant, name");
    let mut statement = connection.prepare_cached(&sql).map_err(read_failed)?;
    let tenant = tenant.map(|tenant| names::id(tenant.0));
    let mut found = statement.query([tenant]).map_err(read_failed)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(read_failed)? {
        let tenant = row.get(0).map_err(read_failed)?;
        let name: Vec<u8> = row.get(1).map_err(read_failed)?;
        let version: i64 = row.get(2).map_err(read_failed)?;
        let body: Vec<u8> = row.get(3).map_err(read_failed)?;
        let key = Key { tenant: TenantId(names::read_id(tenant)), kind, name: names::read_name(&name)? };
        let record = Some(stored::decode(kind, &body, vault)?);
        rows.push(Row { key, version: version as u64, record });
    }
    Ok(rows)
}

/// Open jobs due, after the given one.
pub fn jobs(
    connection: &Connection,
    due: Time,
    after: Option<(Time, JobId)>,
    limit: usize,
) -> Result<Vec<Job>, Error> {
    let limit = names::limit(limit);
    match after {
        Some((at, id)) => {
            let sql = "SELECT body FROM job WHERE due_at <= ?1 AND (due_at, id) > (?2, ?3) ORDER BY due_at, id LIMIT ?4";
            bodies(connection, sql, params![due.0, at.0, names::id(id.0), limit], stored::decode_job)
        }
        None => {
            let sql = "SELECT body FROM job WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2";
            bodies(connection, sql, params![due.0, limit], stored::decode_job)
        }
    }
}
