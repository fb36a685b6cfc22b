//! Waiting times in steps of load, in open loops: of who sends, of the provider for what was accepted, and of who is told
//! about a receipt.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::time::Instant;

use super::{CALLBACKS, CALM};
use crate::course::Course;
use crate::demo::{self, SILENT, TALKATIVE};
use crate::figures::Times;
use crate::open::{self, Report};
use crate::print;
use crate::sink::{Heard, Sink};
use crate::target::Target;
use crate::wire::{Connection, digits};

/// Shares of the saturated rate, one after the other.
const STEPS: [f64; 4] = [0.1, CALM, 0.5, 0.7];
/// Phones asked when they got and showed their message, at most, spread over a load.
const PHONES_MAX: usize = 1_000;

/// How long callers and the provider wait at parts of the saturated rate; the provider never reports.
pub async fn steps(target: &Target, time: Duration, rate: f64, course: &mut Course) -> anyhow::Result<()> {
    course.drain(target).await?;
    for share in STEPS {
        let (clock, first) = (Clock::now(), course.next());
        let report = open::run(&target.demo.load(SILENT), rate * share, time, first).await?;
        all_taken(&report)?;
        let arrivals = course.drain(target).await?;
        let arrived: HashMap<usize, SystemTime> =
            arrivals.iter().filter_map(|arrival| Some((arrival.number?, arrival.at))).collect();
        let waits = report.answered.iter().filter_map(|(number, answered)| {
            Some(arrived.get(number)?.duration_since(clock.wall_of(*answered)).unwrap_or_default())
        });
        print(&format!("{}   accept {}", step(share, rate), report.times));
        print(&format!("  accept to provider   {}, to 1 ms", Times::of(waits.collect())));
    }
    Ok(())
}

/// How long it takes from a receipt, when the phone got or showed the message, to its callback.
pub async fn receipts(target: &Target, time: Duration, rate: f64, course: &mut Course) -> anyhow::Result<()> {
    for share in STEPS {
        let sink = Sink::keeping().await?;
        target.demo.subscribe(&sink.url).await?;
        let report = open::run(&target.demo.load(TALKATIVE), rate * share, time, course.next()).await?;
        all_taken(&report)?;
        super::heard(&sink, report.answered.len() * CALLBACKS).await?;
        let waits = told(target, &report, &sink.heard()).await?;
        print(&format!("{}   accept {}", step(share, rate), report.times));
        print(&format!("  receipt to callback  {}, to 1 ms, of {} receipts", waits, waits.count()));
        target.demo.unsubscribe().await?;
    }
    Ok(())
}

fn step(share: f64, rate: f64) -> String {
    format!("at {:.0} %, {:.0}/s (open loop)", share * 100.0, rate * share)
}

fn all_taken(report: &Report) -> anyhow::Result<()> {
    if report.refused > 0 {
        bail!("{} of {} requests were refused", report.refused, report.answered.len() + report.refused);
    }
    Ok(())
}

/// Compares what some phones say with the callbacks about them.
async fn told(target: &Target, report: &Report, heard: &[Heard]) -> anyhow::Result<Times> {
    let mut told = HashMap::with_capacity(heard.len());
    for (at, body) in heard {
        let body: Value = serde_json::from_slice(body)?;
        let report = &body["message_delivery_report"];
        let (identity, status) = (&report["channel_identity"]["identity"], &report["status"]);
        let (identity, status) = identity.as_str().zip(status.as_str()).context("no delivery report")?;
        told.entry((identity.trim_start_matches('+').to_owned(), status.to_owned())).or_insert(*at);
    }
    let mut phones = Connection::open(&target.sandbox_address).await?;
    let mut waits = Vec::new();
    for (number, _) in report.answered.iter().step_by(report.answered.len().div_ceil(PHONES_MAX).max(1)) {
        let identity = demo::identity(&digits(*number), TALKATIVE);
        let shown = phones.get(&demo::handset(&identity), "none").await?;
        for (field, status) in [("delivered_at_ms", "DELIVERED"), ("read_at_ms", "READ")] {
            let at = shown[0][field].as_u64().with_context(|| format!("{identity} has no {field}"))?;
            let told = told.get(&(identity.clone(), status.to_owned()));
            let told = told.with_context(|| format!("nobody was told that {identity} is {status}"))?;
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at);
            waits.push(told.duration_since(at).unwrap_or_default());
        }
    }
    Ok(Times::of(waits))
}

/// One moment on both clocks: the provider notes the wall's.
struct Clock {
    steady: Instant,
    wall: SystemTime,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the provider's clock, which is this machine's"
    )]
    fn now() -> Clock {
        Clock { steady: Instant::now(), wall: SystemTime::now() }
    }

    fn wall_of(&self, at: Instant) -> SystemTime {
        self.wall + (at - self.steady)
    }
}
