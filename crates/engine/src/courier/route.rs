//! One subscription's way through the log: the cursor moves on, lanes that failed wait and come up again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::command::route::{DeadLetter, DisableSubscription, Disabling, SaveRoute};
use domain::event::{Event, Fact};
use domain::record::Key;
use domain::subscription::{Callback, CallbackLane, CallbackPage, Cursor, FirstTry, Parked, Subscription};
use domain::time::Time;
use futures_util::StreamExt as _;

use super::UNAVAILABLE_MS;
use super::breaker::{self, Pass};
use super::lane::{Lane, LaneEnd};
use super::pace::Pace;
use crate::breaker::Breaker;
use crate::cache::Ahead;
use crate::dialect::Dialect;
use crate::engine::{Engine, stopped};
use crate::level::Level;

/// Callbacks between two saves: what a crash repeats, and what parked lanes wait for. A quick endpoint gets the more at
/// once, for a page ends with its slowest callback; a slow or paced one the fewer.
const STRIDE: std::ops::RangeInclusive<usize> = 64..=1_024;
const STRIDE_FIRST: usize = 256;
/// A full page that took less than the first doubles the stride, one that took more than the second halves it.
const STRIDE_MS: std::ops::RangeInclusive<i64> = 250..=1_000;
/// Parked lanes tried at once.
const PARKED: usize = 256;
/// Positions a cursor may lag behind when nothing was delivered.
const LAG_MAX: u64 = 2_000;
/// Longest time for which a cursor is kept in memory alone.
const SAVE_MS_MAX: i64 = 3_600_000;
/// An endpoint that took nothing for so long is switched off, in milliseconds: five days, longer than the patience
/// with any one callback.
const FAILING_MS_MAX: i64 = 5 * 86_400_000;
/// So many tries must have failed meanwhile: a quiet endpoint is not a broken one.
const FAILURES_MIN: u32 = 10;

/// One subscription's way through the log.
pub(super) struct Route {
    pub engine: Engine,
    pub subscription: Arc<Subscription>,
    pub dialect: Arc<dyn Dialect>,
    pub pace: Arc<Pace>,
}

/// How many callbacks lie between two saves.
struct Stride(usize);

impl Default for Stride {
    fn default() -> Stride {
        Stride(STRIDE_FIRST)
    }
}

impl Stride {
    /// Follows how long so many callbacks took.
    fn follow(&mut self, callbacks: usize, took_ms: i64) {
        if took_ms > *STRIDE_MS.end() {
            self.0 = (self.0 / 2).max(*STRIDE.start());
        } else if callbacks >= self.0 && took_ms < *STRIDE_MS.start() {
            self.0 = (self.0 * 2).min(*STRIDE.end());
        }
    }
}

/// How far a subscription is, and what of it the store does not know yet.
#[derive(Default)]
struct Progress {
    cursor: Cursor,
    stride: Stride,
    waiting: Waiting,
    unsaved: Unsaved,
    /// Something is to be kept now.
    changed: bool,
    breaker: Breaker,
    /// Failed tries since something was taken.
    failures: u32,
    saved_position: u64,
    saved_at: Time,
}

/// What changed since the last save.
#[derive(Default)]
struct Unsaved {
    lanes: BTreeSet<CallbackLane>,
    callbacks: Vec<Callback>,
    taken: Vec<FirstTry>,
    dead: Vec<DeadLetter>,
}

/// Parked lanes by name and by when they come up.
#[derive(Default)]
struct Waiting {
    lanes: BTreeMap<CallbackLane, Parked>,
    due: BTreeSet<(Time, CallbackLane)>,
}

impl Waiting {
    /// Takes in a lane that is not here.
    fn put(&mut self, parked: Parked) {
        self.due.insert((parked.next_at, parked.lane));
        self.lanes.insert(parked.lane, parked);
    }

    /// Takes out a lane whose time has come.
    fn take(&mut self, now: Time) -> Option<Parked> {
        let (_, lane) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.pop_first();
        self.lanes.remove(&lane)
    }

    fn next_at(&self) -> Time {
        self.due.first().map_or(Time::NEVER, |(at, _)| *at)
    }
}

impl Progress {
    /// When an idle cursor that moved in memory alone is to be kept: the keeper judges by what is kept how far a
    /// subscription is behind.
    fn save_at(&self) -> Time {
        let moved = self.cursor.position > self.saved_position;
        if moved { self.saved_at.plus_ms(SAVE_MS_MAX) } else { Time::NEVER }
    }

