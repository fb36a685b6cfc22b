//! What is measured, one function a figure of the budget. Every load is bounded in count and time.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use crate::course::{Course, DRAIN_MAX, DRAIN_STEP};
use crate::demo::{SILENT, TALKATIVE};
use crate::figures::{Times, Used};
use crate::sink::Sink;
use crate::target::{Bare, Target};
use crate::wire::Load;
use crate::{closed, open, print};

pub mod held;
pub mod kannel;
pub mod lists;
pub mod waits;

/// How long before measuring.
pub const WARM_UP: Duration = Duration::from_secs(2);
/// Share of the saturated rate that the budgets for waiting times are about.
pub const CALM: f64 = 0.3;
/// Sends a second that each app may make while a neighbour sends a hundred times that.
const LIMIT: f64 = 100.0;
const TIMES_LIMIT: f64 = 100.0;
/// Requests a second of a tenant whose neighbour floods the server.
const POLITE: f64 = 90.0;
/// Callbacks of one whole journey: handed over, delivered, read.
const CALLBACKS: usize = 3;
/// How long the store is filled before the provider may catch up.
const FILL: Duration = Duration::from_secs(10);
/// Lists asked for.
const LISTS: usize = 500;

/// Requests a second of a bare axum server that parses the same body: measured before and after what is compared with
/// it, for a machine's minutes differ.
pub async fn ceiling(time: Duration) -> anyhow::Result<f64> {
    let bare = Bare::start().await?;
    closed::run(&bare.load(), WARM_UP, 0).await?;
    let report = closed::run(&bare.load(), time / 2, 0).await?;
    print(&format!("bare axum              {report}, {} MB", bare.used().resident_mb));
    Ok(report.per_second)
}

/// `messages:send` accepted a second, saturated; the provider never reports. Returns the rate.
pub async fn accept(target: &Target, time: Duration, course: &mut Course) -> anyhow::Result<f64> {
    course.drain(target).await?;
    let before_it = ceiling(time).await?;
    let load = target.demo.load(SILENT);
    closed::run(&load, WARM_UP, course.next()).await?;
    course.drain(target).await?;
    let before = target.used();
    let report = closed::run(&load, time, course.next()).await?;
    let behind = report.times.count().saturating_sub(course.news(target).await?.len());
    let ended = Instant::now();
    course.drain(target).await?;
    let (used, count, later) = (target.used(), report.times.count(), ended.elapsed());
    let ceiling = f64::midpoint(before_it, ceiling(time).await?);
    print(&format!(
        "messages:send          {report}, {:.2} of bare axum; {} stored",
        report.per_second / ceiling,
        course.read
    ));
    print(&format!("  behind at the end    {behind}, handed over {:.1} s later", later.as_secs_f64()));
    print(&format!("  per whole message    {}", per_message(before, used, count)));
    print(&format!("  resident             {} MB", used.resident_mb));
    Ok(report.per_second)
}

/// Processor time and bytes written for each of `count` messages.
fn per_message(before: Used, after: Used, count: usize) -> String {
    let count = count.max(1) as f64;
    let cpu = (after.cpu_s - before.cpu_s) / count * 1e6;
    let written = (after.written - before.written) as f64 / count / 1024.0;
    format!("{cpu:.0} us of processor, {written:.1} KB written")
}

/// Whole journeys a second: accept, hand-over, delivered, read, three callbacks.
pub async fn journeys(target: &Target, time: Duration, course: &mut Course) -> anyhow::Result<()> {
    let sink = Sink::open("").await?;
    target.demo.subscribe(&sink.url).await?;
    let per_second = whole(&target.demo.load(TALKATIVE), time, course.next(), &sink, CALLBACKS).await?;
    print(&format!("whole journeys         {per_second:.0}/s with {CALLBACKS} callbacks each"));
    target.demo.unsubscribe().await?;
    waits::receipts(target, time, per_second, course).await
}

/// Journeys a second from the first request to the last of `callbacks` for each.
async fn whole(
    load: &Load,
    time: Duration,
    first: usize,
    sink: &Sink,
    callbacks: usize,
) -> anyhow::Result<f64> {
    let (started, before) = (Instant::now(), sink.count());
    let report = closed::run(load, time, first).await?;
    heard(sink, before + report.times.count() * callbacks).await?;
    Ok(report.times.count() as f64 / started.elapsed().as_secs_f64())
}

/// Waits until so many callbacks came.
async fn heard(sink: &Sink, wanted: usize) -> anyhow::Result<()> {
    let until = Instant::now() + DRAIN_MAX;
    while sink.count() < wanted {
        if Instant::now() > until {
            bail!("{} of {wanted} callbacks came", sink.count());
        }
        tokio::time::sleep(DRAIN_STEP).await;
    }
    Ok(())
}

/// What a polite tenant waits: alone, beside one at a hundred times its limit, and beside one that has no limit and
/// sends all it can.
pub async fn fairness(target: &mut Target, time: Duration, course: &mut Course) -> anyhow::Result<()> {
    course.drain(target).await?;
    target.restart(&[("TRUNKLINE_SINCH__SENDS_PER_SECOND_PER_APP", &LIMIT.to_string())]).await?;
    let polite = target.demo.load(SILENT);
    let alone = open::run(&polite, POLITE, time, course.next()).await?;
    print(&format!("{POLITE:.0}/s alone             {}", alone.times));
    let flood = tokio::spawn({
        let (load, first) = (target.demo.neighbour(), course.next());
        async move { open::run(&load, LIMIT * TIMES_LIMIT, time + WARM_UP, first).await }
    });
    tokio::time::sleep(WARM_UP / 2).await;
    let beside = open::run(&polite, POLITE, time, course.next()).await?;
    let (limited, asked) = (flood.await??, LIMIT * TIMES_LIMIT);
    print(&format!(
        "  beside {asked:.0}/s asked  {}; {} of those taken, {} refused with 429",
        beside.times,
        limited.answered.len(),
        limited.refused
    ));
    course.drain(target).await?;
    target.restart(&[]).await?;
    let flood = tokio::spawn({
        let (load, first) = (target.demo.neighbour(), course.next());
        async move { closed::run(&load, time + WARM_UP, first).await }
    });
    tokio::time::sleep(WARM_UP / 2).await;
    let beside = open::run(&polite, POLITE, time, course.next()).await?;
    let flooded = flood.await??;
    print(&format!("  beside {:.0}/s taken   {}", flooded.per_second, beside.times));
    Ok(())
}

/// Sends until so many messages are stored and handed over.
pub async fn fill(target: &Target, messages: usize, course: &mut Course) -> anyhow::Result<()> {
    let load = target.demo.load(SILENT);
    course.drain(target).await?;
    while course.read < messages {
        closed::run(&load, FILL, course.next()).await?;
        course.drain(target).await?;
    }
    Ok(())
}

/// Lists on a quiet server with what is stored, and starts again on it.
pub async fn stored(target: &mut Target, course: &Course) -> anyhow::Result<()> {
    let mut connection = target.demo.connect().await?;
    let mut times = Vec::new();
    for _ in 0..LISTS {
        let asked = Instant::now();
        target.demo.livedesk(&mut connection, "/1/messages").await?;
        times.push(asked.elapsed());
    }
    print(&format!("{} stored         list of messages {}", course.read, Times::of(times)));
    print(&format!("  resident             {} MB", target.used().resident_mb));
    target.restart(&[]).await?;
    print(&format!("  ready again after    {} ms", target.ready.as_millis()));
    Ok(())
}
