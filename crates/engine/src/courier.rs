//! The courier: reads the log for every subscription and posts callbacks, in order per conversation.
//!
//! Each subscription has a task and a cursor. A page of events is split into lanes, one a conversation, which run
//! side by side. A callback that fails parks its conversation: the cursor moves on, and the parked lane is tried
//! again from its first undelivered event. What is given up becomes a dead letter, an event of its own, and its
//! lane moves on. The healthy path writes only cursor advances.

mod facts;
mod post;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::command::admin::SaveCursor;
use domain::event::Event;
use domain::id::{ConversationId, SubscriptionId, TenantId};
use domain::record::Key;
use domain::subscription::{Cursor, Parked, Subscription};
use domain::time::Time;
use futures_util::StreamExt as _;
use tokio::task::{AbortHandle, JoinSet};

use crate::dialect::Dialect;
use crate::engine::{Engine, stopped};
use crate::level::Level;
use post::{Delivered, Post};

/// Events read at once.
const PAGE: usize = 256;
/// Positions a cursor may lag behind when nothing was delivered.
const LAG_MAX: u64 = 2_000;
/// Longest time for which a cursor is kept in memory alone.
const SAVE_MS_MAX: i64 = 3_600_000;
/// Before the store is asked again after it failed.
const UNAVAILABLE_MS: i64 = 1_000;

