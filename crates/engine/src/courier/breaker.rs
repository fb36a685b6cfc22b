//! The breaker before one endpoint: many failures shortly after each other shut it for a time that grows; then one lane
//! at a time is let through, and the first that is answered opens everything. Pure. Forgotten with the process.

use domain::time::Time;

/// Failures in a row that shut it.
const FAILURES: u32 = 10;
/// Longer apart they are not a row: one callback that is tried for days shuts nothing. In milliseconds.
const APART_MS_MAX: i64 = 60_000;
/// How long it is shut for the first time, in milliseconds; it doubles with each failed probe.
const SHUT_MS: i64 = 1_000;
/// How long it is shut at most, in milliseconds.
const SHUT_MS_MAX: i64 = 60_000;

/// One endpoint's breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// In a row.
    failures: u32,
    failed_at: Time,
    shut: Option<Shut>,
}

#[derive(Clone, Copy, Debug)]
struct Shut {
    until: Time,
    times: u32,
}

/// How many lanes may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    All,
    /// One, to see.
    Probe,
    /// None before then.
    NotBefore(Time),
}

impl Breaker {
    pub fn pass(&self, now: Time) -> Pass {
        match self.shut {
            None => Pass::All,
            Some(shut) if shut.until <= now => Pass::Probe,
            Some(shut) => Pass::NotBefore(shut.until),
        }
    }

    /// The endpoint answered, whatever it said.
    pub fn answered(&mut self) {
        *self = Breaker::default();
    }

    /// It did not, or cannot work. `patience_ms` is what the dialect has with one callback: shut it is for a part of
    /// that only. Says whether the breaker shut just now.
    pub fn failed(&mut self, patience_ms: i64, now: Time) -> bool {
        let apart = now.since_ms(self.failed_at) > APART_MS_MAX;
        self.failures = if apart { 1 } else { self.failures.saturating_add(1) };
        self.failed_at = now;
        let after = |times: u32| {
            let most = SHUT_MS_MAX.min(patience_ms / 4).max(SHUT_MS);
            now.plus_ms((SHUT_MS << times.min(16)).min(most))
        };
        match &mut self.shut {
            Some(shut) if shut.until <= now => {
                *shut = Shut { until: after(shut.times + 1), times: shut.times + 1 };
                false
            }
            // Others were on their way before.
            Some(_) => false,
            None if self.failures >= FAILURES => {
                self.shut = Some(Shut { until: after(0), times: 0 });
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn shut() -> Breaker {
        let mut breaker = Breaker::default();
        let shut: Vec<bool> = (0..FAILURES).map(|_| breaker.failed(DAY_MS, Time(0))).collect();
        assert_eq!(shut.iter().filter(|shut| **shut).count(), 1);
        breaker
    }

    #[test]
    fn failures_in_a_row_shut_it_and_an_answer_among_them_begins_anew() {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES {
            breaker.failed(DAY_MS, Time(0));
        }
        breaker.answered();
        assert!(!breaker.failed(DAY_MS, Time(0)));
        assert_eq!(breaker.pass(Time(0)), Pass::All);
        assert_eq!(shut().pass(Time(0)), Pass::NotBefore(Time(SHUT_MS)));
    }

    #[test]
    fn one_callback_that_fails_for_days_shuts_nothing() {
        let mut breaker = Breaker::default();
        for minute in (0..1_000).step_by(2) {
            breaker.failed(DAY_MS, Time(minute * 60_000));
        }
        assert_eq!(breaker.pass(Time(0)), Pass::All);
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_the_most() {
        let (mut breaker, mut now, mut times) = (shut(), Time(0), Vec::new());
        for _ in 0..9 {
            let Pass::NotBefore(until) = breaker.pass(now) else { panic!("it is open") };
            times.push(until.since_ms(now));
            now = until;
            assert_eq!(breaker.pass(now), Pass::Probe);
            breaker.failed(DAY_MS, now);
        }
        assert_eq!(times, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        breaker.answered();
        assert_eq!(breaker.pass(now), Pass::All);
    }

    #[test]
    fn it_is_shut_for_a_part_of_the_patience_only() {
        let (mut breaker, mut now) = (shut(), Time(0));
        for _ in 0..9 {
            if let Pass::NotBefore(until) = breaker.pass(now) {
                now = until;
            }
            breaker.failed(30_000, now);
        }
        assert_eq!(breaker.pass(now), Pass::NotBefore(now.plus_ms(7_500)));
    }
}