    /// When a lane may be tried next.
    fn next_at(&self, now: Time) -> Time {
        let next_at = self.waiting.next_at();
        match breaker::pass(&self.breaker, now) {
            Pass::NotBefore(until) => next_at.max(until),
            Pass::All | Pass::Probe => next_at,
        }
    }

    /// Takes over how a lane's turn ended.
    fn ended(&mut self, end: LaneEnd, patience_ms: i64, now: Time) {
        match end.works {
            Some(true) => {
                self.breaker.answered();
            }
            Some(false) if breaker::failed(&mut self.breaker, patience_ms, now) => {
                metrics::counter!("trunkline_endpoint_breakers_total").increment(1);
            }
            Some(false) | None => {}
        }
        if let Some(parked) = end.parked {
            self.unsaved.lanes.insert(parked.lane);
            self.waiting.put(parked);
        } else if end.was_parked {
            self.unsaved.lanes.insert(end.lane);
        }
        if end.something_taken {
            (self.cursor.failing_since, self.failures) = (None, 0);
        } else if end.something_failed {
            self.cursor.failing_since.get_or_insert(now);
            self.failures += 1;
        }
        self.unsaved.callbacks.extend(end.callbacks);
        self.unsaved.taken.extend(end.taken);
        self.unsaved.dead.extend(end.dead);
        self.changed = true;
    }
}

impl Route {
    pub async fn run(self) {
        let (stopping, log) = (self.engine.stopping(), self.engine.log());
        let Some(mut progress) = self.load(&stopping).await else {
            return;
        };
        loop {
            if !self.may_go_on(&stopping).await {
                return;
            }
            let mut busy = self.advance(&mut progress).await;
            progress.changed |= stopping.height() > 0 && progress.cursor.position > progress.saved_position;
            self.save(&mut progress).await;
            if stopping.height() > 0 {
                return;
            }
            // What a lane's tries were is read from the store: one whose last try is not kept does not come up.
            if !progress.changed {
                busy |= self.retry_parked(&mut progress).await;
                self.save(&mut progress).await;
            }
            if self.has_failed_for_too_long(&progress) && self.disable(&progress).await {
                return;
            }
            if busy {
                continue;
            }
            let unsaved = progress.changed.then(|| self.engine.now().plus_ms(UNAVAILABLE_MS));
            let next = unsaved
                .into_iter()
                .fold(progress.save_at().min(progress.next_at(self.engine.now())), Time::min);
            let position = progress.cursor.position;
            tokio::select! {
                biased;
                () = stopped(&stopping) => {}
                () = log.above(position) => {}
                () = self.engine.parts().clock.wait_until(next) => {}
            }
        }
    }

    /// A route whose callbacks are hand-overs waits as long as delivery is paused. `false`: until the engine stopped.
    async fn may_go_on(&self, stopping: &Level) -> bool {
        if self.subscription.carries.is_none() {
            return true;
        }
        tokio::select! {
            biased;
            () = self.engine.delivery_hold().is_other_than(true) => true,
            () = stopped(stopping) => false,
        }
    }

