//! Subscriptions: who wants to hear which events, spoken in which dialect, signed with which secret.
//!
//! A subscription is a cursor into its tenant's log plus the lanes that are parked because a delivery failed. The
//! healthy path writes cursor advances and what was answered, a row a page.

use std::sync::Arc;

use crate::channel::Channel;
use crate::content::Face;
use crate::id::{AppId, ConversationId, Id, MessageId, SubscriptionId, TenantId};
use crate::record::Key;
use crate::time::Time;

/// Events that a parked lane names one by one; those behind are looked for in the log.
pub const WAITING_MAX: usize = 1_000;
/// Tries that a callback's record shows; of more, the first and the newest.
pub const TRIES_SHOWN_MAX: usize = 20;

/// Somebody who wants to hear events.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub tenant: TenantId,
    /// `None`: all apps of the tenant.
    pub app: Option<AppId>,
    /// Small integer for the agent face.
    pub number: u64,
    /// Whose words the callbacks speak.
    pub dialect: Face,
    /// Set when this subscription is also the provider behind a face channel: its 2xx ends the attempt.
    pub carries: Option<Channel>,
    pub target: String,
    /// Secret: encrypted at rest. Empty: unsigned.
    pub secret: String,
    /// What to hear, in the dialect's own words (Sinch triggers, LivePerson capabilities, Chatwoot events).
    pub triggers: Vec<String>,
    /// Further settings in the dialect's own words as JSON (headers, retry, OAuth2 target); empty for none.
    pub settings: String,
    pub enabled: bool,
    pub created_at: Time,
    /// Each event is a lane of its own: nothing waits for an earlier one that fails.
    pub parallel: bool,
    /// The secret before this one, good until it is over.
    pub previous: Option<PreviousSecret>,
}

/// A secret that was replaced and is still good for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Secret: encrypted at rest.
    pub secret: String,
    pub until: Time,
}

impl std::fmt::Debug for PreviousSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreviousSecret").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Subscription {
    /// The secret that was replaced, while it is still good.
    pub fn previous_secret(&self, now: Time) -> Option<&str> {
        let previous = self.previous.as_ref()?;
        (now < previous.until).then_some(previous.secret.as_str())
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("dialect", &self.dialect)
            .field("triggers", &self.triggers)
            .finish_non_exhaustive()
    }
}

/// How far a subscription has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Every event up to here is delivered, parked, or not for this subscription.
    pub position: u64,
    /// Since when nothing but failures came back; `None` once something was taken.
    pub failing_since: Option<Time>,
}

/// What keeps its order: a subscription's events are delivered lane by lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallbackLane {
    /// The events of a conversation; `None`: those that belong to none.
    Conversation(Option<ConversationId>),
    /// One event alone, of a parallel subscription.
    Single(u64),
    /// A conversation's events that somebody asked for again; the id is the order's.
    Replay(Id, Option<ConversationId>),
}

/// A lane whose callbacks wait for a later try; later events of it queue behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    pub subscription: SubscriptionId,
    pub lane: CallbackLane,
    /// Positions of the undelivered events, in order, [`WAITING_MAX`] at most; empty only when more follow.
    pub waiting: Vec<u64>,
    /// There are more in the log behind this position, up to the cursor's.
    pub more_after: Option<u64>,
    /// Tries of the first one.
    pub attempts: u32,
    pub first_failed_at: Time,
    pub next_at: Time,
}

impl Parked {
    /// The first undelivered event's position, or one before it.
    pub fn position(&self) -> u64 {
        let behind = || self.more_after.map_or(0, |after| after + 1);
        self.waiting.first().copied().unwrap_or_else(behind)
    }

    /// Queues an event behind the others.
    pub fn push(&mut self, position: u64) {
        if self.more_after.is_none() && self.waiting.len() < WAITING_MAX {
            self.waiting.push(position);
        } else {
            let last = self.waiting.last().copied().unwrap_or_default();
            self.more_after.get_or_insert(last);
        }
    }

    /// Its row.
    pub fn key(tenant: TenantId, subscription: SubscriptionId, lane: CallbackLane) -> Key {
        let of =
            |conversation: Option<ConversationId>| conversation.map(ConversationId::ulid).unwrap_or_default();
        let lane = match lane {
            CallbackLane::Conversation(conversation) => format!("conversation/{}", of(conversation)),
            CallbackLane::Single(position) => format!("single/{position:020}"),
            CallbackLane::Replay(order, conversation) => {
                format!("replay/{}/{}", order.ulid(), of(conversation))
            }
        };
        Key::text::<Parked>(tenant, &format!("{}/{lane}", subscription.ulid()))
    }
}

/// What became of one callback that was not taken at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub subscription: SubscriptionId,
    /// The event's position.
    pub position: u64,
    pub conversation: Option<ConversationId>,
    pub message: Option<MessageId>,
    pub state: CallbackState,
    pub target: String,
    /// The bytes of the first try; later ones carry the same.
    pub body: Vec<u8>,
    /// How often it was tried.
    pub count: u32,
    pub tries: Vec<Try>,
    pub kept_until: Time,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallbackState {
    /// Tried again later.
    #[default]
    Retrying,
    Delivered,
    /// A dead letter.
    GivenUp,
}

/// One try of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    pub at: Time,
    pub took_ms: u32,
    /// 0: no answer came.
    pub status: u16,
    /// How the answer began, or why none came.
    pub answer: Arc<str>,
}

impl Callback {
    /// Its row: a subscription's follow each other by position.
    pub fn key(tenant: TenantId, subscription: SubscriptionId, position: u64) -> Key {
        Key::text::<Callback>(tenant, &format!("{}/{position:020}", subscription.ulid()))
    }

    /// Adds a try; in a long row of them the middle is left out.
    pub fn tried(&mut self, one: Try) {
        self.count += 1;
        if self.tries.len() == TRIES_SHOWN_MAX {
            self.tries.remove(TRIES_SHOWN_MAX / 2);
        }
        self.tries.push(one);
    }
}

/// Callbacks that were taken at the first try, a page of them in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackPage {
    pub subscription: SubscriptionId,
    /// In the order of their positions.
    pub callbacks: Vec<FirstTry>,
    pub kept_until: Time,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstTry {
    pub position: u64,
    pub at: Time,
    pub took_ms: u32,
    pub status: u16,
}

impl CallbackPage {
    /// Its row, named by the last position in it: whoever looks for a position finds it in the first row from there
    /// on, if the callback was taken at the first try and its lane was not parked.
    pub fn key(tenant: TenantId, subscription: SubscriptionId, last: u64) -> Key {
        Key::text::<CallbackPage>(tenant, &format!("{}/{last:020}", subscription.ulid()))
    }
}
