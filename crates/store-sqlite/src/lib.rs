//! The store on one machine: a journal of batches before one SQLite file, compiled in.
//!
//! A commit is one append to the *journal* and one sync. Until the *applier* has written it to the tables it stands in
//! the *backlog* in memory, which every read lays over the tables. After a crash the journal is read again. Rows become
//! bytes, and bytes rows, outside the two writing threads. Files are for their owner alone. The lock on the data folder is not taken
//! here.

mod answers;
mod applier;
mod backlog;
mod backup;
mod bulk;
mod census;
mod changes;
mod committer;
mod filter;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod journal;
mod names;
mod private;
mod queries;
mod readers;
mod schema;
mod settings;
mod store;
mod tables;

pub use backup::{Manifest, restore};
pub use settings::{Settings, Sync};
pub use store::SqliteStore;
