//! The system's clock behind the core's port: a steady wall time, and waiting by the monotonic timer.
//! Long waits are cut and looked at again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::Clock;
use ports::clock::Steady;

/// Longest single wait, in milliseconds.
const WAIT_MS_MAX: i64 = 3_600_000;

/// The system's clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    reading: Arc<Mutex<Reading>>,
}

/// The last reading.
#[derive(Debug)]
struct Reading {
    at: Instant,
    time: Steady,
}

impl SystemClock {
    /// A clock that begins with what the system says.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
    pub fn start() -> SystemClock {
        let reading = Reading { at: Instant::now(), time: Steady::at_wall(wall_ns()) };
        SystemClock { reading: Arc::new(Mutex::new(reading)) }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
    fn now(&self) -> Time {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let passed_ns = i64::try_from((at - reading.at).as_nanos()).unwrap_or(i64::MAX);
        reading.at = at;
        reading.time.pass(passed_ns, wall_ns());
        reading.time.time()
    }

    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()> {
        let wait_ms = until.since_ms(self.now()).clamp(0, WAIT_MS_MAX);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())))
    }

    fn go_on_after(&self, floor: Time) {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).time.go_on_after(floor);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is given")]
fn wall_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
