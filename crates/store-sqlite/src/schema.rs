//! Opening the file, and bringing an older one up to date.
//!
//! `PRAGMA user_version` is the schema of a file. Each migration runs in a transaction with its own number, so a file is
//! always at one of them; a file of a schema that this program does not know is refused.

use std::path::Path;

use ports::{Error, ErrorKind};
use rusqlite::{Connection, OpenFlags};

use crate::answers::failed;
use crate::private;
use crate::settings::Settings;

/// In order, the first makes an empty file one of schema [`FIRST`]; one that has been released never changes.
const MIGRATIONS: &[&str] = &[include_str!("../schema/5.sql")];
pub const FIRST: usize = 5;

const BUSY_TIMEOUT_MS: u64 = 5_000;
/// Statements that a connection keeps prepared: four per record kind, and those of the other tables.
const STATEMENTS_KEPT: usize = 128;
/// Pages of the write-ahead log after which a commit moves them into the file, should no full segment of the journal
/// have led to that before: 64 MiB.
const CHECKPOINT_PAGES: u32 = 16_384;
pub const CHECKPOINT_BYTES: u64 = CHECKPOINT_PAGES as u64 * PAGE_BYTES;
pub const PAGE_BYTES: u64 = 4 << 10;
/// To what the write-ahead log is cut after it has grown.
const LOG_BYTES_KEPT: u64 = 128 << 20;
const WRITER_CACHE_KIB: u32 = 64 << 10;

/// The writing connection, the file made and migrated.
pub fn open_writer(path: &Path, settings: &Settings) -> Result<Connection, Error> {
    private::database(path).map_err(|error| {
        let sentence = format!("the database at {} cannot be made private", path.display());
        Error::new(ErrorKind::Unavailable, sentence).because(error)
    })?;
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Before anything is changed: another program's file is left as it is.
    refuse_unknown(&connection, MIGRATIONS)?;
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT}; PRAGMA cache_size = -{WRITER_CACHE_KIB};"
    );
    connection.execute_batch(&pragmas).map_err(|error| failed("be set up", error))?;
    migrate(&mut connection, MIGRATIONS)?;
    if let Some(pages) = settings.pages_max {
        let limit = format!("PRAGMA max_page_count = {pages}");
        connection.execute_batch(&limit).map_err(|error| failed("be set up", error))?;
    }
    Ok(connection)
}

/// Gives a file a journal of its own, so that no other's is ever applied to it.
pub fn part_from_journal(connection: &Connection) -> Result<(), Error> {
    let parted = connection.execute("UPDATE head SET journal = randomblob(16)", []);
    parted.map(drop).map_err(|error| failed("be parted from its journal", error))
}

/// The newest schema this program knows.
pub fn newest() -> usize {
    last(MIGRATIONS)
}

fn last(migrations: &[&str]) -> usize {
    FIRST + migrations.len() - 1
}

/// A connection that cannot write.
pub fn open_reader(path: &Path) -> Result<Connection, Error> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, Error> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Ok(connection)
    };
    open().map_err(|error| failed(&format!("be opened at {}", path.display()), error))
}

/// The schema of a file.
pub fn version(connection: &Connection) -> Result<usize, Error> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| failed("tell its version", error))
}

fn refuse_unknown(connection: &Connection, migrations: &[&str]) -> Result<(), Error> {
    let (found, known) = (version(connection)?, last(migrations));
    if found > known {
        let sentence = format!(
            "the database was written by a newer version of this program: \
             it has schema {found}, and this one knows up to {known}"
        );
        return Err(Error::new(ErrorKind::TooNew, sentence));
    }
    if (1..FIRST).contains(&found) {
        let sentence = format!(
            "the database has schema {found}, from before the first release; this program reads {FIRST} to {known}"
        );
        return Err(Error::new(ErrorKind::Invalid, sentence));
    }
    Ok(())
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), Error> {
    let found = version(connection)?;
    for (number, migration) in (FIRST..).zip(migrations).filter(|(number, _)| *number > found) {
        let mut step = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()
        };
        step().map_err(|error| failed(&format!("be brought to schema {number}"), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[&str] =
        &["CREATE TABLE a (x INTEGER)", "ALTER TABLE a RENAME TO b; INSERT INTO b VALUES (1)"];

    #[test]
    fn an_older_file_gets_the_steps_it_lacks_and_no_others() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &STEPS[..1]).unwrap();
        connection.execute("INSERT INTO a VALUES (7)", []).unwrap();
        for _ in 0..2 {
            migrate(&mut connection, STEPS).unwrap();
            let sum: i64 = connection.query_row("SELECT sum(x) FROM b", [], |row| row.get(0)).unwrap();
            assert_eq!((sum, version(&connection).unwrap()), (8, FIRST + 1));
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_at_the_step_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = [STEPS[0], "CREATE TABLE c (x); INSERT INTO nowhere VALUES (1)"];
        assert!(migrate(&mut connection, &broken).is_err());
        assert_eq!(version(&connection).unwrap(), FIRST);
        assert!(connection.prepare("SELECT * FROM c").is_err());
    }
}
