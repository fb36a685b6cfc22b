//! Room face-kit.
