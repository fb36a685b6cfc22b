//! What tests stand on: a store in memory, a clock that tests move, ids from a seed, files in memory, a folder that
//! goes away, and the conformance suite that every store runs. Only `[dev-dependencies]` may name this room.

pub mod channel;
pub mod clock;
pub mod conformance;
pub mod files;
pub mod folder;
pub mod ids;
pub mod memory;
pub mod phone;
pub mod samples;
pub mod vault;
pub mod way_out;

pub use channel::{NoHttp, PlainConnector};
pub use clock::FakeClock;
pub use files::{Believing, MemoryFiles};
pub use folder::TempFolder;
pub use ids::SeededIds;
pub use memory::MemoryStore;
pub use phone::{Came, Phone, Subscriber};
pub use vault::NoVault;
pub use way_out::NoWayOut;
