//! The delivery's transitions. Each returns what an outsider would notice, so that commands need not compare.

use std::sync::Arc;

use super::{
    Attempt, Delivery, Outcome, Phase, Priority, Reason, ReasonKind, Receipt, Status, Step, StepKind,
};
use crate::app::UnknownPolicy;
use crate::channel::Address;
use crate::time::Time;

/// Temporary failures on one leg before the plan moves on.
pub const TEMPORARY_FAILURES_MAX: u32 = 5;
/// First delay before the same channel is tried again; it doubles each time.
pub const RETRY_DELAY_MS: i64 = 500;
/// Longest delay between tries on one channel.
pub const RETRY_DELAY_MS_MAX: i64 = 60_000;
/// Longest time an attempt of unknown outcome is held without a time-to-live of its own.
pub const HELD_S_MAX: i64 = 3600;
/// Timeline steps kept per delivery.
pub const STEPS_MAX: usize = 64;

/// What a transition changed, in the words of those who must act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Nothing that anybody need hear.
    Nothing,
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
    /// A receipt moved the status forward.
    Advanced(Status),
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

    /// Records an attempt before its first byte leaves. `None` when none may start now.
    pub fn begin(&mut self, now: Time) -> Option<u32> {
        let Phase::Waiting { not_before } = self.phase else {
            return None;
        };
        if not_before > now || now >= self.expires_at {
            return None;
        }
        let number = self.attempt_number() + 1;
        self.attempts.push(Attempt {
            number,
            leg: self.leg,
            started_at: now,
            ended_at: None,
            outcome: None,
            delivered_parts: Vec::new(),
        });
        self.phase = Phase::Attempting;
        self.note(now, StepKind::AttemptStarted { attempt: number });
        Some(number)
    }

    /// Records how the open attempt ended. Ignores an attempt that is not the open one.
    pub fn finish(&mut self, number: u32, outcome: Outcome, policy: UnknownPolicy, now: Time) -> Moved {
        let open = matches!(self.phase, Phase::Attempting | Phase::Held { .. });
        let Some(attempt) = self.attempts.last_mut().filter(|attempt| open && attempt.number == number)
        else {
            return Moved::Nothing;
        };
        attempt.ended_at = Some(now);
        attempt.outcome = Some(outcome.clone());
        match outcome {
            Outcome::Accepted { .. } => self.accepted(number, now),
            Outcome::Refused(reason) => {
                self.note(now, StepKind::Refused { attempt: number, reason: reason.clone() });
                self.leave_leg(reason, now)
            }
            Outcome::Temporary { reason, retry_after_ms } => {
                self.temporary(number, reason, retry_after_ms, now)
            }
            Outcome::Unknown { .. } => self.unknown(number, policy, now),
        }
    }

    fn accepted(&mut self, number: u32, now: Time) -> Moved {
        self.note(now, StepKind::Accepted { attempt: number });
        self.phase = Phase::HandedOver;
        if self.status < Status::HandedOver {
            self.status = Status::HandedOver;
            return Moved::HandedOver;
        }
        Moved::Nothing
    }

    fn temporary(&mut self, number: u32, reason: Reason, retry_after_ms: Option<i64>, now: Time) -> Moved {
        self.temporary_failures += 1;
        if self.temporary_failures >= TEMPORARY_FAILURES_MAX {
            self.note(now, StepKind::Refused { attempt: number, reason: reason.clone() });
            return self.leave_leg(reason, now);
        }
        let doubled = RETRY_DELAY_MS << (self.temporary_failures - 1).min(16);
        let at = now.plus_ms(retry_after_ms.unwrap_or(doubled).clamp(1, RETRY_DELAY_MS_MAX));
        self.phase = Phase::Waiting { not_before: at };
        self.note(now, StepKind::WillRetry { attempt: number, at, reason });
        Moved::RetryAt(at)
    }

    fn unknown(&mut self, number: u32, policy: UnknownPolicy, now: Time) -> Moved {
        self.note(now, StepKind::OutcomeUnknown { attempt: number });
        match policy {
            UnknownPolicy::Hold => {
                let until = self.expires_at.min(now.plus_s(HELD_S_MAX));
                self.phase = Phase::Held { until };
                Moved::Held(until)
            }
            UnknownPolicy::Retry => {
                let reason = Reason::new(ReasonKind::ChannelFailure, "the channel did not answer");
                self.temporary(number, reason, None, now)
            }
            UnknownPolicy::FailOver => {
                self.leave_leg(Reason::new(ReasonKind::ChannelFailure, "the channel did not answer"), now)
            }
        }
    }

    /// Gives the current leg up: the next one, or the end. An expired message does not fail over.
    fn leave_leg(&mut self, reason: Reason, now: Time) -> Moved {
        if now < self.expires_at && self.leg + 1 < self.plan.len() {
            self.leg += 1;
            self.temporary_failures = 0;
            self.phase = Phase::Waiting { not_before: now };
            self.status = Status::SwitchingChannel;
            self.note(now, StepKind::Switched { to_leg: self.leg });
            return Moved::Switched(reason);
        }
        self.fail(reason, now)
    }

    fn fail(&mut self, reason: Reason, now: Time) -> Moved {
        self.phase = Phase::Done;
        if self.status >= Status::Failed {
            return Moved::Nothing;
        }
        self.status = Status::Failed;
        self.reason = Some(reason.clone());
        self.note(now, StepKind::GaveUp { reason: reason.clone() });
        Moved::Failed(reason)
    }

    /// Ends a journey for a reason of our own (opt-out, closed conversation, no account left).
    pub fn give_up(&mut self, reason: Reason, now: Time) -> Moved {
        if self.status.is_final() { Moved::Nothing } else { self.fail(reason, now) }
    }

    /// Takes a statement about one part of an attempt. A failure of the current leg fails over.
    pub fn receipt(&mut self, number: u32, part: &Arc<str>, receipt: Receipt, now: Time) -> Moved {
        let step =
            StepKind::Receipt { attempt: number, status: receipt.status, reason: receipt.reason.clone() };
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number) else {
            return Moved::Nothing;
        };
        let current = attempt.leg == self.leg;
        if receipt.status >= Status::Delivered && !attempt.delivered_parts.contains(part) {
            attempt.delivered_parts.push(part.clone());
        }
        let all_parts = match &attempt.outcome {
            Some(Outcome::Accepted { parts }) => attempt.delivered_parts.len() >= parts.len(),
            _ => true,
        };
        self.note(now, step);
        match receipt.status {
            Status::Delivered | Status::Read if all_parts => self.advance(receipt.status),
            Status::Failed if current && !self.status.is_final() => {
                let fallback = || Reason::new(ReasonKind::ChannelFailure, "the channel reported a failure");
                self.leave_leg(receipt.reason.unwrap_or_else(fallback), now)
            }
            Status::HandedOver if current && matches!(self.phase, Phase::Attempting | Phase::Held { .. }) => {
                self.phase = Phase::HandedOver;
                self.status = self.status.max(Status::HandedOver);
                Moved::HandedOver
            }
            _ => Moved::Nothing,
        }
    }

    fn advance(&mut self, status: Status) -> Moved {
        self.phase = Phase::Done;
        if status <= self.status {
            return Moved::Nothing;
        }
        self.status = status;
        self.reason = None;
        Moved::Advanced(status)
    }

    /// The time-to-live, or the patience with an unknown outcome, is over.
    pub fn expire(&mut self, now: Time) -> Moved {
        if let Phase::Held { until } = self.phase
            && now >= until
        {
            return self
                .fail(Reason::new(ReasonKind::ReportTimedOut, "no delivery report came in time"), now);
        }
        if now < self.expires_at || self.status.is_final() {
            return Moved::Nothing;
        }
        self.note(now, StepKind::Expired);
        self.fail(Reason::new(ReasonKind::Expired, "the time-to-live is over"), now)
    }

    fn note(&mut self, at: Time, what: StepKind) {
        if self.steps.len() < STEPS_MAX {
            self.steps.push(Step { at, what });
        }
    }
}
