//! Section `[livedesk]`: limits of the agent API.
//! A rate of 0 is no limit; sizes are bytes.

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// The agent API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveDesk {
    /// Messages per minute that one conversation takes; 0 is no limit.
    pub messages_per_minute_per_conversation: u32,
    /// Bytes of one attachment.
    pub attachment_bytes_max: usize,
}

/// Attachments are held in memory while their type is found out, so a larger limit is a mistake.
const ATTACHMENT_BYTES_MAX: u64 = 1 << 30;

impl LiveDesk {
    pub(crate) fn check(&self, problems: &mut Problems) {
        let bytes = self.attachment_bytes_max as u64;
        problems.at_least_one("livedesk.attachment_bytes_max", bytes);
        problems.at_most("livedesk.attachment_bytes_max", bytes, ATTACHMENT_BYTES_MAX);
    }
}
