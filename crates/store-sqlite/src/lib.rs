//! Room store-sqlite.
