//! Room face-sinch.
