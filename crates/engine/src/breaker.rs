//! A breaker: failures in a row shut it for a time that grows; then one try at a time is a probe, and the first that is
//! answered opens everything. Pure, and forgotten with the process.

use domain::time::Time;

/// When a breaker shuts, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temper {
    /// Failures in a row that shut it.
    pub failures: u32,
    /// Longer apart they are not a row, in milliseconds.
    pub apart_ms_max: i64,
    /// How long it is shut for the first time, in milliseconds; it doubles with each failed probe.
    pub shut_ms: i64,
    /// How long it is shut at most, in milliseconds.
    pub shut_ms_max: i64,
}

/// What is known of one provider's account, or of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// In a row.
    failures: u32,
    failed_at: Time,
    shut: Option<Shut>,
}

/// A shut breaker; from `until` on the next try is a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shut {
    pub since: Time,
    pub until: Time,
    /// How often a probe failed.
    times: u32,
}

impl Breaker {
    /// Since when and until when it is shut, if it is.
    pub fn shut(&self) -> Option<Shut> {
        self.shut
    }

    /// Whether nothing has failed since it last worked.
    pub fn is_calm(&self) -> bool {
        self.failures == 0 && self.shut.is_none()
    }

    /// The other side answered. Says whether the breaker was shut.
    pub fn answered(&mut self) -> bool {
        std::mem::take(self).shut.is_some()
    }

    /// The other side did not answer, or cannot work. Says whether the breaker shut just now.
    pub fn failed(&mut self, probe: bool, temper: Temper, now: Time) -> bool {
        let apart = now.since_ms(self.failed_at) > temper.apart_ms_max;
        self.failures = if apart { 1 } else { self.failures.saturating_add(1) };
        self.failed_at = now;
        let until = |times: u32| now.plus_ms((temper.shut_ms << times.min(16)).min(temper.shut_ms_max));
        match &mut self.shut {
            Some(shut) => {
                // Others were on their way before.
                if probe {
                    (shut.times, shut.until) = (shut.times + 1, until(shut.times + 1));
                }
                false
            }
            None if self.failures >= temper.failures => {
                self.shut = Some(Shut { since: now, until: until(0), times: 0 });
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPER: Temper = Temper { failures: 3, apart_ms_max: 60_000, shut_ms: 1_000, shut_ms_max: 60_000 };

    fn shut() -> Breaker {
        let mut breaker = Breaker::default();
        let shut = [0, 1, 2].map(|now| breaker.failed(false, TEMPER, Time(now)));
        assert_eq!(shut, [false, false, true]);
        breaker
    }

    #[test]
    fn an_answer_among_failures_begins_the_row_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            assert!(!breaker.failed(false, TEMPER, Time(0)));
            assert!(!breaker.failed(false, TEMPER, Time(0)));
            assert!(!breaker.answered());
            assert!(breaker.is_calm());
        }
    }

    #[test]
    fn failures_far_apart_are_not_a_row() {
        let mut breaker = Breaker::default();
        assert!((0..1_000).all(|two_minutes| !breaker.failed(false, TEMPER, Time(two_minutes * 120_000))));
        assert_eq!(breaker.shut(), None);
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_the_most_and_other_failures_change_nothing() {
        let (mut breaker, mut times) = (shut(), Vec::new());
        for _ in 0..9 {
            let until = breaker.shut().unwrap().until;
            breaker.failed(false, TEMPER, until.plus_ms(-1));
            assert_eq!(breaker.shut().unwrap().until, until);
            breaker.failed(true, TEMPER, until);
            times.push(breaker.shut().unwrap().until.since_ms(until));
        }
        assert_eq!(times, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
        assert_eq!(breaker.shut().unwrap().since, Time(2));
    }

    #[test]
    fn the_first_answer_opens_it() {
        let mut breaker = shut();
        assert_eq!(breaker.shut().unwrap().until, Time(1_002));
        assert!(breaker.answered());
        assert_eq!(breaker.shut(), None);
    }
}
