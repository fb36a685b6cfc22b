//! What the core needs from outside: the store, time, ids, files, secrets; and the stored forms of records.
//! Contracts and bytes alone: nothing here does IO.

pub mod clock;
pub mod error;
pub mod files;
pub mod store;
pub mod stored;
pub mod vault;

pub use clock::Clock;
pub use error::{Error, ErrorKind};
pub use files::{Files, Inspect};
pub use store::{Batch, Claims, Commit, Committed, Reads, Row, Store, Version, Write};
pub use vault::Vault;
