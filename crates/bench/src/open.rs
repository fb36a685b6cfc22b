//! An open loop: requests are due at fixed moments, whether or not earlier ones are answered, and a late answer is
//! counted from the moment when its request was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::Times;
use crate::wire::{Connection, Load};

/// Connections that wait for a due request; when all are busy, requests become late and the wait counts.
const CONNECTIONS: usize = 256;

/// What was measured.
pub struct Report {
    pub times: Times,
    /// When each request was answered, by its number.
    pub answered: Vec<(usize, Instant)>,
    /// Answers other than 200.
    pub refused: usize,
}

/// Sends `per_second` for `time`, numbering from `first`.
pub async fn run(load: &Load, per_second: f64, time: Duration, first: usize) -> anyhow::Result<Report> {
    let total = (per_second * time.as_secs_f64()) as usize;
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now() + Duration::from_millis(50);
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS.min(total) {
        let (load, next) = (load.clone(), next.clone());
        tasks.spawn(async move {
            let mut connection = Connection::open(&load.address).await?;
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return anyhow::Ok(done);
                }
                let due = started + Duration::from_secs_f64(number as f64 / per_second);
                let request = load.request(first + number);
                // A connection that slept to the moment is not late by the timer's coarseness.
                let from = if due > Instant::now() {
                    tokio::time::sleep_until(due).await;
                    Instant::now()
                } else {
                    due
                };
                let (status, _) = connection.call(&request).await?;
                let answered = Instant::now();
                done.push((first + number, status, answered, answered - from));
            }
        });
    }
    let mut report = Report { times: Times::default(), answered: Vec::new(), refused: 0 };
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        for (number, status, answered, took) in ended?? {
            if status == 200 {
                report.answered.push((number, answered));
                times.push(took);
            } else {
                report.refused += 1;
            }
        }
    }
    report.times = Times::of(times);
    Ok(report)
}
