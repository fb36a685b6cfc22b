//! The real binary over real sockets: as a newcomer runs it, as an operator does, and killed in the middle of work.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod administration;
mod backup;
mod crash;
mod demo;
mod edge;
mod pictures;
mod program;
mod room;
mod serve;
mod served;
mod settings;
mod shop;
mod sink;
mod tours;
