//! Room connectors.
