//! Scenarios of the business face against a real engine over a store in memory.

mod callbacks;
mod gate;
mod send;
mod webhooks;
mod world;
