//! Alphabet, concatenation, receipts and ids, as tables.
//! The session is tried over sockets in `tests/it`.
