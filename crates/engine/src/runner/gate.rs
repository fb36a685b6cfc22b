//! The gate before a provider: whether an account may be used now. Pure.
//!
//! Four things shut it: too many open hand-overs, a pause that the provider asked for, an open breaker, an empty
//! bucket. All of it is forgotten with the process: a new one starts with a full bucket and a closed breaker.
//!
//! The breaker opens after many failures in a row, for a time that grows; then one hand-over at a time is let
//! through as a probe, and the first that the provider answers closes it. Neither it nor a pause keeps a message for
//! longer than the app's patience with the channel: then it is tried, and the delivery's own rules decide.

use domain::delivery::{Outcome, ReasonKind};
use domain::id::JobId;
use domain::time::Time;

use super::terms::Terms;
use crate::breaker::{Breaker, Temper};
use crate::buckets::Bucket;

/// Failures in a row that open a breaker.
pub(super) const BREAKER_FAILURES: u32 = 20;
/// How long a breaker opens for the first time, in milliseconds; it doubles with each failed probe.
pub(super) const BREAKER_MS: i64 = 1_000;
/// How long a breaker opens at most, in milliseconds.
pub(super) const BREAKER_MS_MAX: i64 = 60_000;
const TEMPER: Temper = Temper {
    failures: BREAKER_FAILURES,
    apart_ms_max: i64::MAX,
    shut_ms: BREAKER_MS,
    shut_ms_max: BREAKER_MS_MAX,
};
/// The longest pause that a provider may ask for, in milliseconds.
pub(super) const PAUSE_MS_MAX: i64 = 600_000;

/// What a hand-over says of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The provider answered.
    Fine,
    /// No answer, or one that says that the provider cannot work.
    Failed,
    /// The provider wants to be left alone for so many milliseconds.
    Throttled(i64),
}

impl From<&Outcome> for Heard {
    fn from(outcome: &Outcome) -> Heard {
        match outcome {
            Outcome::Accepted { .. } | Outcome::Refused(_) => Heard::Fine,
            Outcome::Temporary { reason, retry_after_ms } => match (reason.kind, retry_after_ms) {
                (ReasonKind::RecipientRateLimited, _) => Heard::Fine,
                (ReasonKind::RateLimited, Some(ms)) => Heard::Throttled(*ms),
                _ => Heard::Failed,
            },
            Outcome::Unknown { .. } => Heard::Failed,
        }
    }
}

/// How a message gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Open,
    /// The account is shut, and has been for as long as the app is patient with a channel.
    PatienceOver,
}

/// What became of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Opened,
    Closed,
}

/// Before one account.
#[derive(Debug, Default)]
pub(super) struct Gate {
    bucket: Bucket,
    /// Hand-overs that are open.
    open: usize,
    pause: Option<Shut>,
    breaker: Breaker,
    /// The hand-over that finds out whether the provider works again.
    probe: Option<JobId>,
}

/// A time in which nobody may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shut {
    since: Time,
    until: Time,
}

impl Gate {
    /// Whether a message that has waited for this account since a moment may go now, and how; else when to ask
    /// again: `NEVER` for when a hand-over ends.
    pub fn admits(&mut self, since: Time, terms: &Terms, now: Time) -> Result<Pass, Time> {
        if self.open >= terms.open_attempts_max {
            return Err(Time::NEVER);
        }
        let mut pass = Pass::Open;
        if let Some(shut) = self.shut(now) {
            let patience_over = since.max(shut.since).plus_ms(terms.patience_ms);
            if patience_over <= now {
                pass = Pass::PatienceOver;
            } else if shut.until > now {
                return Err(shut.until.min(patience_over));
            }
        }
        match terms.rate.map_or(0, |rate| self.bucket.wait_ms(rate, now)) {
            0 => Ok(pass),
            wait_ms => Err(now.plus_ms(wait_ms)),
        }
    }

    /// Whether nobody may go whose patience is not over.
    pub fn is_shut(&self, now: Time) -> bool {
        self.shut(now).is_some_and(|shut| shut.until > now)
    }

