//! The virtual clock: the steady time that production has, over the runtime's paused timer, which moves only when
//! nothing else can run.
//!
//! Beside the timer there is a wall clock that somebody may set at any moment, within a life and between two.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::domain::time::Time;
use futures_util::future::BoxFuture;
use ports::Clock;
use ports::clock::Steady;
use tokio::time::Instant;

/// Longest single wait, in milliseconds, as in production.
const WAIT_MS_MAX: i64 = 3_600_000;

#[derive(Clone)]
pub struct VirtualClock(Arc<Mutex<Now>>);

struct Now {
    /// What the wall clock says, as of the last reading.
    wall_ns: i64,
    /// What the engine is told.
    time: Steady,
    /// The last reading; `None` between two lives.
    at: Option<Instant>,
}

impl Now {
    fn read(&mut self) -> Time {
        if let Some(at) = &mut self.at {
            let passed_ns = at.elapsed().as_nanos() as i64;
            *at = Instant::now();
            self.wall_ns += passed_ns;
            self.time.pass(passed_ns, self.wall_ns);
        }
        self.time.time()
    }
}

impl VirtualClock {
    pub fn at(began: Time) -> VirtualClock {
        let wall_ns = began.0 * 1_000_000;
        VirtualClock(Arc::new(Mutex::new(Now { wall_ns, time: Steady::at_wall(wall_ns), at: None })))
    }

    /// A life begins, with what the wall says: to be called within its runtime.
    pub fn begin(&self) {
        let mut now = self.0.lock().unwrap();
        now.time = Steady::at_wall(now.wall_ns);
        now.at = Some(Instant::now());
    }

    /// The life ends.
    pub fn end(&self) {
        let mut now = self.0.lock().unwrap();
        now.read();
        now.at = None;
    }

    /// The wall clock is set, forwards or backwards. The timer knows nothing of it.
    pub fn jump_ms(&self, ms: i64) {
        let mut now = self.0.lock().unwrap();
        now.read();
        now.wall_ns += ms * 1_000_000;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        self.0.lock().unwrap().read()
    }

    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()> {
        let wait_ms = until.since_ms(self.now()).clamp(0, WAIT_MS_MAX);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())))
    }

    fn go_on_after(&self, floor: Time) {
        self.0.lock().unwrap().time.go_on_after(floor);
    }
}
