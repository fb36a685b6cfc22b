//! Scenarios of the agent side against a real engine over memory: the seed's statements, errors, limits, callbacks.

mod callbacks;
mod create;
mod errors;
mod files;
mod limits;
mod threads;
mod world;
