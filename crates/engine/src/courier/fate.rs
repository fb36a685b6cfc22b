//! What became of one event's callback, read from where the subscription stands and what was recorded.

use std::sync::Arc;

use domain::event::Event;
use domain::id::TenantId;
use domain::record::Key;
use domain::subscription::{
    Callback, CallbackLane, CallbackPage, CallbackState, Cursor, FirstTry, Parked, Subscription,
};

use crate::engine::Engine;

/// What became of one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its turn has not come: the subscription is not that far, or its lane waits for an earlier one.
    Waiting,
    /// It was not taken at once; this is what was recorded, and the lane that waits for it now.
    Tried(Arc<Callback>, Option<Arc<Parked>>),
    Taken(FirstTry),
    /// There was nothing to tell, or what was recorded is forgotten by now.
    Over,
}

impl Engine {
    /// What became of an event that the subscription is one to hear.
    pub async fn fate(&self, subscription: &Subscription, event: &Event) -> Result<Fate, ports::Error> {
        let (tenant, id, position) = (subscription.tenant, subscription.id, event.position);
        if let Some(record) = self.row::<Callback>(Callback::key(tenant, id, position)).await? {
            let waits = match record.state {
                CallbackState::Retrying => self.lane_of(subscription, event).await?,
                CallbackState::Delivered | CallbackState::GivenUp => None,
            };
            return Ok(Fate::Tried(record, waits));
        }
        let cursor = self.get::<Cursor>(tenant, id.0).await?;
        let behind = cursor.is_none_or(|cursor| cursor.position < position);
        let parked = self.lane_of(subscription, event).await?;
        if behind || parked.is_some_and(|parked| parked.position() <= position) {
            return Ok(Fate::Waiting);
        }
        let taken = self.page_of(tenant, subscription, position).await?;
        Ok(taken.map_or(Fate::Over, Fate::Taken))
    }

    async fn lane_of(
        &self,
        subscription: &Subscription,
        event: &Event,
    ) -> Result<Option<Arc<Parked>>, ports::Error> {
        let lane = if subscription.parallel {
            CallbackLane::Single(event.position)
        } else {
            CallbackLane::Conversation(event.conversation)
        };
        self.row::<Parked>(Parked::key(subscription.tenant, subscription.id, lane)).await
    }

    async fn page_of(
        &self,
        tenant: TenantId,
        subscription: &Subscription,
        position: u64,
    ) -> Result<Option<FirstTry>, ports::Error> {
        let before = CallbackPage::key(tenant, subscription.id, position.saturating_sub(1));
        let pages = self.rows_of::<CallbackPage>(tenant, subscription.id, Some(before), 1).await?;
        let mut taken = pages.iter().flat_map(|(_, page)| &page.callbacks);
        Ok(taken.find(|one| one.position == position).copied())
    }

    /// A page of what a subscription did not take at once, by position, after the given one.
    pub async fn callback_records(
        &self,
        subscription: &Subscription,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Callback>>, ports::Error> {
        let (tenant, id) = (subscription.tenant, subscription.id);
        let after: Key = Callback::key(tenant, id, after);
        let rows = self.rows_of::<Callback>(tenant, id, Some(after), limit).await?;
        Ok(rows.into_iter().map(|(_, callback)| callback).collect())
    }
}
