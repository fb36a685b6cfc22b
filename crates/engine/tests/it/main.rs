//! The engine as a whole over ports in memory: a store, a clock that tests move, scripted channels, a scripted webhook.
//!
//! No test sleeps: everything runs on one thread, so that yielding until something holds is enough.

mod callbacks;
mod commits;
mod house;
mod receipts;
mod sending;
