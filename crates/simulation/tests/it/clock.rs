//! The virtual clock: wall time over the runtime's paused timer, which moves only when nothing else can run.
//!
//! Waiting is monotonic, as in production: a deadline becomes a duration once. Between two lives of the engine wall
//! time may jump.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::domain::time::Time;
use futures_util::future::BoxFuture;
use ports::Clock;
use tokio::time::Instant;

/// Longest single wait, in milliseconds, as in production.
const WAIT_MS_MAX: i64 = 3_600_000;

#[derive(Clone)]
pub struct VirtualClock(Arc<Mutex<Now>>);

struct Now {
    /// Wall time when this life began.
    began: Time,
    /// The timer of this life.
    origin: Option<Instant>,
}

impl Now {
    fn get(&self) -> Time {
        self.began.plus_ms(self.origin.map_or(0, |origin| origin.elapsed().as_millis() as i64))
    }
}

impl VirtualClock {
    pub fn at(began: Time) -> VirtualClock {
        VirtualClock(Arc::new(Mutex::new(Now { began, origin: None })))
    }

    /// A life begins: to be called within its runtime.
    pub fn begin(&self) {
        self.0.lock().unwrap().origin = Some(Instant::now());
    }

    /// The life ends.
    pub fn end(&self) {
        let mut now = self.0.lock().unwrap();
        now.began = now.get();
        now.origin = None;
    }

    /// Wall time is set, forwards or backwards.
    pub fn jump_ms(&self, ms: i64) {
        let mut now = self.0.lock().unwrap();
        now.began = now.began.plus_ms(ms);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        self.0.lock().unwrap().get()
    }

    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()> {
        let wait_ms = until.since_ms(self.now()).clamp(0, WAIT_MS_MAX);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())))
    }
}
