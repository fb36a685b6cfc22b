//! How far a run against one target is: what requests are numbered, and what its provider has read.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use crate::target::{Arrival, Target};

/// How long the provider or the webhook receiver may lag behind.
pub const DRAIN_MAX: Duration = Duration::from_mins(5);
pub const DRAIN_STEP: Duration = Duration::from_millis(100);

/// How far the run is: numbers given to requests, so that no two loads share recipients or texts, and rows of the
/// provider's ledger seen.
#[derive(Default)]
pub struct Course {
    number: usize,
    pub read: usize,
}

impl Course {
    /// The number of the next load's first request.
    pub fn next(&mut self) -> usize {
        self.number += 1_000_000;
        self.number
    }

    /// What the provider read since the last time.
    pub async fn news(&mut self, target: &Target) -> anyhow::Result<Vec<Arrival>> {
        let news = target.read_by_provider(self.read).await?;
        self.read += news.len();
        Ok(news)
    }

    /// Waits until the provider's ledger stands still, and returns what came meanwhile.
    pub async fn drain(&mut self, target: &Target) -> anyhow::Result<Vec<Arrival>> {
        let until = Instant::now() + DRAIN_MAX;
        let mut all = self.news(target).await?;
        while Instant::now() < until {
            tokio::time::sleep(DRAIN_STEP).await;
            let news = self.news(target).await?;
            if news.is_empty() {
                return Ok(all);
            }
            all.extend(news);
        }
        bail!("the provider still reads after {} s", DRAIN_MAX.as_secs());
    }
}