    /// Since when and until when the account is not used; until now where its next message is a probe.
    fn shut(&self, now: Time) -> Option<Shut> {
        let breaker = self.breaker.shut().map(|shut| {
            let probing = shut.until <= now && self.probe.is_some();
            Shut { since: shut.since, until: if probing { Time::NEVER } else { shut.until } }
        });
        match (breaker, self.pause.filter(|pause| pause.until > now)) {
            (Some(one), Some(other)) => {
                Some(Shut { since: one.since.min(other.since), until: one.until.max(other.until) })
            }
            (one, other) => one.or(other),
        }
    }

    /// A job that was admitted begins.
    pub fn begin(&mut self, job: JobId, terms: &Terms, now: Time) {
        self.open += 1;
        if let Some(rate) = terms.rate {
            let _ = self.bucket.take(rate, now); // It was asked just before.
        }
        if self.breaker.shut().is_some_and(|shut| shut.until <= now) {
            self.probe.get_or_insert(job);
        }
    }

    /// A job has ended, with a word about the account if it came so far as to hand over.
    pub fn ended(&mut self, job: JobId, heard: Option<Heard>, terms: &Terms, now: Time) -> Option<Turned> {
        self.open = self.open.saturating_sub(1);
        let probe = self.probe.take_if(|probe| *probe == job).is_some();
        match heard {
            None => {
                terms.rate.iter().for_each(|rate| self.bucket.give_back(*rate));
                None
            }
            Some(Heard::Fine) => {
                self.probe = None;
                self.breaker.answered().then_some(Turned::Closed)
            }
            Some(Heard::Throttled(ms)) => {
                let until = now.plus_ms(ms.clamp(1, PAUSE_MS_MAX));
                let pause = self.pause.filter(|pause| pause.until > now);
                let pause = pause.unwrap_or(Shut { since: now, until });
                self.pause = Some(Shut { until: pause.until.max(until), ..pause });
                None
            }
            // Others were on their way before the probe, or their patience was over.
            Some(Heard::Failed) => self.breaker.failed(probe, TEMPER, now).then_some(Turned::Opened),
        }
    }

