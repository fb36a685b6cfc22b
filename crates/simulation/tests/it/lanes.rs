//! What waits in which lane, as an outsider reads it from the log: messages in the order in which they were accepted.

use std::collections::HashMap;

use engine::domain::delivery::{Delivery, Phase};
use engine::domain::event::Fact;
use engine::domain::id::{MessageId, TenantId};
use engine::domain::job::Lane;
use engine::domain::message::Message;

use crate::store::ChaosStore;

/// Only looked up, so its order does not matter.
#[derive(Default)]
pub struct Lanes {
    seen: u64,
    waiting: HashMap<Lane, Vec<(TenantId, MessageId)>>,
}

fn lane(message: &Message, delivery: &Delivery) -> Lane {
    match message.conversation {
        Some(conversation) => Lane::Conversation(conversation),
        None => Lane::Recipient(message.app, delivery.plan[0].clone()),
    }
}

/// Whether it was never tried although nothing ended its journey, or its first try is open.
fn comes_first(message: &Message) -> bool {
    let Some(delivery) = &message.delivery else { return false };
    if delivery.address().channel.is_face() {
        // Carried by its subscriber's callback, in that lane's order.
        return false;
    }
    match delivery.phase {
        Phase::Waiting { .. } => delivery.attempts.is_empty(),
        Phase::Attempting => delivery.attempts.len() == 1,
        _ => false,
    }
}

impl Lanes {
    /// A message of this lane is handed over: what was accepted before it and has not had its first try?
    pub fn first_try(&mut self, store: &ChaosStore, message: &Message) -> Result<(), MessageId> {
        self.catch_up(store);
        let Some(delivery) = &message.delivery else { return Ok(()) };
        let Some(waiting) = self.waiting.get_mut(&lane(message, delivery)) else { return Ok(()) };
        let Some(place) = waiting.iter().position(|(_, other)| *other == message.id) else { return Ok(()) };
        let late =
            waiting[..place].iter().filter_map(|(tenant, other)| store.row::<Message>(*tenant, other.0));
        let late = late.filter(|other| comes_first(other)).map(|other| other.id).next();
        waiting.retain(|(tenant, other)| {
            *other != message.id
                && store.row::<Message>(*tenant, other.0).is_some_and(|row| comes_first(&row))
        });
        late.map_or(Ok(()), Err)
    }

    fn catch_up(&mut self, store: &ChaosStore) {
        for event in store.events_after(self.seen) {
            self.seen = event.position;
            let (Fact::MessageSubmitted, Some(id)) = (&event.fact, event.message) else { continue };
            let Some(message) = store.row::<Message>(event.tenant, id.0) else { continue };
            if let Some(delivery) = &message.delivery {
                self.waiting.entry(lane(&message, delivery)).or_default().push((event.tenant, id));
            }
        }
    }
}
