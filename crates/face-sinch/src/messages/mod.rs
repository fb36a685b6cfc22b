//! Messages: sending (`send`, its wire form, its checks) and reading.

mod body;
mod check;
pub mod merge;
pub mod read;
pub mod send;
mod wire;

pub use check::web_address;
