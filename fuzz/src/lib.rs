//! What the targets that speak HTTP share: a server in memory, requests as fuzz input, and how each face refuses.
//!
//! Targets lie in `targets/`, one file each, and open with the rules that they hold. Seeds lie in `seeds/`.

pub mod face;
pub mod keys;
pub mod request;
pub mod rows;
pub mod world;
