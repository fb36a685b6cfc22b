//! Room face-liveperson.
