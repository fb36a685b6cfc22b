//! Scenarios of the agent side against a real engine over memory: the seed's statements, errors, limits, callbacks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod callbacks;
mod create;
mod errors;
mod files;
mod limits;
mod mutations;
mod once;
mod parts;
mod pictures;
mod seed;
mod threads;
mod walls;
mod world;
