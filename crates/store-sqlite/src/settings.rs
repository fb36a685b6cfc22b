//! What an operator may choose about the database.
//! The defaults keep every promise; each other choice says what it costs.

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
    /// Batches and look-ups that may wait for the writer; beyond it callers wait to hand theirs in.
    pub writer_queue: usize,
    /// Reads that may wait for a reader; beyond it callers wait to hand theirs in.
    pub reader_queue: usize,
    /// Most pages of 4 KiB that the file may grow to; beyond it commits are refused as on a full disk.
    pub pages_max: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { sync: Sync::Full, readers: 3, writer_queue: 16, reader_queue: 256, pages_max: None }
    }
}

impl Sync {
    /// As the pragma spells it.
    pub(crate) fn pragma(self) -> &'static str {
        match self {
            Sync::Full => "FULL",
            Sync::Normal => "NORMAL",
        }
    }
}
