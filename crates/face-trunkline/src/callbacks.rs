//! What became of the callbacks about one event: for each subscription that is one to hear it, its state.
//!
//! Read from where each subscription's cursor stands and from the log's dead letters. Who answered what and when is
//! not kept for callbacks that succeeded.

use std::sync::Arc;

use domain::event::{Event, Fact};
use domain::id::SubscriptionId;
use domain::subscription::{Cursor, Subscription};
use engine::{Engine, domain};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::error::{Refusal, unavailable};
use crate::events::LIMIT_MAX;
use crate::print;
use crate::subscriptions::{as_enabled, of};

/// Events behind the message's last one that are looked through for dead letters.
const WALK_MAX: usize = 2_000;

/// The tenant's subscriptions as they stand, and what was given up lately.
pub(crate) struct Subscribers {
    all: Vec<(Arc<Subscription>, Cursor)>,
    dead: Vec<(SubscriptionId, u64, Arc<str>)>,
    /// Whether `dead` is all that was given up since.
    whole: bool,
}

impl Subscribers {
    /// Reads them; `since` is the position of the first event asked about.
    pub(crate) async fn load(engine: &Engine, caller: Caller, since: u64) -> Result<Subscribers, Refusal> {
        let mut all = Vec::new();
        for subscription in of(engine, caller) {
            let cursor = engine.get::<Cursor>(caller.tenant, subscription.id.0).await.map_err(unavailable)?;
            all.push((subscription, cursor.map(Arc::unwrap_or_clone).unwrap_or_default()));
        }
        let mut subscribers = Subscribers { all, dead: Vec::new(), whole: true };
        subscribers.find_dead_letters(engine, caller, since).await?;
        Ok(subscribers)
    }

    async fn find_dead_letters(
        &mut self,
        engine: &Engine,
        caller: Caller,
        since: u64,
    ) -> Result<(), Refusal> {
        let (mut after, mut walked) = (since, 0);
        loop {
            let page = engine.events(caller.tenant, after, LIMIT_MAX).await.map_err(unavailable)?;
            let last = page.len() < LIMIT_MAX;
            walked += page.len();
            after = page.last().map_or(after, |event| event.position);
            self.dead.extend(page.into_iter().filter_map(|event| match event.fact {
                Fact::DeadLetter { subscription, position, why } => Some((subscription, position, why)),
                _ => None,
            }));
            if last || walked >= WALK_MAX {
                self.whole = last;
                return Ok(());
            }
        }
    }

    /// One entry for each subscription that is one to hear the event.
    pub(crate) fn about(&self, engine: &Engine, event: &Event) -> Vec<Value> {
        let told = self.all.iter().filter(|(subscription, _)| {
            subscription.created_at <= event.at && engine.hears(&as_enabled(subscription), event)
        });
        told.map(|(subscription, cursor)| self.state(subscription, cursor, event)).collect()
    }

    fn state(&self, subscription: &Subscription, cursor: &Cursor, event: &Event) -> Value {
        let mut printed = Map::new();
        let mut put = |name: &str, value: Value| drop(printed.insert(name.to_owned(), value));
        put("subscription", json!(subscription.id.ulid()));
        put("target", json!(target(subscription, event)));
        let parked = cursor.parked.iter().find(|parked| parked.conversation == event.conversation);
        let given_up = self.dead.iter().find(|(own, at, _)| *own == subscription.id && *at == event.position);
        let state = match (given_up, parked) {
            (Some((_, _, why)), _) => {
                put("why", json!(&**why));
                "given_up"
            }
            (None, Some(parked)) if parked.position == event.position => {
                put("attempts", json!(parked.attempts));
                put("next_at", print::time(parked.next_at));
                "retrying"
            }
            (None, Some(parked)) if parked.position < event.position => "waiting",
            _ if event.position > cursor.position => "waiting",
            _ if self.whole => "delivered",
            _ => "over",
        };
        put("state", json!(state));
        Value::Object(printed)
    }
}

/// The message's own callback URL where it has one, which only one subscription hears.
fn target<'a>(subscription: &'a Subscription, event: &'a Event) -> &'a str {
    match &event.fact {
        Fact::DeliveryChanged(change) => change.callback_url.as_deref().unwrap_or(&subscription.target),
        _ => &subscription.target,
    }
}
