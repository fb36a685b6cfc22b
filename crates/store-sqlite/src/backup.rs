//! Backups: a folder with a copy of the database and a manifest that says what the copy must be.
//!
//! The copy is made by SQLite from one read transaction, begun after the tables had everything acknowledged before
//! the backup was asked for; so it needs no journal. The manifest is written last: a folder without one is a backup
//! that was not finished. Commits go on meanwhile, but the journal is not cut, and both logs grow.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use domain::record::{Key, Record};
use ports::{Error, ErrorKind, Vault, stored};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::answers::failed;
use crate::names;
use crate::private;
use crate::queries;
use crate::schema;
use crate::store::journal_folder;

const DATABASE: &str = "trunkline.db";
const MANIFEST: &str = "manifest.json";
/// The form of the manifest.
const FORMAT: u64 = 1;
const PART_BYTES: usize = 1 << 20;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u64,
    pub schema: usize,
    /// The newest event's position in the log.
    pub position: u64,
    /// Length and SHA-256, in hex, of the copied database.
    pub bytes: u64,
    pub sha256: String,
}

/// Copies the database at `path` into the folder `to`.
pub fn write(path: &Path, to: &Path) -> Result<Manifest, Error> {
    let copy = to.join(DATABASE);
    private::new_folder(to).map_err(|error| unwritten(to, error))?;
    if copy.exists() || to.join(MANIFEST).exists() {
        return Err(refusal(format!("{} holds a backup already, or the rest of one", to.display())));
    }
    let target = copy.to_str().ok_or_else(|| refusal("a backup's path must be UTF-8"))?;
    let tables = schema::open_reader(path)?;
    // SQLite fills an empty file.
    private::file(&copy).map(drop).map_err(|error| unwritten(to, error))?;
    tables.execute("VACUUM INTO ?1", [target]).map_err(|error| failed("be copied", error))?;
    let copied = schema::open_reader(&copy)?;
    let (standing, schema) = (queries::standing(&copied)?, schema::version(&copied)?);
    drop(copied);
    let finish = || -> std::io::Result<Manifest> {
        let mut file = File::open(&copy)?;
        file.sync_all()?;
        let (bytes, sha256) = pass(&mut file, &mut std::io::sink())?;
        let manifest = Manifest { format: FORMAT, schema, position: standing.head.0, bytes, sha256 };
        let mut file = private::file(&to.join(MANIFEST))?;
        file.write_all(&serde_json::to_vec(&manifest)?)?;
        file.sync_all()?;
        File::open(to)?.sync_all()?;
        Ok(manifest)
    };
    finish().map_err(|error| unwritten(to, error))
}

/// Makes a database at `to` from the backup in the folder `from`. Neither `to` nor a journal of its may exist. The
/// copy is checked against the manifest and read through, and these rows are written in it, or deleted, before it gets
/// its name.
pub fn restore(
    from: &Path,
    to: &Path,
    rows: &[(Key, Option<Record>)],
    vault: &dyn Vault,
) -> Result<Manifest, Error> {
    let manifest = read_manifest(from)?;
    if to.exists() || journal_folder(to).exists() {
        return Err(refusal(format!(
            "{} is there already: a backup is restored to an empty place",
            to.display()
        )));
    }
    let unfinished = to.with_extension("restoring");
    let copy = || -> std::io::Result<(u64, String)> {
        let mut target = private::file(&unfinished)?;
        // An earlier try may have left some.
        target.set_len(0)?;
        pass(&mut File::open(from.join(DATABASE))?, &mut target)
    };
    let copied = copy().map_err(|error| unwritten(&unfinished, error));
    let checked = copied.and_then(|copied| {
        if copied != (manifest.bytes, manifest.sha256.clone()) {
            let sentence = format!("the backup in {} is damaged: its checksum differs", from.display());
            return Err(Error::new(ErrorKind::Corrupt, sentence));
        }
        adopt(&unfinished, rows, vault)
    });
    if let Err(error) = checked {
        // The place must be empty again; what stops this would have stopped the copy.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    let finish = || -> std::io::Result<()> {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, to)?;
        File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    finish().map_err(|error| unwritten(to, error))?;
    Ok(manifest)
}

fn read_manifest(from: &Path) -> Result<Manifest, Error> {
    let bytes = fs::read(from.join(MANIFEST)).map_err(|error| {
        let sentence = format!("there is no finished backup in {}: it has no {MANIFEST}", from.display());
        Error::new(ErrorKind::Invalid, sentence).because(error)
    })?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
        let sentence = format!("the {MANIFEST} in {} cannot be understood", from.display());
        Error::new(ErrorKind::Corrupt, sentence).because(error)
    })?;
    if manifest.format > FORMAT || manifest.schema > schema::newest() {
        let sentence =
            format!("the backup in {} was written by a newer version of this program", from.display());
        return Err(Error::new(ErrorKind::TooNew, sentence));
    }
    if manifest.schema < schema::FIRST {
        return Err(refusal(format!("the backup in {} is from before the first release", from.display())));
    }
    Ok(manifest)
}

/// Checks a copy, parts it from the journal of the database that it was taken from, and changes these rows.
fn adopt(copy: &Path, rows: &[(Key, Option<Record>)], vault: &dyn Vault) -> Result<(), Error> {
    let connection = Connection::open(copy).map_err(|error| failed("be opened", error))?;
    let whole = connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    if whole.map_err(|error| failed("be checked", error))? != "ok" {
        return Err(Error::new(ErrorKind::Corrupt, "the backup's database is damaged inside"));
    }
    schema::part_from_journal(&connection)?;
    rows.iter().try_for_each(|(key, record)| {
        set(&connection, key, record.as_ref(), vault).map_err(|error| failed("take a row", error))
    })
}

/// Writes a row, whatever it was before, or deletes it.
fn set(
    connection: &Connection,
    key: &Key,
    record: Option<&Record>,
    vault: &dyn Vault,
) -> rusqlite::Result<()> {
    let (table, tenant) = (names::table(key.kind), names::id(key.tenant.0));
    let name = names::Spelled::of(&key.name);
    match record {
        Some(record) => {
            let sql = format!(
                "INSERT INTO {table} VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT DO UPDATE SET version = version + 1, body = excluded.body"
            );
            let mut body = Vec::new();
            stored::encode(record, vault, &mut body);
            connection.execute(&sql, params![tenant, &*name, body])?;
        }
        None => {
            let sql = format!("DELETE FROM {table} WHERE tenant = ?1 AND name = ?2");
            connection.execute(&sql, params![tenant, &*name])?;
        }
    }
    Ok(())
}

/// Reads all of `from` into `to`. Returns length and digest.
fn pass(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(u64, String)> {
    let (mut part, mut length, mut digest) = (vec![0; PART_BYTES], 0, Sha256::new());
    loop {
        let read = from.read(&mut part)?;
        if read == 0 {
            return Ok((length, hex::encode(digest.finalize())));
        }
        to.write_all(&part[..read])?;
        digest.update(&part[..read]);
        length += read as u64;
    }
}

fn refusal(sentence: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, sentence)
}

fn unwritten(place: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{} cannot be written or read", place.display()))
        .because(error)
}
