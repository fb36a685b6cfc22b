//! Room ports.