/// Keeps one task per enabled subscription until the engine stops.
pub(crate) async fn run(engine: Engine) {
    let stopping = engine.stopping();
    let changed = engine.directory_changed();
    // Ordered, so that routes start in an order that can be replayed.
    let mut running: BTreeMap<(TenantId, SubscriptionId), (Arc<Subscription>, AbortHandle)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
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
                let route = Route { engine: engine.clone(), subscription: subscription.clone(), dialect };
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

type LaneName = Option<ConversationId>;
/// Where a lane waits on, if it does, and what it gave up on the way.
type LaneEnd = (Option<Parked>, Vec<(u64, Arc<str>)>);

/// How far a subscription is, and what of it the store does not know yet.
struct Progress {
    cursor: Cursor,
    /// What was given up and is not in the log yet: position and why.
    dead: Vec<(u64, Arc<str>)>,
    /// Something is to be kept now.
    changed: bool,
    saved_position: u64,
    saved_at: Time,
}

impl Progress {
    /// When an idle cursor that moved in memory alone is to be kept: the keeper judges by what is kept how far a
    /// subscription is behind.
    fn save_at(&self) -> Time {
        let moved = self.cursor.position > self.saved_position;
        if moved { self.saved_at.plus_ms(SAVE_MS_MAX) } else { Time::NEVER }
    }
}

/// One subscription's way through the log.
struct Route {
    engine: Engine,
    subscription: Arc<Subscription>,
    dialect: Arc<dyn Dialect>,
}

impl Route {
    async fn run(self) {
        let (stopping, log) = (self.engine.stopping(), self.engine.log());
        let Some(cursor) = self.load(&stopping).await else {
            return;
        };
        let (saved_position, saved_at) = (cursor.position, self.engine.now());
        let mut progress = Progress { cursor, dead: Vec::new(), changed: false, saved_position, saved_at };
        loop {
            let mut busy = self.advance(&mut progress).await;
            if stopping.height() > 0 {
                return self.save(&mut progress).await;
            }
            busy |= self.retry_parked(&mut progress).await;
            if progress.changed {
                self.save(&mut progress).await;
            }
            if busy {
                continue;
            }
            let parked = progress.cursor.parked.iter().map(|parked| parked.next_at);
            let unsaved = progress.changed.then(|| self.engine.now().plus_ms(UNAVAILABLE_MS));
            let next = parked.chain(unsaved).fold(progress.save_at(), Time::min);
            let position = progress.cursor.position;
            tokio::select! {
                biased;
                () = stopped(&stopping) => {}
                () = log.above(position) => {}
                () = self.engine.parts().clock.wait_until(next) => {}
            }
        }
    }

    async fn load(&self, stopping: &Level) -> Option<Cursor> {
        let key = Key::id::<Cursor>(self.subscription.tenant, self.subscription.id.0);
        loop {
            match self.engine.row::<Cursor>(key.clone()).await {
                Ok(cursor) => return cursor.map(Arc::unwrap_or_clone),
                Err(error) => tracing::warn!(%error, "a cursor could not be read"),
            }
            let again = self.engine.parts().clock.wait_until(self.engine.now().plus_ms(UNAVAILABLE_MS));
            tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                () = again => {}
            }
        }
    }

    /// Delivers one page of the log. Says whether there may be more.
    async fn advance(&self, progress: &mut Progress) -> bool {
        let cursor = &mut progress.cursor;
        let tenant = self.subscription.tenant;
        // Read before the page: what is committed after the page was read lies behind this head.
        let head = self.engine.position();
        let page = match self.engine.events(tenant, cursor.position, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "the log could not be read");
                self.engine.parts().clock.wait_until(self.engine.now().plus_ms(UNAVAILABLE_MS)).await;
                return true;
            }
        };
        let full = page.len() == PAGE;
        let last = page.last().map_or(cursor.position, |event| event.position);
        let heard: Vec<Event> = page.into_iter().filter(|event| self.hears(event)).collect();
        let delivered = !heard.is_empty();
        self.deliver_page(cursor, heard).await;
        // A short page was all there was for this tenant up to the head.
        cursor.position = if full { last } else { last.max(head) };
        let lags = cursor.position > progress.saved_position + LAG_MAX;
        progress.changed |= delivered || lags || self.engine.now() >= progress.save_at();
        full
    }

    fn hears(&self, event: &Event) -> bool {
        let ours =
            self.subscription.app.is_none() || event.app.is_none() || event.app == self.subscription.app;
        ours && self.dialect.hears(&self.subscription, event)
    }

    async fn deliver_page(&self, cursor: &mut Cursor, heard: Vec<Event>) {
        let mut lanes: Vec<(LaneName, Vec<Event>)> = Vec::new();
        for event in heard {
            if cursor.parked.iter().any(|parked| parked.conversation == event.conversation) {
                continue;
            }
            match lanes.iter_mut().find(|(lane, _)| *lane == event.conversation) {
                Some((_, events)) => events.push(event),
                None => lanes.push((event.conversation, vec![event])),
            }
        }
        let open_max = self.engine.parts().limits.open_callbacks_max;
        let parked: Vec<Option<Parked>> = futures_util::stream::iter(lanes)
            .map(|(lane, events)| self.deliver_lane(lane, events))
            .buffer_unordered(open_max)
            .collect()
            .await;
        cursor.parked.extend(parked.into_iter().flatten());
    }

    /// Delivers a lane's events in order; the first failure parks it.
    async fn deliver_lane(&self, lane: LaneName, events: Vec<Event>) -> Option<Parked> {
        for event in events {
            let position = event.position;
            if self.engine.is_stopping() {
                let next_at = self.engine.now();
                return Some(Parked { next_at, ..self.park(lane, position, 0, Vec::new()) });
            }
            match self.post().event(event, &[]).await {
                Delivered::Yes => {}
                Delivered::NotTried => return Some(self.park(lane, position, 0, Vec::new())),
                Delivered::Failed { body, .. } => return Some(self.park(lane, position, 1, body)),
            }
        }
        None
    }

    fn post(&self) -> Post<'_> {
        Post { engine: &self.engine, subscription: &self.subscription, dialect: &*self.dialect }
    }

    fn park(&self, conversation: LaneName, position: u64, attempts: u32, body: Vec<u8>) -> Parked {
        let now = self.engine.now();
        let next_at = now.plus_ms(self.delay_ms(attempts));
        Parked { conversation, position, attempts, first_failed_at: now, next_at, body }
    }

    /// Before the next try, after so many.
    fn delay_ms(&self, attempts: u32) -> i64 {
        let delays_ms = self.dialect.patience(&self.subscription).delays_ms;
        let place =
            (attempts as usize).checked_sub(1).map(|place| place.min(delays_ms.len().saturating_sub(1)));
        place.and_then(|place| delays_ms.get(place).copied()).unwrap_or(UNAVAILABLE_MS)
    }

    /// Tries parked lanes whose time has come. Says whether any was.
    async fn retry_parked(&self, progress: &mut Progress) -> bool {
        let cursor = &mut progress.cursor;
        let now = self.engine.now();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut cursor.parked).into_iter().partition(|parked| parked.next_at <= now);
        cursor.parked = later;
        if due.is_empty() {
            return false;
        }
        let position = cursor.position;
        let open_max = self.engine.parts().limits.open_callbacks_max;
        let ended: Vec<LaneEnd> = futures_util::stream::iter(due)
            .map(|parked| self.retry_lane(parked, position))
            .buffer_unordered(open_max)
            .collect()
            .await;
        for (parked, given_up) in ended {
            cursor.parked.extend(parked);
            progress.dead.extend(given_up);
        }
        progress.changed = true;
        true
    }

    /// Goes on with a parked lane up to where the cursor stands.
    async fn retry_lane(&self, mut parked: Parked, until: u64) -> LaneEnd {
        let mut dead = Vec::new();
        let mut from = parked.position.saturating_sub(1);
        loop {
            let Ok(page) = self.engine.events(self.subscription.tenant, from, PAGE).await else {
                parked.next_at = self.engine.now().plus_ms(UNAVAILABLE_MS);
                return (Some(parked), dead);
            };
            let full = page.len() == PAGE;
            from = page.last().map_or(until, |event| event.position);
            for event in page {
                if event.position > until {
                    return (None, dead);
                }
                if event.conversation != parked.conversation || !self.hears(&event) {
                    continue;
                }
                let first = event.position == parked.position;
                if !first {
                    parked = Parked { position: event.position, attempts: 0, body: Vec::new(), ..parked };
                }
                if let Some(waits) = self.retry_one(&mut parked, event, &mut dead).await {
                    return (Some(waits), dead);
                }
            }
            if !full || from >= until {
                return (None, dead);
            }
        }
    }

    /// One event of a parked lane: `Some` when the lane waits on, `None` when it moves on.
    async fn retry_one(
        &self,
        parked: &mut Parked,
        event: Event,
        dead: &mut Vec<(u64, Arc<str>)>,
    ) -> Option<Parked> {
        let now = self.engine.now();
        let (position, body) = (event.position, std::mem::take(&mut parked.body));
        let (body, why, final_word) = match self.post().event(event.clone(), &body).await {
            Delivered::Yes => return None,
            Delivered::NotTried => {
                return Some(Parked { next_at: now.plus_ms(UNAVAILABLE_MS), body, ..parked.clone() });
            }
            Delivered::Failed { body, why, final_word } => (body, why, final_word),
        };
        if parked.attempts == 0 {
            parked.first_failed_at = now;
        }
        parked.attempts += 1;
        let patience = self.dialect.patience(&self.subscription);
        let tired = patience.tries_max > 0 && parked.attempts >= patience.tries_max;
        if final_word || tired || now.since_ms(parked.first_failed_at) >= patience.give_up_after_ms {
            if !self.post().carried_in_vain(&event).await {
                return Some(Parked { next_at: now.plus_ms(UNAVAILABLE_MS), body, ..parked.clone() });
            }
            metrics::counter!("trunkline_dead_letters_total").increment(1);
            tracing::warn!(subscription = self.subscription.id.ulid(), position, "a callback was given up");
            dead.push((position, why));
            return None;
        }
        Some(Parked { next_at: now.plus_ms(self.delay_ms(parked.attempts)), body, ..parked.clone() })
    }

    /// A cursor that is behind repeats callbacks; it never loses one. What was given up is told once it can be.
    async fn save(&self, progress: &mut Progress) {
        let (tenant, subscription) = (self.subscription.tenant, self.subscription.id);
        let (cursor, dead) = (progress.cursor.clone(), progress.dead.clone());
        let position = cursor.position;
        if self.engine.conclude(SaveCursor { tenant, subscription, cursor, dead }).await.is_ok() {
            progress.dead.clear();
            progress.changed = false;
            (progress.saved_position, progress.saved_at) = (position, self.engine.now());
        } else {
            tracing::warn!("a cursor could not be saved");
        }
    }
}
