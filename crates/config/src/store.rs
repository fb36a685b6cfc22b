//! Section `[store]`: where data lies and how durable it is.
//! Whether the folder can be written is found out when the server opens it, not here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// Where data lies and how durable it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Data folder; one server at a time locks it.
    pub data: PathBuf,
    /// How far a commit goes before it counts.
    pub sync: Sync,
    /// File with the key that encrypts secrets at rest; `vault.key` in the data folder if unset.
    pub vault_key_file: Option<PathBuf>,
    /// Days that events stay in the log; readers that are less than a week behind keep theirs.
    pub log_kept_days: u32,
    /// Bytes that the database may take before new messages are refused; only the disk bounds it if unset.
    pub database_bytes_max: Option<u64>,
    /// Hours that an answer is remembered under its `Idempotency-Key`, from 24 to 168.
    pub idempotency_kept_hours: u32,
}

/// How far a commit goes before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// To the disk: survives a power cut.
    Full,
    /// To the operating system: survives a crash of the process.
    Normal,
}

/// Longer than this nobody looks back, and dates would run over.
const LOG_KEPT_MAX_DAYS: u64 = 36_500;
/// The journals alone may take most of it; below it nothing would be left for messages.
const DATABASE_LEAST_BYTES: u64 = 128 << 20;

/// Clients may count on a day; after a week nobody repeats a request.
const IDEMPOTENCY_KEPT_HOURS: std::ops::RangeInclusive<u32> = 24..=168;

impl Store {
    pub(crate) fn check(&self, problems: &mut Problems) {
        if !IDEMPOTENCY_KEPT_HOURS.contains(&self.idempotency_kept_hours) {
            problems.add(format!(
                "store.idempotency_kept_hours is {} but must be from 24 (a day) to 168 (a week).",
                self.idempotency_kept_hours
            ));
        }
        problems.at_least_one("store.log_kept_days", u64::from(self.log_kept_days));
        problems.at_most("store.log_kept_days", u64::from(self.log_kept_days), LOG_KEPT_MAX_DAYS);
        if let Some(bytes) = self.database_bytes_max.filter(|bytes| *bytes < DATABASE_LEAST_BYTES) {
            let sentence = "but its journals alone take most of that: give it at least";
            problems.add(format!("store.database_bytes_max is {bytes} {sentence} {DATABASE_LEAST_BYTES}."));
        }
        if self.data.as_os_str().is_empty() {
            problems.add("store.data is empty: name a folder.");
        }
        if self.vault_key_file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            problems.add("store.vault_key_file is empty: name a file or leave the key out.");
        }
    }
}
