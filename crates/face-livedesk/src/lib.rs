//! Room face-livedesk.
