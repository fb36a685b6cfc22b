//! Whether messages are handed over: the operator can pause that, and a restored server begins paused.
//!
//! Everything else goes on: requests are accepted, messages queue up and expire, receipts are taken, callbacks told. What
//! a callback would carry to a subscriber waits as well. A hand-over that is open when the pause begins ends as it does.

use domain::command::server::{PauseDelivery, delivery_paused};
use domain::id::{AppId, TenantId};
use domain::record::{Counter, Key};
use ports::{Error, Store};

use crate::engine::{Engine, Failure};
use crate::level::Level;

/// Whether hand-overs are paused, and waiting for that to change.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// Rises with each change: odd while paused.
    switches: Level,
}

impl Hold {
    /// As the store has it.
    pub async fn load(store: &dyn Store) -> Result<Hold, Error> {
        let paused = store.load(vec![delivery_paused()]).await?.iter().any(|row| row.record.is_some());
        tell(paused);
        Ok(Hold { switches: Level::at(u64::from(paused)) })
    }

    pub fn is_on(&self) -> bool {
        self.switches.height() % 2 == 1
    }

    fn switch(&self, on: bool) {
        if self.is_on() != on {
            self.switches.rise(self.switches.height() + 1);
            tell(on);
        }
    }

    /// Returns when it is not as it was said to be.
    pub async fn is_other_than(&self, on: bool) {
        while self.is_on() == on {
            self.switches.above(self.switches.height()).await;
        }
    }
}

fn tell(paused: bool) {
    metrics::gauge!("trunkline_delivery_paused").set(if paused { 1.0 } else { 0.0 });
    if paused {
        tracing::warn!("delivery is paused: messages are accepted and wait until it is resumed");
    }
}

impl Engine {
    /// Whether no hand-over begins.
    pub fn delivery_is_paused(&self) -> bool {
        self.delivery_hold().is_on()
    }

    /// Lets no hand-over begin any more, also after a start, or lets them begin again. What an earlier process left open
    /// is then unknown, as after a crash.
    pub async fn pause_delivery(&self, paused: bool) -> Result<(), Failure<std::convert::Infallible>> {
        self.execute(PauseDelivery { paused }).await?;
        self.delivery_hold().switch(paused);
        Ok(())
    }

    /// How many of an app's messages wait to be handed over, or are being.
    pub async fn queued(&self, tenant: TenantId, app: AppId) -> Result<u64, Error> {
        let counter = self.row::<Counter>(Key::queue(tenant, app)).await?;
        Ok(counter.map_or(0, |counter| counter.0))
    }
}
