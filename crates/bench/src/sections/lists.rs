//! Lists while sends go on at a part of the saturated rate, with everything stored that was filled in.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::CALM;
use crate::course::Course;
use crate::demo::SILENT;
use crate::figures::Times;
use crate::target::Target;
use crate::{closed, open, print};

/// How long one person is written to, so that one conversation has more than a page.
const CHAT: Duration = Duration::from_millis(200);
/// How often each list is asked for.
const EVERY: Duration = Duration::from_millis(25);

/// Waiting times of lists under load.
pub async fn under_load(
    target: &Target,
    time: Duration,
    rate: f64,
    course: &mut Course,
) -> anyhow::Result<()> {
    closed::run(&target.demo.chat(), CHAT, course.next()).await?;
    course.drain(target).await?;
    let app = target.demo.app();
    let mut connection = target.demo.connect().await?;
    let newest =
        target.demo.sinch(&mut connection, &format!("conversations?app_id={app}&page_size=1")).await?;
    let chat = newest["conversations"][0]["id"].as_str().context("there is no conversation")?.to_owned();
    let load = tokio::spawn({
        let (load, first, calm) = (target.demo.load(SILENT), course.next(), rate * CALM);
        async move { open::run(&load, calm, time, first).await }
    });
    let until = Instant::now() + time;
    let messages = format!("messages?conversation_id={chat}&page_size=50");
    let conversations = format!("conversations?app_id={app}&page_size=20");
    let (messages, conversations) = ([messages.as_str()], [conversations.as_str()]);
    let (fifty, pages, twenty) = tokio::try_join!(
        asked(target, until, Face::Sinch("/messages", 50), &messages),
        asked(target, until, Face::LiveDesk(25), &["?page=1", "?page=2"]),
        asked(target, until, Face::Sinch("/conversations", 20), &conversations),
    )?;
    let report = load.await??;
    print(&format!("lists at {:.0} sends/s    {} messages stored", rate * CALM, course.read));
    print(&format!("  50 messages          {fifty}  (Sinch)"));
    print(&format!("  50 conversations     {pages}  (LiveDesk, two pages of 25)"));
    print(&format!("  20 conversations     {twenty}  (Sinch, its largest page)"));
    print("  search: not built");
    print(&format!("  sends meanwhile      {}, {} refused", report.times, report.refused));
    course.drain(target).await?;
    Ok(())
}

/// Who is asked, and how many entries each page has.
#[derive(Clone, Copy)]
enum Face {
    /// The entries stand here in the answer.
    Sinch(&'static str, usize),
    LiveDesk(usize),
}

/// Asks for the same pages again and again, one behind the other, and counts them as one list.
async fn asked(target: &Target, until: Instant, face: Face, pages: &[&str]) -> anyhow::Result<Times> {
    let mut connection = target.demo.connect().await?;
    let (mut times, mut due) = (Vec::new(), interval(EVERY));
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < until {
        due.tick().await;
        let started = Instant::now();
        for page in pages {
            let (answer, place, expected) = match face {
                Face::Sinch(place, entries) => {
                    (target.demo.sinch(&mut connection, page).await?, place, entries)
                }
                Face::LiveDesk(entries) => {
                    (target.demo.livedesk(&mut connection, page).await?, "/data/payload", entries)
                }
            };
            let entries = answer.pointer(place).and_then(Value::as_array).map_or(0, Vec::len);
            ensure!(entries == expected, "{page} has {entries} entries instead of {expected}");
        }
        times.push(started.elapsed());
    }
    Ok(Times::of(times))
}
