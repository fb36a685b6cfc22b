//! Room config.
