//! Section `[log]`: what is logged and how.
//! The filter's grammar is that of the log library; the server checks it when it starts logging.

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level, or levels by module: `info,engine=debug`.
    pub filter: String,
    /// One JSON object a line instead of text for people.
    pub json: bool,
}

impl Log {
    pub(crate) fn check(&self, problems: &mut Problems) {
        if self.filter.trim().is_empty() {
            problems.add("log.filter is empty: write a level such as \"info\", or \"off\".");
        }
    }
}
