//! Time from outside. Nothing in the core reads a clock of its own,
//! so that tests move time as they like.

use domain::time::Time;
use futures_util::future::BoxFuture;

/// Of the time that passes, the share by which a steady time may run faster or slower to meet the wall's: one in so
/// many.
const SLEW: i64 = 20;

/// Wall time and waiting. Within a process it runs as a monotonic timer does: a jump of the system's clock neither
/// expires nor delays anything.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
    /// Returns at or after `until`.
    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()>;
    /// Goes on from `floor`, unless it is later already: what an earlier process kept has happened, whatever the
    /// system's clock was set to since.
    fn go_on_after(&self, floor: Time);
}

/// A wall time that runs with a monotonic timer. What the wall says otherwise is taken up slowly, at a twentieth of the
/// time that passes. Nanoseconds, so that no reading loses any.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    ns: i64,
}

impl Steady {
    /// Begins with what the wall says.
    pub fn at_wall(wall_ns: i64) -> Steady {
        Steady { ns: wall_ns }
    }

    /// The time.
    pub fn time(self) -> Time {
        Time(self.ns.div_euclid(1_000_000))
    }

    /// The timer has gone on by `passed_ns`, and the wall says `wall_ns`.
    pub fn pass(&mut self, passed_ns: i64, wall_ns: i64) {
        let ns = self.ns.saturating_add(passed_ns);
        let most = passed_ns / SLEW;
        self.ns = ns.saturating_add(wall_ns.saturating_sub(ns).clamp(-most, most));
    }

    /// It is no earlier than this any more.
    pub fn go_on_after(&mut self, floor: Time) {
        self.ns = self.ns.max(floor.0.saturating_mul(1_000_000));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: i64 = 3_600_000_000_000;
    const SECOND_NS: i64 = 1_000_000_000;

    fn passed(mut time: Steady, passed_ns: i64, wall_ns: i64) -> i64 {
        time.pass(passed_ns, wall_ns);
        time.ns
    }

    #[test]
    fn a_jump_of_the_wall_clock_moves_the_time_by_a_twentieth_of_what_passes() {
        let (time, twentieth) = (Steady::at_wall(HOUR_NS), SECOND_NS / 20);
        assert_eq!(passed(time, SECOND_NS, 100 * HOUR_NS), HOUR_NS + SECOND_NS + twentieth);
        assert_eq!(passed(time, SECOND_NS, 0), HOUR_NS + SECOND_NS - twentieth);
    }

    #[test]
    fn a_small_difference_is_taken_up_whole() {
        let wall_ns = HOUR_NS + SECOND_NS + 7;
        assert_eq!(passed(Steady::at_wall(HOUR_NS), SECOND_NS, wall_ns), wall_ns);
    }

    #[test]
    fn the_time_never_goes_back() {
        let mut now = Steady::at_wall(5 * HOUR_NS);
        for passed_ns in [0, 1, 19, 20, 21, SECOND_NS, HOUR_NS] {
            for wall_ns in [i64::MIN, 0, now.ns, i64::MAX] {
                let before = now.ns;
                now.pass(passed_ns, wall_ns);
                assert!(now.ns >= before, "{before} -> {} after {passed_ns} with {wall_ns}", now.ns);
            }
        }
    }

    #[test]
    fn after_a_floor_the_time_goes_on_and_does_not_stand() {
        let mut now = Steady::at_wall(HOUR_NS);
        now.go_on_after(Time(7_200_000));
        assert_eq!(now.time(), Time(7_200_000));
        now.go_on_after(Time(0));
        now.pass(20 * SECOND_NS, HOUR_NS);
        assert_eq!(now.time(), Time(7_200_000 + 19_000));
    }
}
