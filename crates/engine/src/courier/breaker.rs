//! The breaker before one endpoint: shut, no lane is tried, and after a while one, to see.

use domain::time::Time;

use crate::breaker::{Breaker, Temper};

/// Failures in a row that shut it.
const FAILURES: u32 = 10;
/// Longer apart they are not a row: one callback that is tried for days shuts nothing. In milliseconds.
const APART_MS_MAX: i64 = 60_000;
/// How long it is shut for the first time, in milliseconds.
const SHUT_MS: i64 = 1_000;
/// How long it is shut at most, in milliseconds.
const SHUT_MS_MAX: i64 = 60_000;

/// How many lanes may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    All,
    /// One, to see.
    Probe,
    /// None before then.
    NotBefore(Time),
}

/// How many lanes may try now.
pub(super) fn pass(breaker: &Breaker, now: Time) -> Pass {
    match breaker.shut() {
        None => Pass::All,
        Some(shut) if shut.until <= now => Pass::Probe,
        Some(shut) => Pass::NotBefore(shut.until),
    }
}

/// The endpoint did not answer, or cannot work. `patience_ms` is what the dialect has with one callback: shut it is
/// for a part of that only. Says whether the breaker shut just now.
pub(super) fn failed(breaker: &mut Breaker, patience_ms: i64, now: Time) -> bool {
    let shut_ms_max = SHUT_MS_MAX.min(patience_ms / 4).max(SHUT_MS);
    let temper = Temper { failures: FAILURES, apart_ms_max: APART_MS_MAX, shut_ms: SHUT_MS, shut_ms_max };
    breaker.failed(pass(breaker, now) == Pass::Probe, temper, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_its_time_one_lane_may_see_and_it_is_shut_for_a_part_of_the_patience_only() {
        let (mut breaker, mut now, mut times) = (Breaker::default(), Time(0), Vec::new());
        assert_eq!(pass(&breaker, now), Pass::All);
        assert_eq!((0..FAILURES).filter(|_| failed(&mut breaker, 30_000, Time(0))).count(), 1);
        for _ in 0..5 {
            let Pass::NotBefore(until) = pass(&breaker, now) else { panic!("it is open") };
            times.push(until.since_ms(now));
            now = until;
            assert_eq!(pass(&breaker, now), Pass::Probe);
            failed(&mut breaker, 30_000, now);
        }
        assert_eq!(times, [1_000, 2_000, 4_000, 7_500, 7_500]);
    }
}
