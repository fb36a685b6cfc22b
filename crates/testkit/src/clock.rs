//! A clock that stands until a test moves it.
//! Clones share the time; whoever waits is woken by the move that reaches its moment.

use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::Clock;
use tokio::sync::watch;

/// Time as the test says.
#[derive(Clone, Debug)]
pub struct FakeClock {
    now: watch::Sender<Time>,
}

impl FakeClock {
    /// A clock that stands at `now`.
    pub fn at(now: Time) -> FakeClock {
        FakeClock { now: watch::Sender::new(now) }
    }

    /// Moves time on.
    pub fn advance_ms(&self, ms: i64) {
        self.now.send_modify(|now| *now = now.plus_ms(ms));
    }

    /// Moves time to a moment; backwards too, as wall clocks do.
    pub fn set(&self, now: Time) {
        self.now.send_replace(now);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Time {
        *self.now.borrow()
    }

    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()> {
        // The sender is kept, so that a wait outlives the clock it came from without ending early.
        let clock = self.now.clone();
        Box::pin(async move {
            let mut seen = clock.subscribe();
            let _ = seen.wait_for(|now| *now >= until).await;
        })
    }

    fn go_on_after(&self, floor: Time) {
        self.now.send_if_modified(|now| {
            let behind = *now < floor;
            *now = floor.max(*now);
            behind
        });
    }
}
