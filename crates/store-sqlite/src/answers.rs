//! What SQLite's errors mean to callers.
//!
//! A damaged file is corrupt; everything else, a full disk among it, may work later. A failed write or sync of the
//! file itself is told apart, because after it nobody knows what the disk holds.

use ports::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// The port's error for a failed statement; `doing` finishes "the database could not …".
pub fn failed(doing: &str, error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("the database could not {doing}")).because(error)
}

/// Whether the disk itself failed, so that no later commit can be trusted.
pub fn disk_failed(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

/// The answer when a thread of the store is gone.
pub fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "the database has stopped after a failure")
}
