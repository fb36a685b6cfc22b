//! What faces share and no vendor words: `Idempotency-Key` (design 3.2), commands made of commands, token buckets.

pub mod buckets;
pub mod once;
pub mod together;
