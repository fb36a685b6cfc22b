//! Section `[limits]`: bounds of queues, caches and bodies. Every one is at least 1.
//! Rates that vendors publish stand in the sections of the faces instead.

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// Bounds of queues, caches and bodies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Commands that may wait to be committed; beyond it requests are answered 503.
    pub waiting_commands_max: usize,
    /// Commands that share one commit.
    pub batch_commands_max: usize,
    /// Rows kept in memory.
    pub cached_rows_max: usize,
    /// Bytes of memory for telling which rows surely are not there.
    pub absence_filter_bytes: usize,
    /// Messages being handed to providers at once on the whole server.
    pub open_attempts_max: usize,
    /// Whether the rates that providers publish hold. An account's own settings hold in any case.
    pub provider_rates: bool,
    /// Callbacks open at once per subscription.
    pub open_callbacks_max: usize,
    /// Bytes of one request without files.
    pub body_bytes_max: usize,
    /// Bytes of one request's headers.
    pub header_bytes_max: usize,
    /// Connections open at once on all listeners.
    pub connections_max: usize,
}

/// A filter of fewer bytes is full at once.
const ABSENCE_FILTER_BYTES_MIN: usize = 64 << 10;
/// More bytes the filter has no use for.
const ABSENCE_FILTER_BYTES_MAX: u64 = 512 << 20;
/// Fewer bytes do not hold the headers that ordinary clients send.
const HEADER_BYTES_MIN: usize = 8 << 10;
/// More bytes of headers are an attack.
const HEADER_BYTES_MAX: u64 = 1 << 20;

impl Limits {
    pub(crate) fn check(&self, problems: &mut Problems) {
        let all = [
            ("limits.waiting_commands_max", self.waiting_commands_max),
            ("limits.batch_commands_max", self.batch_commands_max),
            ("limits.cached_rows_max", self.cached_rows_max),
            ("limits.open_attempts_max", self.open_attempts_max),
            ("limits.open_callbacks_max", self.open_callbacks_max),
            ("limits.body_bytes_max", self.body_bytes_max),
            ("limits.connections_max", self.connections_max),
        ];
        for (key, value) in all {
            problems.at_least_one(key, value as u64);
        }
        let ranges = [
            ("header_bytes_max", self.header_bytes_max, HEADER_BYTES_MIN, HEADER_BYTES_MAX),
            (
                "absence_filter_bytes",
                self.absence_filter_bytes,
                ABSENCE_FILTER_BYTES_MIN,
                ABSENCE_FILTER_BYTES_MAX,
            ),
        ];
        for (key, given, least, most) in ranges {
            if given < least {
                problems.add(format!("limits.{key} is {given} but must be at least {least}."));
            }
            problems.at_most(&format!("limits.{key}"), given as u64, most);
        }
        if self.batch_commands_max > self.waiting_commands_max {
            problems
                .add("limits.batch_commands_max is larger than limits.waiting_commands_max: no batch fills.");
        }
    }
}
