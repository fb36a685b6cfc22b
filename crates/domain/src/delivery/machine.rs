//! The delivery's transitions. Each returns what an outsider would notice, so that commands need not compare.
//!
//! Receipts are kept with their attempt and weighed together with its answer, whichever comes first. The rules of
//! retry, failover and time-to-live are those that the business face's vendor publishes, and the table in `truth.rs`
//! holds them.

use std::sync::Arc;

use super::parts::Report;
use super::{
    Attempt, Delivery, Outcome, Phase, Priority, Reason, ReasonKind, Receipt, Status, Step, StepKind,
};
use crate::app::UnknownPolicy;
use crate::channel::Address;
use crate::time::Time;

/// First delay before the same channel is tried again; it doubles each time.
pub const RETRY_DELAY_MS: i64 = 500;
/// Longest delay between tries on one channel.
pub const RETRY_DELAY_MS_MAX: i64 = 600_000;
/// Longest time an attempt of unknown outcome is held without a time-to-live of its own.
pub const HELD_S_MAX: i64 = 3600;
/// Timeline steps kept per delivery: the first, and the newest ones.
pub const STEPS_MAX: usize = 64;

/// How a leg is worked: what the app asks for, on the channel at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For an attempt whose outcome stays unknown.
    pub unknown: UnknownPolicy,
    /// How long temporary failures are tried again, from the first on.
    pub retry_ms: i64,
    /// How long the channel may take to report arrival before the next leg is tried; `None`: for ever.
    pub report_ms: Option<i64>,
    /// Spreads retry delays: any number, the same for the same attempt.
    pub spread: u64,
}

/// What a transition changed, in the words of those who must act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// A channel has the message now.
    HandedOver,
    /// Try again on the same channel at this moment.
    RetryAt(Time),
    /// The outcome is unknown; look again at this moment.
    Held(Time),
    /// The next leg is current; try it now.
    Switched(Reason),
    /// Over, without success.
    Failed(Reason),
    /// A receipt about this leg moved the status forward.
    Advanced { status: Status, leg: usize },
}

impl Rules {
    /// Where nothing is tried again and nothing waited for.
    pub const PLAIN: Rules = Rules { unknown: UnknownPolicy::Hold, retry_ms: 0, report_ms: None, spread: 0 };
}

impl Delivery {
    /// A fresh journey over a plan that is not empty.
    pub fn planned(plan: Vec<Address>, priority: Priority, expires_at: Time, now: Time) -> Delivery {
        Delivery {
            generation: 1,
            plan,
            leg: 0,
            phase: Phase::Waiting { not_before: now },
            status: Status::Queued,
            reason: None,
            priority,
            expires_at,
            temporary_failures: 0,
            report_due: None,
            attempts: Vec::new(),
            steps: vec![Step { at: now, what: StepKind::Planned }],
            callback_url: None,
        }
    }

    /// The address of the current leg.
    pub fn address(&self) -> &Address {
        &self.plan[self.leg.min(self.plan.len() - 1)]
    }

