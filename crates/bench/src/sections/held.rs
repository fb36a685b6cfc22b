//! What accepting costs without handing over, and how soon open jobs are found again.

use std::time::Duration;

use super::{WARM_UP, ceiling, per_message};
use crate::course::Course;
use crate::demo::SILENT;
use crate::held::Held;
use crate::{closed, print};

/// So that an app's queue, 500,000 messages, is never full.
const ACCEPT_MAX: Duration = Duration::from_secs(20);
/// Until the tables have what the journal has.
const SETTLE: Duration = Duration::from_secs(1);
/// Open jobs at the kill.
const JOBS: usize = 100_000;
const TOP_UP: Duration = Duration::from_secs(1);

/// `messages:send` saturated while no provider is there: the whole cost of accepting, and nothing of handing over.
pub async fn accept_only(held: &Held, time: Duration, course: &mut Course) -> anyhow::Result<()> {
    let before_it = ceiling(time).await?;
    let load = held.demo.load(SILENT);
    closed::run(&load, WARM_UP, course.next()).await?;
    let (before, tried) = (held.used(), held.metric("trunkline_attempts_total").await?);
    let report = closed::run(&load, time.min(ACCEPT_MAX), course.next()).await?;
    tokio::time::sleep(SETTLE).await;
    let used = held.used();
    let tried = held.metric("trunkline_attempts_total").await? - tried;
    let ratio = report.per_second / f64::midpoint(before_it, ceiling(time).await?);
    print(&format!(
        "accept only            {report}, {ratio:.2} of bare axum; {} stored before",
        course.read
    ));
    print(&format!("  per message          {}", per_message(before, used, report.times.count())));
    print(&format!("  no provider there: {tried} hand-overs tried, the others wait behind the breaker"));
    print(&format!("  resident             {} MB with {} jobs open", used.resident_mb, held.jobs().await?));
    Ok(())
}

/// Kills the server with many jobs open, and starts it again.
pub async fn open_jobs(held: &mut Held, course: &mut Course) -> anyhow::Result<()> {
    let load = held.demo.load(SILENT);
    while held.jobs().await? < JOBS {
        closed::run(&load, TOP_UP, course.next()).await?;
    }
    let jobs = held.jobs().await?;
    let started = held.restart(jobs).await?;
    let (ready, found) = (started.ready.as_millis(), started.found.as_millis());
    let per_second = jobs as f64 / started.found.as_secs_f64();
    let stored = course.read;
    print(&format!(
        "{jobs} open jobs       ready {ready} ms after a kill -9 and start, beside {stored} messages"
    ));
    print(&format!(
        "  all found again      {found} ms after the start, {per_second:.0} a second from the start on"
    ));
    Ok(())
}
