//! Scenarios of the business face against a real engine over a store in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod callbacks;
mod consent;
mod content;
mod fields;
mod gate;
mod metadata;
mod once;
mod order;
mod rates;
mod seed;
mod told;
mod walls;
mod webhooks;
mod wild;
mod world;