    /// The number of the newest attempt; 0 before the first.
    pub fn attempt_number(&self) -> u32 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }

    /// Whether a send job stands for it, or its attempt is open: it counts towards its app's queue.
    pub fn is_queued(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::Attempting)
    }

    /// Records an attempt before its first byte leaves. `None` when none may start now.
    pub fn begin(&mut self, now: Time) -> Option<u32> {
        let Phase::Waiting { not_before } = self.phase else {
            return None;
        };
        if not_before > now || now >= self.expires_at {
            return None;
        }
        let number = self.attempt_number() + 1;
        self.attempts.push(Attempt::new(number, self.leg, now));
        self.phase = Phase::Attempting;
        self.note(now, StepKind::AttemptStarted { attempt: number });
        Some(number)
    }

    /// Records how an attempt ended, and weighs the receipts that came before its answer. An answer that comes
    /// when the journey has gone on changes the record alone.
    pub fn finish(&mut self, number: u32, outcome: Outcome, rules: Rules, now: Time) -> Vec<Moved> {
        let open =
            matches!(self.phase, Phase::Attempting | Phase::Held { .. }) && number == self.attempt_number();
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number) else {
            return Vec::new();
        };
        if attempt.outcome.is_some() && !open {
            return Vec::new();
        }
        attempt.ended_at = Some(now);
        attempt.outcome = Some(outcome.clone());
        let what = match &outcome {
            Outcome::Accepted { .. } => Some(StepKind::Accepted { attempt: number }),
            Outcome::Refused(reason) => Some(StepKind::Refused { attempt: number, reason: reason.clone() }),
            Outcome::Unknown { .. } => Some(StepKind::OutcomeUnknown { attempt: number }),
            Outcome::Temporary { .. } => None,
        };
        if let Some(what) = what {
            self.note(now, what);
        }
        let mut moved = Vec::new();
        if open {
            moved.extend(match outcome {
                Outcome::Accepted { .. } => self.accepted(rules, now),
                Outcome::Refused(reason) => Some(self.leave_leg(reason, now)),
                Outcome::Temporary { reason, retry_after_ms } => {
                    Some(self.temporary(number, reason, retry_after_ms, rules, now))
                }
                Outcome::Unknown { .. } => self.unanswered(number, rules, now),
            });
        }
        moved.extend(self.weigh(number, rules, now));
        moved
    }

    fn accepted(&mut self, rules: Rules, now: Time) -> Option<Moved> {
        self.phase = Phase::HandedOver;
        let another = self.leg + 1 < self.plan.len();
        self.report_due = rules.report_ms.filter(|_| another).map(|wait_ms| now.plus_ms(wait_ms));
        let news = self.status < Status::HandedOver;
        self.status = self.status.max(Status::HandedOver);
        news.then_some(Moved::HandedOver)
    }

    /// Tried again at growing distance, at least once, a last time when the app's patience is over. The time-to-live may
    /// have ended meanwhile, and who looks after it has passed by an open attempt.
    fn temporary(
        &mut self,
        number: u32,
        reason: Reason,
        retry_after_ms: Option<i64>,
        rules: Rules,
        now: Time,
    ) -> Moved {
        self.temporary_failures += 1;
        if now >= self.expires_at {
            self.note(now, StepKind::WillRetry { attempt: number, at: now, reason });
            return self.expired(now);
        }
        let cut_off = self.first_failed_at(now).plus_ms(rules.retry_ms);
        if self.temporary_failures > 1 && now >= cut_off {
            self.note(now, StepKind::Refused { attempt: number, reason: reason.clone() });
            return self.leave_leg(reason, now);
        }
        let delay_ms = retry_after_ms.unwrap_or_else(|| self.retry_delay_ms(rules.spread));
        let at = now.plus_ms(delay_ms.clamp(1, RETRY_DELAY_MS_MAX)).min(cut_off).max(now.plus_ms(1));
        self.phase = Phase::Waiting { not_before: at };
        self.note(now, StepKind::WillRetry { attempt: number, at, reason });
        Moved::RetryAt(at)
    }

    /// When the current leg failed for the time being for the first time.
    fn first_failed_at(&self, now: Time) -> Time {
        let failed = |attempt: &&Attempt| {
            let temporary =
                matches!(attempt.outcome, Some(Outcome::Temporary { .. } | Outcome::Unknown { .. }));
            attempt.leg == self.leg && temporary
        };
        self.attempts.iter().find(failed).and_then(|attempt| attempt.ended_at).unwrap_or(now)
    }

    /// Doubles with each failure, and falls anywhere in the upper half of that, so that many messages that failed
    /// at once do not come back at once.
    fn retry_delay_ms(&self, spread: u64) -> i64 {
        let doubled = RETRY_DELAY_MS << (self.temporary_failures - 1).min(16);
        let half = doubled.min(RETRY_DELAY_MS_MAX) / 2;
        half + (spread % half.unsigned_abs()) as i64
    }

    /// No answer came. Where the provider has spoken of the attempt already, nothing about it is unknown.
    fn unanswered(&mut self, number: u32, rules: Rules, now: Time) -> Option<Moved> {
        match self.report(number) {
            Some(Report::Failed(_)) | None => Some(self.unknown(number, rules, now)),
            Some(_) => {
                self.note(now, StepKind::Accepted { attempt: number });
                self.accepted(rules, now)
            }
        }
    }

    fn unknown(&mut self, number: u32, rules: Rules, now: Time) -> Moved {
        let reason = || Reason::new(ReasonKind::ChannelFailure, "the channel did not answer");
        match rules.unknown {
            UnknownPolicy::Hold => {
                let until = self.expires_at.min(now.plus_s(HELD_S_MAX));
                self.phase = Phase::Held { until };
                Moved::Held(until)
            }
            UnknownPolicy::Retry => self.temporary(number, reason(), None, rules, now),
            UnknownPolicy::FailOver => self.leave_leg(reason(), now),
        }
    }

    /// Gives the current leg up: the next one, or the end. An expired message does not fail over.
    fn leave_leg(&mut self, reason: Reason, now: Time) -> Moved {
        let another = self.leg + 1 < self.plan.len();
        if another && now >= self.expires_at {
            return self.expired(now);
        }
        if another {
            self.leg += 1;
            self.temporary_failures = 0;
            self.report_due = None;
            self.phase = Phase::Waiting { not_before: now };
            self.status = Status::SwitchingChannel;
            self.note(now, StepKind::Switched { to_leg: self.leg });
            return Moved::Switched(reason);
        }
        self.fail(reason, now)
    }

    fn expired(&mut self, now: Time) -> Moved {
        self.note(now, StepKind::Expired);
        self.fail(Reason::new(ReasonKind::Expired, "the time-to-live is over"), now)
    }

    fn fail(&mut self, reason: Reason, now: Time) -> Moved {
        self.phase = Phase::Done;
        self.status = self.status.max(Status::Failed);
        self.reason = Some(reason.clone());
        self.note(now, StepKind::GaveUp { reason: reason.clone() });
        Moved::Failed(reason)
    }

    /// Ends a journey for a reason of our own (opt-out, closed conversation, no account left).
    pub fn give_up(&mut self, reason: Reason, now: Time) -> Option<Moved> {
        (!self.status.is_final()).then(|| self.fail(reason, now))
    }

    /// Takes a statement about one part of an attempt. A failure of the newest one fails over.
    pub fn receipt(
        &mut self,
        number: u32,
        part: &Arc<str>,
        receipt: Receipt,
        rules: Rules,
        now: Time,
    ) -> Vec<Moved> {
        let what =
            StepKind::Receipt { attempt: number, status: receipt.status, reason: receipt.reason.clone() };
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number) else {
            return Vec::new();
        };
        attempt.take(part, receipt);
        if !self.steps.iter().any(|step| step.what == what) {
            self.note(now, what);
        }
        self.weigh(number, rules, now)
    }

    /// Lets an attempt's receipts move the journey.
    fn weigh(&mut self, number: u32, rules: Rules, now: Time) -> Vec<Moved> {
        let current =
            number == self.attempt_number() && self.attempts.last().is_some_and(|last| last.leg == self.leg);
        let Some(report) = self.report(number) else { return Vec::new() };
        let mut moved = Vec::new();
        let unknown =
            matches!(self.attempts.last(), Some(Attempt { outcome: Some(Outcome::Unknown { .. }), .. }));
        let in_doubt = unknown && matches!(self.phase, Phase::Held { .. } | Phase::Waiting { .. });
        // The provider knows the attempt, so an unanswered hand-over is hereby known to have arrived.
        if current && in_doubt && !matches!(report, Report::Failed(_)) {
            self.note(now, StepKind::Accepted { attempt: number });
            moved.extend(self.accepted(rules, now));
        }
        moved.extend(match report {
            Report::Delivered => self.advance(number, Status::Delivered),
            Report::Read => self.advance(number, Status::Read),
            Report::Failed(reason) if current && !self.status.is_final() => Some(self.leave_leg(reason, now)),
            Report::Failed(_) | Report::Reached => None,
        });
        moved
    }

    fn advance(&mut self, number: u32, status: Status) -> Option<Moved> {
        self.phase = Phase::Done;
        if status <= self.status {
            return None;
        }
        self.status = status;
        self.reason = None;
        let leg = self.attempts.iter().find(|attempt| attempt.number == number)?.leg;
        Some(Moved::Advanced { status, leg })
    }

    /// Whether it waits with us though its time-to-live is over.
    pub fn is_over(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Waiting { .. }) && now >= self.expires_at
    }

    /// The time-to-live, the patience with an unknown outcome, or the wait for a report may be over. What a channel
    /// has is that channel's to expire: only what waits with us ends.
    pub fn expire(&mut self, now: Time) -> Option<Moved> {
        let timed_out = || Reason::new(ReasonKind::ReportTimedOut, "no delivery report came in time");
        match self.phase {
            Phase::Held { until } if now >= until => Some(self.fail(timed_out(), now)),
            Phase::HandedOver if self.report_due.is_some_and(|due| now >= due) && now < self.expires_at => {
                Some(self.leave_leg(timed_out(), now))
            }
            Phase::Waiting { .. } if self.is_over(now) => Some(self.expired(now)),
            _ => None,
        }
    }

    /// When time moves it at the latest, or has had enough of an attempt that is open. A callback that carries a
    /// message has the patience of its subscription.
    pub fn due(&self) -> Option<Time> {
        let due = match self.phase {
            Phase::Attempting if self.address().channel.is_face() => None,
            Phase::Waiting { .. } | Phase::Attempting => Some(self.expires_at),
            Phase::Held { until } => Some(until),
            Phase::HandedOver => self.report_due.filter(|due| *due < self.expires_at),
            Phase::Done => None,
        };
        due.filter(|due| *due < Time::NEVER)
    }

    /// Whether nothing but a statement of the channel can move it any more.
    pub fn is_out_of_our_hands(&self) -> bool {
        matches!(self.phase, Phase::Done) || (matches!(self.phase, Phase::HandedOver) && self.due().is_none())
    }

    /// Notes that its time was over and nothing came of it.
    pub fn found_overdue(&mut self, now: Time) {
        self.note(now, StepKind::FoundOverdue);
    }

    fn note(&mut self, at: Time, what: StepKind) {
        if self.steps.len() == STEPS_MAX {
            self.steps.remove(1);
        }
        self.steps.push(Step { at, what });
    }
}
