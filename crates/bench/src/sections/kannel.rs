//! Whole journeys over SMPP beside Kannel: the same generator, connections, message and SMSC, one after the other.
//!
//! A journey is accepted over HTTP, submitted, reported delivered, and told to the program in one callback. Kannel keeps its
//! store as a file, which it never syncs, and its receipts in memory; Trunkline syncs every commit and also posts a callback
//! for the hand-over, which is not counted.

use std::time::Duration;

use super::{WARM_UP, whole};
use crate::course::Course;
use crate::kannel::Kannel;
use crate::print;
use crate::sink::Sink;
use crate::target::Target;
use crate::wire::{Connection, Load};

/// What Trunkline's callback about a delivered message has in its body.
const DELIVERED: &str = "\"DELIVERED\"";

/// Measures both, or Trunkline alone where Kannel is not installed.
pub async fn beside_kannel(target: &Target, time: Duration, course: &mut Course) -> anyhow::Result<()> {
    let sink = Sink::open(DELIVERED).await?;
    target.demo.subscribe(&sink.url).await?;
    let ours = journeys(&target.demo.sms(), time, course, &sink).await?;
    target.demo.unsubscribe().await?;
    print(&format!("SMPP journeys          {ours:.0}/s, window 50"));
    let sink = Sink::open("").await?;
    let smsc = Connection::open(&target.sandbox_address).await?.get("/about", "none").await?;
    let smsc = smsc["smpp"].as_str().unwrap_or_default();
    let Some(kannel) = Kannel::start(&target.sandbox_address, smsc).await? else {
        print("  Kannel is not installed (Debian: kannel), so there is nothing to compare with: skipped");
        return Ok(());
    };
    let theirs = journeys(&kannel.load(&sink.url), time, course, &sink).await?;
    print(&format!("  Kannel               {theirs:.0}/s, window 50, file store, receipts in memory"));
    print(&format!("  ratio                {:.2} x Kannel", ours / theirs));
    Ok(())
}

async fn journeys(load: &Load, time: Duration, course: &mut Course, sink: &Sink) -> anyhow::Result<f64> {
    whole(load, WARM_UP, course.next(), sink, 1).await?;
    whole(load, time, course.next(), sink, 1).await
}
