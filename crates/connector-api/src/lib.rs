//! Room connector-api.
