//! Plays the reports of one message: each step at its time, one after the other.
//!
//! Reports of one message never overtake each other, because the next waits until the one before was taken. A
//! message costs one task and one timer at a time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::outcome::{Plan, Status};
use crate::world::World;

/// How long an answer waits for the report that should come before it.
const EARLY_WAIT_MAX: Duration = Duration::from_secs(2);

/// Sends the early report, if the plan has one, and starts the others; returns when the send may be answered.
///
/// The others run on their own, so that a caller who hangs up does not undo what the phone already shows.
pub(crate) async fn play<F, R>(world: &Arc<World>, plan: &Plan, report: F)
where
    F: Fn(Status) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let answer_at = Instant::now() + plan.answer_after;
    let early = plan.early.map(|status| world.tasks.spawn(report(status)));
    if !plan.steps.is_empty() {
        let steps = plan.steps.clone();
        tokio::spawn(async move {
            for (after, status) in steps {
                if !after.is_zero() {
                    sleep_until(answer_at + after).await;
                }
                report(status).await;
            }
        });
    }
    if let Some(early) = early {
        let _ = timeout(EARLY_WAIT_MAX, early).await;
    }
    if !plan.answer_after.is_zero() {
        sleep_until(answer_at).await;
    }
}
