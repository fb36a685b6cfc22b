//! Scenarios of the consumer face over a real engine, with the exact answers of the vendor's pages.
//! Time stands still unless a scenario moves it.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod doors;
mod fields;
mod files;
mod installations;
mod mutations;
mod once;
mod seed_create;
mod seed_send;
mod told;
mod walls;
mod webhooks;
mod world;
