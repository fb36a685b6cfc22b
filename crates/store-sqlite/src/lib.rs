//! The store in one SQLite file, compiled in: what a single node runs on.
//!
//! One writer thread owns the writing connection and runs one transaction per batch; reads run on connections of
//! their own. Rows become bytes, and bytes rows, outside the writer thread, which only executes SQL. The lock on the
//! data folder is not taken here.

mod answers;
mod names;
mod queries;
mod readers;
mod schema;
mod settings;
mod store;
mod transaction;
mod writer;

pub use settings::{Settings, Sync};
pub use store::SqliteStore;
