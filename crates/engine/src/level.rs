//! A number that only rises, and waiting until it stands above a mark.
//!
//! Waiters wake in the order in which they began to wait. The runtime's own `watch` wakes them in random order,
//! which no seed could replay.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// A number that only rises.
#[derive(Debug, Default)]
pub(crate) struct Level {
    height: AtomicU64,
    risen: Notify,
}

impl Level {
    /// Starts at this height.
    pub fn at(height: u64) -> Level {
        Level { height: AtomicU64::new(height), risen: Notify::new() }
    }

    pub fn height(&self) -> u64 {
        self.height.load(Ordering::Acquire)
    }

    /// Rises to this height, unless it is there already.
    pub fn rise(&self, height: u64) {
        self.height.fetch_max(height, Ordering::AcqRel);
        self.risen.notify_waiters();
    }

    /// Returns once the height is above the mark.
    pub async fn above(&self, mark: u64) {
        loop {
            // Made before looking, so that a rise in between wakes it.
            let risen = self.risen.notified();
            if self.height() > mark {
                return;
            }
            risen.await;
        }
    }
}
