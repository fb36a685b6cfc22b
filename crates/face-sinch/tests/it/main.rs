//! Scenarios of the business face against a real engine over a store in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod callbacks;
mod gate;
mod send;
mod webhooks;
mod world;
