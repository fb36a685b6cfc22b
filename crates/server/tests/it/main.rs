//! The real binary over real sockets: the demo as a newcomer runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod demo;
