//! Section `[http_out]`: what outbound requests may reach beyond the public internet, and how long they may take.
//! `callback` is what customers' URLs get, `provider` is what channel providers get.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// What outbound requests may reach, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpOut {
    /// Callbacks may go to this machine itself.
    pub allow_loopback: bool,
    /// Subnets that callbacks may reach although they are not public.
    pub allow: Vec<String>,
    /// Calls to channel providers may go to this machine itself.
    pub providers_allow_loopback: bool,
    /// Subnets that calls to channel providers may reach although they are not public.
    pub providers_allow: Vec<String>,
    /// Milliseconds until a connection, its TLS included, must stand.
    pub connect_timeout_ms: u64,
    /// Milliseconds that a callback may take as a whole, where its dialect does not say less.
    pub callback_timeout_ms: u64,
    /// Milliseconds that a request to a provider may take as a whole, where its channel does not say less.
    pub provider_timeout_ms: u64,
}

/// Longer than this a request is stuck.
const TIMEOUT_MAX_MS: u64 = 300_000;

impl HttpOut {
    pub(crate) fn check(&self, problems: &mut Problems) {
        for (key, subnets) in
            [("http_out.allow", &self.allow), ("http_out.providers_allow", &self.providers_allow)]
        {
            for subnet in subnets.iter().filter(|subnet| !is_subnet(subnet)) {
                problems.add(format!(
                    "{key} names {subnet:?}, which is no subnet: write it like \"10.1.0.0/16\"."
                ));
            }
        }
        let timeouts = [
            ("http_out.connect_timeout_ms", self.connect_timeout_ms),
            ("http_out.callback_timeout_ms", self.callback_timeout_ms),
            ("http_out.provider_timeout_ms", self.provider_timeout_ms),
        ];
        for (key, value) in timeouts {
            problems.at_least_one(key, value);
            problems.at_most(key, value, TIMEOUT_MAX_MS);
            // A request that ends while its connection is made would look as if it might have been read.
            if value < self.connect_timeout_ms {
                problems.add(format!(
                    "{key} is shorter than http_out.connect_timeout_ms: connections need time."
                ));
            }
        }
    }
}

fn is_subnet(text: &str) -> bool {
    let Some((base, bits)) = text.split_once('/') else {
        return false;
    };
    let Ok(base) = base.parse::<IpAddr>() else {
        return false;
    };
    let widest = if base.is_ipv4() { 32 } else { 128 };
    bits.parse::<u8>().is_ok_and(|bits| bits <= widest)
}
