//! Section `[liveperson]`: the connector API's token lifetime and what its domain lookup answers.
//! The lookup's answer is a host with an optional port, never a URL.

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// The connector API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivePerson {
    /// Seconds that an application token lives.
    pub app_token_lifetime_s: u64,
    /// Host and port that the domain lookup answers with; the host that was asked if unset.
    pub public_authority: Option<String>,
}

impl LivePerson {
    pub(crate) fn check(&self, problems: &mut Problems) {
        problems.lifetime("liveperson.app_token_lifetime_s", self.app_token_lifetime_s);
        if let Some(authority) = &self.public_authority {
            let plain = !authority.is_empty() && !authority.contains(['/', '@', '?', '#', ' ']);
            if !plain || url::Url::parse(&format!("https://{authority}")).is_err() {
                problems.add(format!(
                    "liveperson.public_authority {authority:?} is no host with a port: write it like \"talk.example.com:443\"."
                ));
            }
        }
    }
}
