//! How fast callbacks of one app go out in a dialect that promises its subscribers a rate.

use std::sync::{Mutex, PoisonError};

use domain::content::Face;
use domain::id::AppId;

use crate::buckets::{Buckets, Rate};
use crate::engine::{Engine, stopped};

/// The buckets of all subscriptions together.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Buckets<(Face, AppId)>>);

impl Pace {
    /// Waits for a turn; 0 a second is no limit. `false`: the engine stops first.
    pub async fn turn(&self, engine: &Engine, of: (Face, AppId), per_second: u32) -> bool {
        let Some(rate) = Rate::new(per_second, 1_000, per_second) else { return true };
        let stopping = engine.stopping();
        loop {
            let now = engine.now();
            let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(of, rate, now);
            let Err(wait_ms) = taken else { return true };
            tokio::select! {
                biased;
                () = stopped(&stopping) => return false,
                () = engine.parts().clock.wait_until(now.plus_ms(wait_ms)) => {}
            }
        }
    }
}
