//! What faces share and no vendor words: `Idempotency-Key` (design 3.2), commands made of commands, token buckets, files
//! as downloads.

pub mod buckets;
pub mod files;
pub mod once;
pub mod together;
