//! A closed loop: each connection sends its next request when the last is answered. It says what a saturated server
//! takes, not how long an unsaturated one makes its callers wait.

use std::fmt;
use std::time::Duration;

use anyhow::bail;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::Times;
use crate::wire::{Connection, Load};

/// Connections, each with one request under way.
pub const CONNECTIONS: usize = 64;

/// What was measured.
pub struct Report {
    pub per_second: f64,
    pub times: Times,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/s, {}", self.per_second, self.times)
    }
}

/// Runs for `time`. Any answer but 200, or 202 of those who answer so, ends it. `first` numbers the first request.
pub async fn run(load: &Load, time: Duration, first: usize) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for nth in 0..CONNECTIONS {
        tasks.spawn(connection(load.clone(), first + nth, started + time));
    }
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        times.extend(ended??);
    }
    let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Report { per_second, times: Times::of(times) })
}

async fn connection(load: Load, first: usize, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(&load.address).await?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let request = load.request(first + times.len() * CONNECTIONS);
        let sent = Instant::now();
        let (status, answer) = connection.call(&request).await?;
        if status != 200 && status != 202 {
            bail!("the server answered {status}: {}", String::from_utf8_lossy(answer));
        }
        times.push(sent.elapsed());
    }
    Ok(times)
}
