//! Asking for callbacks again: which of a subscription's past events, found by walking its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::command::route::OrderReplay;
use domain::event::Event;
use domain::id::{ConversationId, MessageId};
use domain::subscription::{Callback, CallbackState, Subscription, WAITING_MAX};
use domain::time::Time;

use crate::engine::Engine;

/// Events looked through for one order; whoever wants more goes on from where it ended.
const WALK_MAX: usize = 10_000;
const PAGE: usize = 500;

/// Which events to tell again. What is not given does not choose.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Behind this position.
    pub after: u64,
    /// Not behind this one.
    pub until: Option<u64>,
    /// At or after this moment.
    pub from: Option<Time>,
    /// Before this one.
    pub before: Option<Time>,
    pub conversation: Option<ConversationId>,
    pub message: Option<MessageId>,
    /// Only what was given up.
    pub given_up: bool,
}

/// What was found to be told again; the order itself is a command, which answers with how many callbacks it asks for.
#[derive(Clone, Debug)]
pub struct Found {
    pub order: OrderReplay,
    /// How far the log was looked through.
    pub through: u64,
    /// Whether that was all there is.
    pub at_end: bool,
}

impl Replay {
    fn wants(&self, event: &Event) -> bool {
        self.from.is_none_or(|from| event.at >= from)
            && self.conversation.is_none_or(|one| event.conversation == Some(one))
            && self.message.is_none_or(|one| event.message == Some(one))
    }

    /// Whether the walk is over at this event.
    fn ends_at(&self, event: &Event) -> bool {
        self.until.is_some_and(|until| event.position > until)
            || self.before.is_some_and(|before| event.at >= before)
    }
}

impl Engine {
    /// Finds callbacks to be told again: [`WAITING_MAX`] and a walk of [`WALK_MAX`] events at most.
    pub async fn find_for_replay(
        &self,
        subscription: &Arc<Subscription>,
        replay: &Replay,
    ) -> Result<Found, ports::Error> {
        let mut wanted: BTreeMap<Option<ConversationId>, Vec<u64>> = BTreeMap::new();
        let (mut through, mut walked, mut chosen) = (replay.after, 0, 0);
        let at_end = 'walk: loop {
            let page = self.events(subscription.tenant, through, PAGE).await?;
            let last = page.len() < PAGE;
            walked += page.len();
            for event in page {
                if replay.ends_at(&event) {
                    break 'walk true;
                }
                if chosen == WAITING_MAX {
                    break 'walk false;
                }
                through = event.position;
                if replay.wants(&event)
                    && self.hears(subscription, &event)
                    && (!replay.given_up || self.was_given_up(subscription, &event).await?)
                {
                    wanted.entry(event.conversation).or_default().push(event.position);
                    chosen += 1;
                }
            }
            if last || walked >= WALK_MAX {
                break last;
            }
        };
        let (tenant, id) = (subscription.tenant, subscription.id);
        let order = OrderReplay { tenant, subscription: id, wanted: wanted.into_iter().collect() };
        Ok(Found { order, through, at_end })
    }

    async fn was_given_up(&self, subscription: &Subscription, event: &Event) -> Result<bool, ports::Error> {
        let key = Callback::key(subscription.tenant, subscription.id, event.position);
        let record = self.row::<Callback>(key).await?;
        Ok(record.is_some_and(|record| record.state == CallbackState::GivenUp))
    }
}
