//! Room face-trunkline.
