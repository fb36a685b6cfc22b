//! The real binary over real sockets: the demo as a newcomer runs it, and `kill -9` in the middle of work.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod crash;
mod demo;
mod program;
