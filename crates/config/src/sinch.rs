//! Section `[sinch]`: the business API's token lifetime and its vendor's published rates.
//! A rate of 0 is no limit.

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// The business API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sinch {
    /// Seconds that an OAuth2 access token lives.
    pub token_lifetime_s: u64,
    /// Requests per second that one project may make; 0 is no limit.
    pub requests_per_second: u32,
    /// Messages per second that one app may send; 0 is no limit.
    pub sends_per_second_per_app: u32,
    /// Callbacks per second that one app is sent; 0 is no limit.
    pub callbacks_per_second_per_app: u32,
}

impl Sinch {
    pub(crate) fn check(&self, problems: &mut Problems) {
        problems.lifetime("sinch.token_lifetime_s", self.token_lifetime_s);
    }
}
