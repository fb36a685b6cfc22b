//! The system's clock behind the core's port: a steady wall time, and waiting by the monotonic timer.
//!
//! The time is the wall's at the start and runs monotonically from there, so a jump of the wall clock neither expires
//! nor delays anything. What the wall says otherwise is taken up slowly, at a twentieth of the time that passes.
//! Long waits are cut and looked at again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::Clock;

/// Longest single wait, in milliseconds.
const WAIT_MS_MAX: i64 = 3_600_000;
/// Of the time that passes, the share by which the clock may run faster or slower to meet the wall's: one in so many.
const SLEW: i64 = 20;

/// The system's clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    reading: Arc<Mutex<Reading>>,
}

/// The last reading, in nanoseconds of wall time.
#[derive(Debug)]
struct Reading {
    at: Instant,
    steady_ns: i64,
}

impl SystemClock {
    /// A clock that begins with what the system says.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
    pub fn start() -> SystemClock {
        let reading = Reading { at: Instant::now(), steady_ns: wall_ns() };
        SystemClock { reading: Arc::new(Mutex::new(reading)) }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
    fn now(&self) -> Time {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let passed_ns = i64::try_from((at - reading.at).as_nanos()).unwrap_or(i64::MAX);
        *reading = Reading { at, steady_ns: steered(reading.steady_ns, passed_ns, wall_ns()) };
        Time(reading.steady_ns.div_euclid(1_000_000))
    }

    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()> {
        let wait_ms = until.since_ms(self.now()).clamp(0, WAIT_MS_MAX);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
fn wall_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The steady time after `passed_ns`, drawn towards the wall's by a share of what passed.
fn steered(steady_ns: i64, passed_ns: i64, wall_ns: i64) -> i64 {
    let steady_ns = steady_ns.saturating_add(passed_ns);
    let most = passed_ns / SLEW;
    steady_ns.saturating_add(wall_ns.saturating_sub(steady_ns).clamp(-most, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: i64 = 3_600_000_000_000;
    const SECOND_NS: i64 = 1_000_000_000;

    #[test]
    fn a_jump_of_the_wall_clock_moves_the_time_by_a_twentieth_of_what_passes() {
        assert_eq!(steered(HOUR_NS, SECOND_NS, 100 * HOUR_NS), HOUR_NS + SECOND_NS + SECOND_NS / 20);
        assert_eq!(steered(HOUR_NS, SECOND_NS, 0), HOUR_NS + SECOND_NS - SECOND_NS / 20);
    }

    #[test]
    fn a_small_difference_is_taken_up_whole() {
        assert_eq!(steered(HOUR_NS, SECOND_NS, HOUR_NS + SECOND_NS + 7), HOUR_NS + SECOND_NS + 7);
    }

    #[test]
    fn the_time_never_goes_back() {
        let mut now = 5 * HOUR_NS;
        for passed in [0, 1, 19, 20, 21, SECOND_NS, HOUR_NS] {
            for wall in [i64::MIN, 0, now, i64::MAX] {
                let next = steered(now, passed, wall);
                assert!(next >= now, "{now} -> {next} after {passed} with {wall}");
                now = next;
            }
        }
    }
}
