//! The system's clock behind the core's port: wall time, and waiting by the monotonic timer.
//!
//! A deadline is turned into a duration once and then waited for monotonically, so a jump of the wall clock
//! neither expires nor delays what is waited for already; long waits are cut and looked at again.

use std::time::Duration;

use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::Clock;

/// Longest single wait, in milliseconds.
const WAIT_MS_MAX: i64 = 3_600_000;

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Time(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }

    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()> {
        let wait_ms = until.since_ms(self.now()).clamp(0, WAIT_MS_MAX);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())))
    }
}
