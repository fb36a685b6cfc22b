//! What bounds the engine: queues, caches, patience, and how long things are kept. The configuration sets most of them.

/// Named bounds of the engine's queues.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commands that may wait for the batcher; beyond it the door says 503.
    pub waiting_commands_max: usize,
    /// Commands decided in one commit.
    pub batch_commands_max: usize,
    /// Rows kept in memory.
    pub cached_rows_max: usize,
    /// Newest events of the log kept in memory.
    pub cached_events_max: usize,
    /// Hand-overs open at once on the whole server.
    pub open_attempts_max: usize,
    /// Whether the rates and bounds that connectors publish in their abilities hold.
    pub provider_rates: bool,
    /// Files that are fetched from providers at once on the whole server.
    pub open_fetches_max: usize,
    /// Bytes of a file that is fetched; beyond it the file is refused. A channel may say less.
    pub fetched_bytes_max: u64,
    /// Callbacks open at once per subscription.
    pub open_callbacks_max: usize,
    /// How long open hand-overs and callbacks may take after a stop, in milliseconds; then they are left as they are.
    pub shutdown_ms_max: i64,
    /// How long the log is kept, in seconds.
    pub log_kept_s: i64,
    /// How long an answer is kept under its key, in seconds.
    pub answers_kept_s: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            waiting_commands_max: 20_000,
            batch_commands_max: 128,
            cached_rows_max: 100_000,
            cached_events_max: 32_768,
            open_attempts_max: 1_024,
            provider_rates: true,
            open_fetches_max: 4,
            fetched_bytes_max: 100 << 20,
            open_callbacks_max: 64,
            shutdown_ms_max: 30_000,
            log_kept_s: 30 * 86_400,
            answers_kept_s: 86_400,
        }
    }
}
