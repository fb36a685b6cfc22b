//! What SQLite's errors mean to callers.
//!
//! A damaged file is corrupt; everything else, a full disk among it, may work later.

use ports::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// The port's error for a failed statement; `doing` finishes "the database could not …".
pub fn failed(doing: &str, error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        Some(ErrorCode::SystemIoFailure) => ErrorKind::Fatal,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("the database could not {doing}")).because(error)
}

/// Whether the disk had no room.
pub fn disk_is_full(error: &Error) -> bool {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref::<rusqlite::Error>());
    source.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}

/// The answer when the store has stopped.
pub fn stopped() -> Error {
    Error::new(ErrorKind::Fatal, "the database has stopped after a failure")
}
