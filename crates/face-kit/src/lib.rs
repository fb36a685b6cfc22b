//! What faces share and no vendor words: `Idempotency-Key` (design 3.2), and commands made of commands.

pub mod once;
pub mod together;
