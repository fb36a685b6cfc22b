//! Scenarios of the consumer face over a real engine, with the exact answers of the vendor's pages.

mod doors;
mod files;
mod seeds;
mod webhooks;
mod world;
