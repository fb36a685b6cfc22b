//! The courier: reads the log for every subscription and posts callbacks, in order per conversation.
//!
//! Each subscription has a task and a cursor. A page of events is split into lanes, one a conversation, which run
//! side by side. A callback that fails parks its lane: the cursor moves on, later events of the lane queue behind,
//! and the lane is tried again from its first undelivered event. What is given up becomes a dead letter, an event of
//! its own, and its lane moves on. The healthy path writes a cursor and a row of what was answered, a page at a time.

mod breaker;
mod facts;
mod fate;
mod lane;
mod news;
mod pace;
mod post;
mod replay;
mod route;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::{SubscriptionId, TenantId};
use domain::record::{Entity, Key, Name};
use domain::subscription::{Parked, Subscription};
use tokio::task::{AbortHandle, JoinSet};

use crate::engine::{Engine, stopped};
pub use fate::Fate;
use pace::Pace;
pub use replay::{Found, Replay};
use route::Route;

/// Before the store is asked again after it failed.
const UNAVAILABLE_MS: i64 = 1_000;
/// Rows of parked lanes read at once.
const PARKED_PAGE: usize = 1_000;

/// Keeps one task per enabled subscription until the engine stops.
pub(crate) async fn run(engine: Engine) {
    let stopping = engine.stopping();
    let changed = engine.directory_changed();
    // Ordered, so that routes start in an order that can be replayed.
    let mut running: BTreeMap<(TenantId, SubscriptionId), (Arc<Subscription>, AbortHandle)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let pace = Arc::new(Pace::default());
    loop {
        let notified = changed.notified();
        let directory = engine.directory();
        let wanted: BTreeMap<_, _> = directory
            .subscriptions()
            .filter(|one| one.enabled)
            .map(|one| ((one.tenant, one.id), one.clone()))
            .collect();
        running.retain(|id, (subscription, task)| {
            let same = wanted.get(id) == Some(subscription);
            if !same {
                task.abort();
            }
            same
        });
        for (id, subscription) in wanted {
            if running.contains_key(&id) {
                continue;
            }
            let dialect = engine.parts().dialects.iter().find(|one| one.face() == subscription.dialect);
            if let Some(dialect) = dialect.cloned() {
                let (engine, pace) = (engine.clone(), pace.clone());
                let route = Route { engine, subscription: subscription.clone(), dialect, pace };
                running.insert(id, (subscription, tasks.spawn(route.run())));
            }
        }
        tokio::select! {
            biased;
            () = stopped(&stopping) => break,
            () = notified => {}
        }
    }
    tokio::select! {
        biased;
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = engine.patience_is_over() => tracing::warn!("open callbacks are left for the next start"),
    }
}

impl Engine {
    /// A subscription's parked lanes, in the order of their rows.
    pub async fn parked(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
    ) -> Result<Vec<Arc<Parked>>, ports::Error> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.rows_of::<Parked>(tenant, subscription, after.take(), PARKED_PAGE).await?;
            let full = page.len() == PARKED_PAGE;
            after = page.last().map(|(key, _)| key.clone());
            all.extend(page.into_iter().map(|(_, parked)| parked));
            if !full {
                return Ok(all);
            }
        }
    }

    /// A page of a subscription's rows of a kind whose names begin with its id, after the given one.
    pub(crate) async fn rows_of<E: Entity>(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Arc<E>)>, ports::Error> {
        let prefix = format!("{}/", subscription.ulid());
        let first = Key::text::<E>(tenant, &prefix);
        let ours = |key: &Key| {
            key.tenant == tenant && matches!(&key.name, Name::Text(name) if name.starts_with(&prefix))
        };
        let rows = self.parts().reads.rows_after(E::KIND, Some(after.unwrap_or(first)), limit).await?;
        let rows = rows.into_iter().take_while(|row| ours(&row.key));
        Ok(rows.filter_map(|row| Some((row.key, E::unwrap(row.record.as_ref()?)?))).collect())
    }
}