    /// When it is as good as new, unless something has to happen first.
    pub fn rests_at(&self) -> Option<Time> {
        let busy = self.open > 0 || !self.breaker.is_calm();
        (!busy).then(|| self.bucket.full_at().max(self.pause.map_or(Time(0), |pause| pause.until)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buckets::Rate;
    use domain::delivery::Reason;
    use domain::id::Id;

    const PATIENCE_MS: i64 = 3_600_000;

    fn terms() -> Terms {
        Terms { patience_ms: PATIENCE_MS, ..Terms::free(Default::default()) }
    }

    /// One job after the other, as far as the gate lets them: what each said, and when the next may come.
    fn work(gate: &mut Gate, heard: Heard, now: Time) -> Option<Turned> {
        let (terms, job) = (terms(), JobId(Id(1)));
        assert_eq!(gate.admits(now, &terms, now), Ok(Pass::Open));
        gate.begin(job, &terms, now);
        gate.ended(job, Some(heard), &terms, now)
    }

    fn opened(now: Time) -> Gate {
        let mut gate = Gate::default();
        let said: Vec<_> = (0..BREAKER_FAILURES).map(|_| work(&mut gate, Heard::Failed, now)).collect();
        let first = said.iter().position(Option::is_some);
        assert_eq!(first, Some(BREAKER_FAILURES as usize - 1));
        gate
    }

    #[test]
    fn only_failures_in_a_row_open_the_breaker() {
        let (mut gate, now) = (Gate::default(), Time(5));
        for _ in 0..3 {
            (1..BREAKER_FAILURES).for_each(|_| assert_eq!(work(&mut gate, Heard::Failed, now), None));
            assert_eq!(work(&mut gate, Heard::Fine, now), None);
        }
    }

    #[test]
    fn an_open_breaker_lets_one_probe_through_at_a_time_and_closes_at_the_first_answer() {
        let (now, terms) = (Time(0), terms());
        let mut gate = opened(now);
        let then = now.plus_ms(BREAKER_MS);
        assert_eq!(gate.admits(now, &terms, now), Err(then));
        assert_eq!(gate.admits(then, &terms, then), Ok(Pass::Open));
        gate.begin(JobId(Id(1)), &terms, then);
        assert_eq!(gate.admits(then, &terms, then), Err(then.plus_ms(PATIENCE_MS)), "one at a time");
        assert_eq!(gate.ended(JobId(Id(1)), Some(Heard::Fine), &terms, then), Some(Turned::Closed));
        assert_eq!(gate.admits(then, &terms, then), Ok(Pass::Open));
    }

    #[test]
    fn failed_probes_open_it_for_longer_up_to_a_bound() {
        let (mut now, terms) = (Time(0), terms());
        let mut gate = opened(now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let Err(until) = gate.admits(now, &terms, now) else { panic!("it is open") };
            waits.push(until.since_ms(now));
            now = until;
            assert_eq!(work(&mut gate, Heard::Failed, now), None);
        }
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    }

    #[test]
    fn a_probe_that_handed_nothing_over_makes_room_for_another() {
        let terms = terms();
        let mut gate = opened(Time(0));
        let then = Time(BREAKER_MS);
        gate.begin(JobId(Id(1)), &terms, then);
        assert_eq!(gate.ended(JobId(Id(1)), None, &terms, then), None);
        assert_eq!(gate.admits(then, &terms, then), Ok(Pass::Open));
    }

    #[test]
    fn patience_that_is_over_passes_pause_and_breaker_but_not_the_bucket() {
        let late = Time(PATIENCE_MS);
        let limited = Terms { rate: Rate::new(1, 10_000, 1), ..terms() };
        let mut gate = Gate::default();
        work(&mut gate, Heard::Throttled(PAUSE_MS_MAX), Time(0));
        (0..20).for_each(|minutes| {
            gate.begin(JobId(Id(2)), &terms(), Time(0));
            gate.ended(JobId(Id(2)), Some(Heard::Throttled(PAUSE_MS_MAX)), &terms(), Time(minutes * 300_000));
        });
        assert_eq!(gate.admits(Time(1), &limited, late), Err(late.plus_ms(1)));
        assert_eq!(gate.admits(Time(0), &limited, late), Ok(Pass::PatienceOver));
        gate.begin(JobId(Id(1)), &limited, late);
        assert_eq!(gate.admits(Time(0), &limited, late), Err(late.plus_ms(10_000)));
    }

    #[test]
    fn a_pause_is_as_long_as_the_provider_says_and_bounded() {
        let terms = terms();
        for (asked, kept) in [(2_000, 2_000), (0, 1), (i64::MAX, PAUSE_MS_MAX)] {
            let mut gate = Gate::default();
            work(&mut gate, Heard::Throttled(asked), Time(0));
            assert_eq!(gate.admits(Time(0), &terms, Time(0)), Err(Time(kept)));
            assert_eq!(gate.admits(Time(0), &terms, Time(kept)), Ok(Pass::Open));
        }
    }

    #[test]
    fn open_hand_overs_are_bounded() {
        let bounded = Terms { open_attempts_max: 2, ..terms() };
        let mut gate = Gate::default();
        (1..=2).for_each(|id| gate.begin(JobId(Id(id)), &bounded, Time(0)));
        assert_eq!(gate.admits(Time(0), &bounded, Time(0)), Err(Time::NEVER));
        gate.ended(JobId(Id(2)), Some(Heard::Fine), &bounded, Time(0));
        assert_eq!(gate.admits(Time(0), &bounded, Time(0)), Ok(Pass::Open));
    }

    #[test]
    fn what_concerns_one_person_says_nothing_of_the_account() {
        let temporary = |kind, retry_after_ms| {
            Heard::from(&Outcome::Temporary { reason: Reason::new(kind, ""), retry_after_ms })
        };
        assert_eq!(temporary(ReasonKind::RecipientRateLimited, Some(6_000)), Heard::Fine);
        assert_eq!(temporary(ReasonKind::RateLimited, Some(6_000)), Heard::Throttled(6_000));
        assert_eq!(temporary(ReasonKind::RateLimited, None), Heard::Failed);
        assert_eq!(temporary(ReasonKind::ChannelFailure, Some(6_000)), Heard::Failed);
        assert_eq!(Heard::from(&Outcome::Unknown { parts: Vec::new() }), Heard::Failed);
        assert_eq!(Heard::from(&Outcome::Refused(Reason::new(ReasonKind::Blocked, ""))), Heard::Fine);
    }
}
