//! What the receipts of one attempt add up to. Receipts are kept part by part, so that their order does not matter.

use std::sync::Arc;

use super::{Attempt, Delivery, Outcome, Reason, ReasonKind, Receipt, Status};
use crate::time::Time;

/// What an attempt's receipts say of the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    Reached,
    Failed(Reason),
    Delivered,
    Read,
}

impl Attempt {
    /// An attempt about to begin.
    pub(super) fn new(number: u32, leg: usize, now: Time) -> Attempt {
        Attempt {
            number,
            leg,
            started_at: now,
            ended_at: None,
            outcome: None,
            delivered_parts: Vec::new(),
            read_parts: Vec::new(),
            failed_parts: Vec::new(),
            failure: None,
            reached: false,
        }
    }

    /// Keeps one receipt.
    pub(super) fn take(&mut self, part: &Arc<str>, receipt: Receipt) {
        let keep = |list: &mut Vec<Arc<str>>| {
            if !list.contains(part) {
                list.push(part.clone());
            }
        };
        match receipt.status {
            Status::Queued | Status::SwitchingChannel => {}
            Status::HandedOver => self.reached = true,
            Status::Failed => {
                keep(&mut self.failed_parts);
                self.failure = self.failure.take().or(receipt.reason);
            }
            Status::Delivered => keep(&mut self.delivered_parts),
            Status::Read => {
                keep(&mut self.delivered_parts);
                keep(&mut self.read_parts);
            }
        }
    }
}

impl Delivery {
    /// What the receipts of an attempt add up to; nothing before the attempt's own answer is known. A message in
    /// several parts is delivered when all parts are, and failed when one is; of a partly unknown one only the
    /// failure can be told. Parts may have been reported under an earlier attempt of the same leg.
    pub(super) fn report(&self, number: u32) -> Option<Report> {
        let attempt = self.attempts.iter().find(|attempt| attempt.number == number)?;
        let same_leg = || self.attempts.iter().filter(|other| other.leg == attempt.leg);
        let delivered = |part| same_leg().any(|other| other.delivered_parts.contains(part));
        let read = |part| same_leg().any(|other| other.read_parts.contains(part));
        let failed = || {
            let why = || Reason::new(ReasonKind::ChannelFailure, "the channel reported a failure");
            Report::Failed(attempt.failure.clone().unwrap_or_else(why))
        };
        let parts: &[Arc<str>] = match attempt.outcome.as_ref()? {
            Outcome::Accepted { parts } if parts.len() > 1 => parts,
            Outcome::Unknown { parts } if !parts.is_empty() => {
                return (!attempt.failed_parts.is_empty()).then(failed);
            }
            // One part, or none that is known: whatever was reported is about it.
            _ => {
                return if !attempt.read_parts.is_empty() {
                    Some(Report::Read)
                } else if !attempt.delivered_parts.is_empty() {
                    Some(Report::Delivered)
                } else if !attempt.failed_parts.is_empty() {
                    Some(failed())
                } else {
                    attempt.reached.then_some(Report::Reached)
                };
            }
        };
        if parts.iter().all(read) {
            Some(Report::Read)
        } else if parts.iter().all(delivered) {
            Some(Report::Delivered)
        } else if !attempt.failed_parts.is_empty() {
            Some(failed())
        } else {
            attempt.reached.then_some(Report::Reached)
        }
    }
}
