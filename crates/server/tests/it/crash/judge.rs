//! Compares what was acknowledged with what the provider read and what the webhook receiver was told.

use std::collections::HashMap;
use std::fmt;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::door::Door;
use super::ledger::{Arrival, Ledger};
use super::story::{Resolved, Story};
use super::{OPEN_ATTEMPTS_MIN, PATIENCE, Sendings};
use crate::sink::Sink;

/// Statuses of the Sinch face in the only order in which they may be told.
const ORDER: [&str; 5] = ["SWITCHING_CHANNEL", "QUEUED_ON_CHANNEL", FAILED, "DELIVERED", "READ"];
const FAILED: &str = "FAILED";
/// Timelines read at a time.
const READERS: usize = 32;

/// What is known of all messages at the end. It prints as the report, a line each.
#[derive(Debug, Default)]
pub struct Verdict {
    attempted: usize,
    acknowledged: usize,
    /// The provider read them, and the webhook told of their delivery.
    delivered: usize,
    /// Neither read by the provider nor explained.
    lost: Vec<String>,
    /// Readings of messages that the provider had read before.
    duplicated: usize,
    /// Messages that were read again more often than unknown attempts of theirs were repeated by policy.
    repeated_silently: Vec<String>,
    /// What became of each attempt whose answer never came.
    unknown: Vec<Resolved>,
    /// Messages with an attempt that began and of which nothing is said any more.
    forgotten: Vec<String>,
    /// Read by the provider before an older message of the same conversation.
    out_of_order: Vec<String>,
    /// Callbacks that went backwards, or that never told of a delivery.
    callbacks_wrong: Vec<String>,
}

impl Verdict {
    /// How often the provider read again what it had read.
    pub fn duplicated(&self) -> usize {
        self.duplicated
    }

    /// How many attempts without an answer were resolved so.
    pub fn resolved(&self, how: Resolved) -> usize {
        self.unknown.iter().filter(|own| **own == how).count()
    }

    /// Every kill leaves attempts open, and each of them is accounted for.
    pub fn assert_kept(&self, kills: usize) {
        assert_eq!(self.attempted, self.acknowledged, "a careful client gets every answer");
        assert!(self.delivered > 0 && self.unknown.len() >= kills * OPEN_ATTEMPTS_MIN, "{self}");
        let allowed = self.resolved(Resolved::ByRetry) + self.resolved(Resolved::ByFailover);
        assert!(self.duplicated <= allowed, "{self}");
        let wrong =
            [&self.lost, &self.repeated_silently, &self.forgotten, &self.out_of_order, &self.callbacks_wrong];
        assert!(wrong.iter().all(|list| list.is_empty()), "{self:#?}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resolved, held) =
            (self.unknown.len() - self.resolved(Resolved::Held), self.resolved(Resolved::Held));
        writeln!(f, "attempted         {:>8}", self.attempted)?;
        writeln!(f, "acknowledged      {:>8}", self.acknowledged)?;
        writeln!(f, "delivered         {:>8}", self.delivered)?;
        writeln!(f, "lost              {:>8}", self.lost.len())?;
        writeln!(f, "duplicated        {:>8}", self.duplicated)?;
        writeln!(
            f,
            "unknown resolved  {resolved:>8} of {}: {} by receipt, {} by retry, {} by another channel, {} given up; \
             {held} held",
            self.unknown.len(),
            self.resolved(Resolved::ByReceipt),
            self.resolved(Resolved::ByRetry),
            self.resolved(Resolved::ByFailover),
            self.resolved(Resolved::ByGivingUp),
        )?;
        write!(f, "out of order      {:>8}", self.out_of_order.len())
    }
}

/// Waits until every message arrived, and was told of, or says that its outcome is unknown; then counts.
pub async fn judge(door: &Door, ledger: &mut Ledger, sink: &Sink, sendings: &Sendings) -> Verdict {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let arrivals = ledger.refresh().await.arrivals();
        let settled = is_settled(door, &arrivals, sink, sendings).await;
        if settled || tokio::time::Instant::now() > until {
            let stories = stories(door, sendings).await;
            return count(&arrivals, &stories, sink, sendings);
        }
        tokio::task::yield_now().await;
    }
}

