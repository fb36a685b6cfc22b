//! What is measured, one function a figure of the budget. Every load is bounded in count and time.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anyhow::bail;
use tokio::time::Instant;

use crate::figures::{Times, Used};
use crate::sink::Sink;
use crate::target::{Arrival, Bare, SILENT, TALKATIVE, Target};
use crate::{closed, open, print};

/// How long before measuring.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the provider or the webhook receiver may lag behind.
const DRAIN_MAX: Duration = Duration::from_mins(5);
const DRAIN_STEP: Duration = Duration::from_millis(100);
/// Share of the saturated rate at which waiting times are measured.
const CALM: f64 = 0.3;
/// Requests a second of a tenant whose neighbour floods the server.
const POLITE: f64 = 100.0;
/// Callbacks of one whole journey: handed over, delivered, read.
const CALLBACKS: usize = 3;
/// How long the store is filled before the provider may catch up.
const FILL: Duration = Duration::from_secs(10);
/// Lists asked for.
const LISTS: usize = 500;

/// Requests a second of a bare axum server that parses the same body.
pub async fn ceiling(time: Duration) -> anyhow::Result<f64> {
    let bare = Bare::start().await?;
    closed::run(&bare.load(), WARM_UP, 0).await?;
    let report = closed::run(&bare.load(), time, 0).await?;
    print(&format!("bare axum              {report}, {} MB", bare.used().resident_mb));
    Ok(report.per_second)
}

/// How far the run is: numbers given to requests, so that no two loads share recipients or texts, and rows of the
/// provider's ledger seen.
#[derive(Default)]
pub struct Course {
    number: usize,
    read: usize,
}

impl Course {
    fn next(&mut self) -> usize {
        self.number += 1_000_000;
        self.number
    }

    /// What the provider read since the last time.
    async fn news(&mut self, target: &Target) -> anyhow::Result<Vec<Arrival>> {
        let news = target.read_by_provider(self.read).await?;
        self.read += news.len();
        Ok(news)
    }

    /// Waits until the provider's ledger stands still, and returns what came meanwhile.
    async fn drain(&mut self, target: &Target) -> anyhow::Result<Vec<Arrival>> {
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

/// `messages:send` accepted a second, saturated; the provider never reports. Returns the rate.
pub async fn accept(
    target: &Target,
    time: Duration,
    ceiling: f64,
    course: &mut Course,
) -> anyhow::Result<f64> {
    let load = target.load(SILENT);
    closed::run(&load, WARM_UP, course.next()).await?;
    course.drain(target).await?;
    let before = target.used();
    let report = closed::run(&load, time, course.next()).await?;
    let behind = report.times.count().saturating_sub(course.news(target).await?.len());
    let ended = Instant::now();
    course.drain(target).await?;
    let (used, count) = (target.used(), report.times.count());
    print(&format!("messages:send          {report}, {:.2} of bare axum", report.per_second / ceiling));
    print(&format!(
        "  behind at the end    {behind}, handed over {:.1} s later",
        ended.elapsed().as_secs_f64()
    ));
    print(&format!("  per whole message    {}", per_message(before, used, count)));
    print(&format!("  resident             {} MB", used.resident_mb));
    Ok(report.per_second)
}

fn per_message(before: Used, after: Used, count: usize) -> String {
    let count = count.max(1) as f64;
    let cpu = (after.cpu_s - before.cpu_s) / count * 1e6;
    let written = (after.written - before.written) as f64 / count / 1024.0;
    format!("{cpu:.0} us of processor, {written:.1} KB written")
}

/// How long callers and the provider wait at a part of the saturated rate.
#[expect(clippy::disallowed_methods, reason = "compared with the provider's clock, which is this machine's")]
pub async fn calm(target: &Target, time: Duration, rate: f64, course: &mut Course) -> anyhow::Result<()> {
    course.drain(target).await?;
    let (calm, first) = (rate * CALM, course.next());
    let (now, wall) = (Instant::now(), SystemTime::now());
    let report = open::run(&target.load(SILENT), calm, time, first).await?;
    let arrivals = course.drain(target).await?;
    let arrived: HashMap<usize, SystemTime> =
        arrivals.iter().filter_map(|arrival| Some((arrival.number?, arrival.at))).collect();
    let waits = report.answered.iter().filter_map(|(number, answered)| {
        let accepted = wall + (*answered - now);
        Some(arrived.get(number)?.duration_since(accepted).unwrap_or_default())
    });
    print(&format!("at {calm:.0}/s (open loop)   accept {}", report.times));
    print(&format!("  accept to provider   {}, to 1 ms", Times::of(waits.collect())));
    if report.refused > 0 {
        bail!("{} requests were refused at {calm:.0}/s", report.refused);
    }
    Ok(())
}

/// Whole journeys a second: accept, hand-over, delivered, read, three callbacks.
pub async fn journeys(target: &Target, time: Duration, course: &mut Course) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    target.subscribe(&sink.url).await?;
    let started = Instant::now();
    let report = closed::run(&target.load(TALKATIVE), time, course.next()).await?;
    let wanted = report.times.count() * CALLBACKS;
    let until = Instant::now() + DRAIN_MAX;
    while sink.count() < wanted {
        if Instant::now() > until {
            bail!("{} of {wanted} callbacks came", sink.count());
        }
        tokio::time::sleep(DRAIN_STEP).await;
    }
    let per_second = report.times.count() as f64 / started.elapsed().as_secs_f64();
    print(&format!("whole journeys         {per_second:.0}/s with {CALLBACKS} callbacks each"));
    Ok(())
}

/// What a polite tenant waits, alone and beside one that floods.
pub async fn fairness(target: &Target, time: Duration, course: &mut Course) -> anyhow::Result<()> {
    let polite = target.load(SILENT);
    let alone = open::run(&polite, POLITE, time, course.next()).await?;
    let flood = tokio::spawn({
        let (load, first) = (target.neighbour(), course.next());
        async move { closed::run(&load, time + WARM_UP, first).await }
    });
    tokio::time::sleep(WARM_UP / 2).await;
    let beside = open::run(&polite, POLITE, time, course.next()).await?;
    let flooded = flood.await??;
    print(&format!("{POLITE:.0}/s alone            {}", alone.times));
    print(&format!("  beside {:.0}/s        {}", flooded.per_second, beside.times));
    Ok(())
}

/// Fills the store, measures lists, and starts again on it.
pub async fn stored(target: &mut Target, messages: usize, course: &mut Course) -> anyhow::Result<()> {
    let load = target.load(SILENT);
    course.drain(target).await?;
    while course.read < messages {
        closed::run(&load, FILL, course.next()).await?;
        course.drain(target).await?;
    }
    let mut connection = target.connect().await?;
    let mut times = Vec::new();
    for _ in 0..LISTS {
        let asked = Instant::now();
        target.list(&mut connection).await?;
        times.push(asked.elapsed());
    }
    print(&format!("{} stored         list of messages {}", course.read, Times::of(times)));
    print(&format!("  resident             {} MB", target.used().resident_mb));
    target.restart().await?;
    print(&format!("  ready again after    {} ms", target.ready.as_millis()));
    Ok(())
}
