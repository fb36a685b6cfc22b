//! How callbacks went: where a subscription stands, what waits, what was tried, what was given up, what is asked for
//! again. Only the engine's courier saves routes.

use std::sync::Arc;

use super::Command;
use crate::event::{Event, Fact};
use crate::id::{ConversationId, SubscriptionId, TenantId};
use crate::record::Key;
use crate::subscription::{Callback, CallbackLane, CallbackPage, Cursor, Parked, Subscription, WAITING_MAX};
use crate::time::Time;
use crate::view::{About, Halt, View};

/// Saves what changed on a subscription's route. A subscription that is gone keeps nothing.
#[derive(Clone, Debug)]
pub struct SaveRoute {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    pub cursor: Cursor,
    /// Lanes that changed; `None`: free again.
    pub lanes: Vec<(CallbackLane, Option<Parked>)>,
    pub callbacks: Vec<Callback>,
    /// What was taken at the first try.
    pub page: Option<CallbackPage>,
    pub dead: Vec<DeadLetter>,
}

/// A callback that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub event: Event,
    pub why: Arc<str>,
}

impl Command for SaveRoute {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        let (tenant, subscription) = (self.tenant, self.subscription);
        let key = Key::id::<Cursor>(tenant, subscription.0);
        let lanes =
            self.lanes.iter().map(|(lane, parked)| (Parked::key(tenant, subscription, *lane), parked));
        let lanes: Vec<_> = lanes.collect();
        let callbacks = self.callbacks.iter();
        let callbacks: Vec<_> =
            callbacks.map(|one| (Callback::key(tenant, subscription, one.position), one)).collect();
        let last = self.page.as_ref().and_then(|page| Some((page, page.callbacks.last()?.position)));
        let page = last.map(|(page, last)| (CallbackPage::key(tenant, subscription, last), page));
        let mut keys = vec![key.clone()];
        keys.extend(lanes.iter().map(|(key, _)| key.clone()));
        keys.extend(callbacks.iter().map(|(key, _)| key.clone()));
        keys.extend(page.iter().map(|(key, _)| key.clone()));
        view.want(&keys)?;
        if view.get::<Cursor, Self::Refusal>(&key)?.is_none() {
            return Ok(());
        }
        view.put(key, self.cursor);
        for (key, parked) in lanes {
            match parked {
                Some(parked) => view.put(key, parked.clone()),
                None => view.delete(key),
            }
        }
        callbacks.into_iter().for_each(|(key, callback)| view.put(key, callback.clone()));
        page.into_iter().for_each(|(key, page)| view.put(key, page.clone()));
        for DeadLetter { event, why } in &self.dead {
            let Event { app, contact, conversation, message, position, .. } = *event;
            let about = About { app, contact, conversation, message };
            view.emit(tenant, about, Fact::DeadLetter { subscription, position, why: why.clone() });
        }
        Ok(())
    }
}

/// Why a subscription is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabling {
    /// The log that it still has to hear must be cut.
    Behind,
    /// Its endpoint has taken nothing since then.
    Failing(Time),
}

/// Switches a subscription off; says so in the log.
#[derive(Clone, Debug)]
pub struct DisableSubscription {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    pub why: Disabling,
}

impl Command for DisableSubscription {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        let (tenant, subscription) = (self.tenant, self.subscription);
        let key = Key::id::<Subscription>(tenant, subscription.0);
        let found = view.get::<Subscription, Self::Refusal>(&key)?;
        if let Some(found) = found.filter(|found| found.enabled) {
            let about = About { app: found.app, ..About::default() };
            view.put(key, Subscription { enabled: false, ..Subscription::clone(&found) });
            let fact = match self.why {
                Disabling::Behind => Fact::SubscriptionDisabled { subscription },
                Disabling::Failing(failing_since) => Fact::EndpointDisabled { subscription, failing_since },
            };
            view.emit(tenant, about, fact);
        }
        Ok(())
    }
}

/// Asks for callbacks again, each conversation's in order and beside what is delivered otherwise. Answers with how
/// many; none for a subscription that is gone.
#[derive(Clone, Debug)]
pub struct OrderReplay {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    /// Positions by conversation, in order. [`WAITING_MAX`] of one at most; those behind are left out.
    pub wanted: Vec<(Option<ConversationId>, Vec<u64>)>,
}

impl Command for OrderReplay {
    type Answer = u64;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<u64, Halt<Self::Refusal>> {
        let (tenant, subscription) = (self.tenant, self.subscription);
        let key = Key::id::<Subscription>(tenant, subscription.0);
        let Some(found) = view.get::<Subscription, Self::Refusal>(&key)? else {
            return Ok(0);
        };
        let (order, now) = (view.next_id(), view.now());
        let mut callbacks = 0;
        for (conversation, positions) in &self.wanted {
            let waiting: Vec<u64> = positions.iter().copied().take(WAITING_MAX).collect();
            if waiting.is_empty() {
                continue;
            }
            callbacks += waiting.len() as u64;
            let lane = CallbackLane::Replay(order, *conversation);
            let key = Parked::key(tenant, subscription, lane);
            view.is_new(key.clone());
            let parked = Parked {
                subscription,
                lane,
                waiting,
                more_after: None,
                attempts: 0,
                first_failed_at: now,
                next_at: now,
            };
            view.put(key, parked);
        }
        if callbacks > 0 {
            let about = About { app: found.app, ..About::default() };
            view.emit(tenant, about, Fact::ReplayOrdered { subscription, callbacks });
        }
        Ok(callbacks)
    }
}