async fn is_settled(
    door: &Door,
    arrivals: &HashMap<&str, Arrival>,
    sink: &Sink,
    sendings: &Sendings,
) -> bool {
    for (key, sending) in sendings {
        let Some(id) = sending.acknowledged.as_deref() else { return false };
        let settled = match arrivals.get(key.as_str()) {
            Some(_) => match told(&sink.statuses(id)) {
                Ok(End::Arrived) => true,
                Ok(End::Failed) => Story::of(&door.timeline(id).await).gave_up(),
                Err(_) => false,
            },
            None => !Story::of(&door.timeline(id).await).unknown.is_empty(),
        };
        if !settled {
            return false;
        }
    }
    true
}

/// What the timeline of each message says, by key.
async fn stories<'s>(door: &Door, sendings: &'s Sendings) -> HashMap<&'s str, Story> {
    let read = stream::iter(sendings).map(|(key, sending)| async move {
        let id = sending.acknowledged.as_deref().expect("all were repeated until answered");
        (key.as_str(), Story::of(&door.timeline(id).await))
    });
    read.buffer_unordered(READERS).collect().await
}

fn count(
    arrivals: &HashMap<&str, Arrival>,
    stories: &HashMap<&str, Story>,
    sink: &Sink,
    sendings: &Sendings,
) -> Verdict {
    let out_of_order = out_of_order(arrivals, sendings);
    let mut verdict = Verdict { attempted: sendings.len(), out_of_order, ..Verdict::default() };
    for (key, sending) in sendings {
        let Some(id) = sending.acknowledged.as_deref() else { continue };
        verdict.acknowledged += 1;
        let (times, story) =
            (arrivals.get(key.as_str()).map_or(0, |arrival| arrival.times), &stories[key.as_str()]);
        let again = [Resolved::ByRetry, Resolved::ByFailover];
        let repeats = story.unknown.iter().filter(|own| again.contains(own)).count();
        verdict.unknown.extend(&story.unknown);
        verdict.duplicated += times.saturating_sub(1);
        if times > 1 + repeats {
            verdict.repeated_silently.push(key.clone());
        }
        if story.forgotten > 0 {
            verdict.forgotten.push(key.clone());
        }
        if times > 0 {
            match told(&sink.statuses(id)) {
                Ok(End::Arrived) => verdict.delivered += 1,
                Ok(End::Failed) if story.gave_up() => {}
                Ok(End::Failed) => verdict.callbacks_wrong.push(format!("{key}: failed without a reason")),
                Err(statuses) => verdict.callbacks_wrong.push(format!("{key}: {statuses}")),
            }
        } else if story.unknown.is_empty() {
            verdict.lost.push(key.clone());
        }
    }
    verdict
}

/// How callbacks say that a message ended.
enum End {
    Arrived,
    Failed,
}

/// The end that callbacks told of, going forward only.
fn told(statuses: &[String]) -> Result<End, String> {
    let ranks: Vec<_> =
        statuses.iter().map(|status| ORDER.iter().position(|known| known == status)).collect();
    let forward = ranks.iter().all(Option::is_some) && ranks.is_sorted();
    match statuses.last().map(String::as_str) {
        Some("DELIVERED" | "READ") if forward => Ok(End::Arrived),
        Some(FAILED) if forward => Ok(End::Failed),
        _ => Err(statuses.join(", ")),
    }
}

/// Keys of messages that the provider read before an older one of the same phone. Message ids grow with time.
fn out_of_order(arrivals: &HashMap<&str, Arrival>, sendings: &Sendings) -> Vec<String> {
    let mut phones: HashMap<&str, Vec<(&str, usize, &str)>> = HashMap::new();
    for (key, sending) in sendings {
        if let (Some(id), Some(arrival)) = (&sending.acknowledged, arrivals.get(key.as_str())) {
            phones.entry(&sending.phone).or_default().push((id, arrival.place, key));
        }
    }
    let mut wrong = Vec::new();
    for mut messages in phones.into_values() {
        messages.sort_unstable();
        let early = messages.windows(2).filter(|pair| pair[0].1 > pair[1].1);
        wrong.extend(early.map(|pair| pair[1].2.to_owned()));
    }
    wrong
}
