//! What an operator may choose about the database.
//! The defaults keep every promise; each other choice says what it costs.

use std::time::Duration;

/// When a commit counts as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// After the disk confirmed it. What was acknowledged survives a power cut.
    #[default]
    Full,
    /// After the operating system took it. What was acknowledged survives a crash of this program; a power cut or a
    /// crash of the whole machine loses the commits of the last moments, though the file stays whole.
    Normal,
}

/// Settings of one database.
#[derive(Clone, Debug)]
pub struct Settings {
    pub sync: Sync,
    /// Threads that read, each with a connection of its own.
    pub readers: usize,
    /// Batches and look-ups that may wait for the committer; beyond it callers wait to hand theirs in.
    pub writer_queue: usize,
    /// Reads that may wait for a reader; beyond it callers wait to hand theirs in.
    pub reader_queue: usize,
    /// Bytes that may wait in the backlog; beyond it commits wait for room, and are refused after a second.
    pub backlog_bytes: usize,
    /// Bytes of the backlog that one transaction of the applier takes.
    pub apply_bytes: usize,
    /// How long a batch may wait for others before it is applied. Nobody waits for that: reads see the backlog.
    pub apply_linger: Duration,
    /// Bytes of memory for the filter that tells which rows surely are not there: 2 for each message that a provider took,
    /// identity, open conversation and answer kept are plenty. Too few cost reads, and nothing else.
    pub filter_bytes: usize,
    /// Length of a segment of the journal. A full one is cut off once the tables are synced.
    pub segment_bytes: u64,
    /// Bytes that the database and what lies beside it may take; beyond it the store says that it has no room. Below
    /// 112 MiB it never has.
    pub bytes_max: Option<u64>,
    /// Most pages of 4 KiB that the file may grow to; beyond it the applier finds the disk full.
    pub pages_max: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sync: Sync::Full,
            readers: 3,
            writer_queue: 16,
            reader_queue: 256,
            backlog_bytes: 24 << 20,
            apply_bytes: 8 << 20,
            apply_linger: Duration::from_secs(1),
            filter_bytes: 8 << 20,
            segment_bytes: 16 << 20,
            bytes_max: None,
            pages_max: None,
        }
    }
}

/// Segments that a journal has while nobody hinders its being cut: the one being written, the one being applied, and
/// the spare one.
const SEGMENTS_USUAL: u64 = 3;

impl Settings {
    /// Bytes that the tables alone may take, beside so many segments of the journal and SQLite's own log. Both count as
    /// large as they usually become, so that the answer does not come and go with them.
    pub(crate) fn table_bytes_max(&self, segments: u64) -> Option<u64> {
        let beside = self.segment_bytes * segments.max(SEGMENTS_USUAL) + crate::schema::CHECKPOINT_BYTES;
        self.bytes_max.map(|most| most.saturating_sub(beside))
    }
}