    async fn load(&self, stopping: &Level) -> Option<Progress> {
        loop {
            match self.read().await {
                Ok(progress) => return progress,
                Err(error) => tracing::warn!(%error, "where a subscription stands could not be read"),
            }
            let again = self.engine.parts().clock.wait_until(self.engine.now().plus_ms(UNAVAILABLE_MS));
            tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                () = again => {}
            }
        }
    }

    async fn read(&self) -> Result<Option<Progress>, ports::Error> {
        let (tenant, id) = (self.subscription.tenant, self.subscription.id);
        let Some(cursor) = self.engine.row::<Cursor>(Key::id::<Cursor>(tenant, id.0)).await? else {
            return Ok(None);
        };
        let mut progress = Progress { cursor: *cursor, ..Progress::default() };
        (progress.saved_position, progress.saved_at) = (cursor.position, self.engine.now());
        self.take_in_new_lanes(&mut progress).await?;
        Ok(Some(progress))
    }

    /// Lanes in the store that memory does not know: all at the start, later those of a replay.
    async fn take_in_new_lanes(&self, progress: &mut Progress) -> Result<(), ports::Error> {
        let parked = self.engine.parked(self.subscription.tenant, self.subscription.id).await?;
        for parked in parked {
            let known = progress.waiting.lanes.contains_key(&parked.lane)
                || progress.unsaved.lanes.contains(&parked.lane);
            if !known {
                progress.waiting.put(Arc::unwrap_or_clone(parked));
            }
        }
        Ok(())
    }

    /// Delivers one page of what the log has for this subscription. Says whether there may be more.
    async fn advance(&self, progress: &mut Progress) -> bool {
        let replay = |event: &Event| matches!(event.fact, Fact::ReplayOrdered { subscription, .. } if subscription == self.subscription.id);
        let wanted = |event: &Event| self.hears(event) || replay(event);
        let (tenant, from) = (self.subscription.tenant, progress.cursor.position);
        let sifted = match self.engine.sift(tenant, from, progress.stride.0, wanted).await {
            Ok(sifted) => sifted,
            Err(error) => {
                tracing::warn!(%error, "the log could not be read");
                self.engine.parts().clock.wait_until(self.engine.now().plus_ms(UNAVAILABLE_MS)).await;
                return true;
            }
        };
        if sifted.events.iter().any(replay)
            && let Err(error) = self.take_in_new_lanes(progress).await
        {
            tracing::warn!(%error, "a replay could not be read; it is read again");
            self.engine.parts().clock.wait_until(self.engine.now().plus_ms(UNAVAILABLE_MS)).await;
            return true;
        }
        let told =
            |event: &Event| self.hears(event) && self.dialect.concerns(event, &self.engine.near(event));
        let heard: Vec<Event> = sifted.events.into_iter().filter(told).collect();
        let (count, began) = (heard.len(), self.engine.now());
        if count > 0 {
            self.deliver_page(progress, heard).await;
        }
        progress.stride.follow(count, self.engine.now().since_ms(began));
        progress.cursor.position = sifted.through;
        let lags = progress.cursor.position > progress.saved_position + LAG_MAX;
        progress.changed |= lags || self.engine.now() >= progress.save_at();
        sifted.more
    }

    pub fn hears(&self, event: &Event) -> bool {
        let ours =
            self.subscription.app.is_none() || event.app.is_none() || event.app == self.subscription.app;
        ours && self.dialect.hears(&self.subscription, event)
    }

    fn lane_of(&self, event: &Event) -> CallbackLane {
        if self.subscription.parallel {
            CallbackLane::Single(event.position)
        } else {
            CallbackLane::Conversation(event.conversation)
        }
    }

    /// Delivers a page's events, lanes side by side; those of parked lanes queue up there.
    async fn deliver_page(&self, progress: &mut Progress, heard: Vec<Event>) {
        let mut lanes: Vec<(CallbackLane, Vec<Event>)> = Vec::new();
        let mut places: BTreeMap<CallbackLane, usize> = BTreeMap::new();
        for event in heard {
            let lane = self.lane_of(&event);
            if let Some(parked) = progress.waiting.lanes.get_mut(&lane) {
                parked.push(event.position);
                progress.unsaved.lanes.insert(lane);
                progress.changed = true;
                continue;
            }
            let place = *places.entry(lane).or_insert_with(|| {
                lanes.push((lane, Vec::new()));
                lanes.len() - 1
            });
            lanes[place].1.push(event);
        }
        let now = self.engine.now();
        let shut_until = match breaker::pass(&progress.breaker, now) {
            Pass::All => None,
            Pass::Probe => Some(now),
            Pass::NotBefore(until) => Some(until),
        };
        if let Some(until) = shut_until {
            let (patience_ms, none) = (self.patience_ms(), Ahead::default());
            for (lane, events) in lanes {
                let end = Lane::fresh(self, &none, lane).hold(&events, until);
                progress.ended(end, patience_ms, now);
            }
            return;
        }
        // What cannot be read ahead is read one by one, and fails one by one.
        let events = lanes.iter().flat_map(|(_, events)| events);
        let ahead = self.engine.facts_ahead(events).await.unwrap_or_default();
        let turns = lanes.into_iter().map(|(lane, events)| Lane::fresh(self, &ahead, lane).deliver(events));
        self.run_lanes(progress, turns).await;
    }

    /// Tries parked lanes whose time has come. Says whether any was.
    async fn retry_parked(&self, progress: &mut Progress) -> bool {
        let now = self.engine.now();
        let (until, ahead) = (progress.cursor.position, Ahead::default());
        let mut turns = Vec::new();
        let most = match breaker::pass(&progress.breaker, now) {
            Pass::All => PARKED,
            Pass::Probe => 1,
            Pass::NotBefore(_) => 0,
        };
        while turns.len() < most
            && let Some(parked) = progress.waiting.take(now)
        {
            turns.push(Lane::parked(self, &ahead, parked).go_on(until));
        }
        let any = !turns.is_empty();
        self.run_lanes(progress, turns.into_iter()).await;
        any
    }

    /// Each turn is begun when there is room for it: a page of them would be large.
    async fn run_lanes(
        &self,
        progress: &mut Progress,
        turns: impl Iterator<Item = impl Future<Output = LaneEnd>>,
    ) {
        let open_max = self.engine.parts().limits.open_callbacks_max;
        let patience_ms = self.patience_ms();
        let mut ends = futures_util::stream::iter(turns).buffer_unordered(open_max);
        while let Some(end) = ends.next().await {
            progress.ended(end, patience_ms, self.engine.now());
        }
    }

    /// For how long one callback is tried.
    fn patience_ms(&self) -> i64 {
        self.dialect.patience(&self.subscription).give_up_after_ms
    }

    /// Until when what became of a callback is kept: as long as the log.
    pub fn kept_until(&self) -> Time {
        self.engine.now().plus_ms(self.engine.parts().limits.log_kept_s.saturating_mul(1_000))
    }

    /// A cursor that is behind repeats callbacks; it never loses one. What was given up is told once it can be.
    async fn save(&self, progress: &mut Progress) {
        if !progress.changed {
            return;
        }
        let (tenant, subscription) = (self.subscription.tenant, self.subscription.id);
        let unsaved = &mut progress.unsaved;
        unsaved.taken.sort_by_key(|one| one.position);
        let callbacks = unsaved.taken.clone();
        let page = CallbackPage { subscription, callbacks, kept_until: self.kept_until() };
        let lanes = unsaved.lanes.iter().map(|lane| (*lane, progress.waiting.lanes.get(lane).cloned()));
        let save = SaveRoute {
            tenant,
            subscription,
            cursor: progress.cursor,
            lanes: lanes.collect(),
            callbacks: unsaved.callbacks.clone(),
            page: (!page.callbacks.is_empty()).then_some(page),
            dead: unsaved.dead.clone(),
        };
        if self.engine.conclude(save).await.is_ok() {
            progress.unsaved = Unsaved::default();
            progress.changed = false;
            (progress.saved_position, progress.saved_at) = (progress.cursor.position, self.engine.now());
        } else {
            tracing::warn!("how far a subscription is could not be saved");
        }
    }

    fn has_failed_for_too_long(&self, progress: &Progress) -> bool {
        let since = progress.cursor.failing_since;
        progress.failures >= FAILURES_MIN
            && since.is_some_and(|since| self.engine.now().since_ms(since) >= FAILING_MS_MAX)
    }

    /// Switches the subscription off; what it did not take stays parked. Says whether that could be kept.
    async fn disable(&self, progress: &Progress) -> bool {
        let (tenant, subscription) = (self.subscription.tenant, self.subscription.id);
        let since = progress.cursor.failing_since.unwrap_or_default();
        tracing::warn!(
            subscription = subscription.ulid(),
            "an endpoint took nothing for too long and is disabled"
        );
        metrics::counter!("trunkline_endpoints_disabled_total").increment(1);
        let why = Disabling::Failing(since);
        self.engine.conclude(DisableSubscription { tenant, subscription, why }).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_endpoint_gets_more_callbacks_at_once_and_a_slow_one_fewer() {
        let mut stride = Stride::default();
        let mut after = |callbacks, took_ms| {
            stride.follow(callbacks, took_ms);
            stride.0
        };
        // A page that is not full says nothing of what more would take.
        assert_eq!([after(255, 0), after(256, 250), after(256, 1_000)], [256; 3]);
        assert_eq!([after(256, 249), after(512, 0), after(1_024, 0)], [512, 1_024, 1_024]);
        let slow =
            [after(3, 1_001), after(512, 9_000), after(256, 9_000), after(128, 9_000), after(64, 9_000)];
        assert_eq!(slow, [512, 256, 128, 64, 64]);
    }
}
