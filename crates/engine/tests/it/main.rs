//! The engine as a whole over ports in memory: a store, a clock that tests move, scripted channels, a scripted webhook.
//!
//! No test sleeps: everything runs on one thread, so that yielding until something holds is enough.

#![expect(clippy::unwrap_used, clippy::type_complexity, reason = "a test that cannot go on should say where")]

mod callbacks;
mod commits;
mod fetching;
mod flight;
mod house;
mod keeping;
mod pacing;
mod pausing;
mod receipts;
mod routes;
mod sending;
mod stopping;
mod watchdog;
