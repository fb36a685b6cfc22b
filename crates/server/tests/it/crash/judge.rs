//! Compares what was acknowledged with what the provider read and what the webhook receiver was told.

use std::collections::HashMap;

use super::door::Door;
use super::ledger::{Arrival, Ledger};
use super::sink::Sink;
use super::{PATIENCE, Sendings};

/// Statuses of the Sinch face in the only order in which they may be told.
const ORDER: [&str; 3] = ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"];

#[derive(Debug, Default)]
pub struct Verdict {
    acknowledged: usize,
    delivered: usize,
    /// The provider never read them, and their timelines say that the outcome is unknown.
    unknown: usize,
    /// Neither read by the provider nor explained.
    lost: Vec<String>,
    /// Read more than once, with an unknown outcome in between that the timeline shows.
    repeated_knowingly: usize,
    /// Read more than once without a word.
    repeated_silently: Vec<String>,
    /// Read by the provider before an older message of the same conversation.
    out_of_order: Vec<String>,
    /// Callbacks that went backwards, or that never told of a delivery.
    callbacks_wrong: Vec<String>,
}

impl Verdict {
    pub fn assert_kept(&self) {
        assert!(self.acknowledged > 0 && self.delivered > 0, "{self:?}");
        let wrong = [&self.lost, &self.repeated_silently, &self.out_of_order, &self.callbacks_wrong];
        assert!(wrong.iter().all(|list| list.is_empty()), "{self:#?}");
    }
}

/// Waits until every message arrived or says that its outcome is unknown, then counts.
pub async fn judge(door: &Door, ledger: &mut Ledger, sink: &Sink, sendings: &Sendings) -> Verdict {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let arrivals = ledger.refresh().await.arrivals();
        let verdict = count(door, &arrivals, sink, sendings).await;
        let settled = verdict.lost.is_empty() && verdict.callbacks_wrong.is_empty();
        if settled || tokio::time::Instant::now() > until {
            return Verdict { out_of_order: out_of_order(&arrivals, sendings), ..verdict };
        }
        tokio::task::yield_now().await;
    }
}

async fn count(door: &Door, arrivals: &HashMap<&str, Arrival>, sink: &Sink, sendings: &Sendings) -> Verdict {
    let mut verdict = Verdict::default();
    for (key, sending) in sendings {
        let id = sending.acknowledged.as_deref().expect("all were repeated until answered");
        verdict.acknowledged += 1;
        let times = arrivals.get(key.as_str()).map_or(0, |arrival| arrival.times);
        let explained = times == 1 || door.timeline(id).await.contains("unknown");
        match (times, explained) {
            (0, true) => verdict.unknown += 1,
            (0, false) => verdict.lost.push(key.clone()),
            (1, _) => {}
            (_, true) => verdict.repeated_knowingly += 1,
            (_, false) => verdict.repeated_silently.push(key.clone()),
        }
        if times > 0 {
            match told(&sink.statuses(id)) {
                Ok(()) => verdict.delivered += 1,
                Err(statuses) => verdict.callbacks_wrong.push(format!("{key}: {statuses}")),
            }
        }
    }
    verdict
}

/// Whether callbacks told of a delivery, going forward only.
fn told(statuses: &[String]) -> Result<(), String> {
    let ranks: Vec<_> =
        statuses.iter().map(|status| ORDER.iter().position(|known| known == status)).collect();
    let forward = ranks.iter().all(Option::is_some) && ranks.is_sorted();
    if forward && ranks.last().is_some_and(|rank| *rank >= Some(1)) {
        Ok(())
    } else {
        Err(statuses.join(", "))
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
