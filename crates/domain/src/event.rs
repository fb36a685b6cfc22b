//! Events: one fact each in a tenant's log. They hold ids and small frozen facts, never content.
//!
//! Everything that leaves reads this log: callbacks of every dialect, sockets, exports, audit.

use std::sync::Arc;

use crate::channel::{Address, Channel};
use crate::consent::Keyword;
use crate::conversation::{Party, Standing};
use crate::delivery::{Reason, Status};
use crate::id::{AppId, ContactId, ConversationId, EventId, FileId, MessageId, SubscriptionId, TenantId};
use crate::time::Time;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Gap-free position in the shard's log; assigned by the engine at commit.
    pub position: u64,
    pub id: EventId,
    pub tenant: TenantId,
    pub app: Option<AppId>,
    pub contact: Option<ContactId>,
    pub conversation: Option<ConversationId>,
    pub message: Option<MessageId>,
    pub at: Time,
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    ContactCreated,
    ContactUpdated,
    ConversationStarted,
    /// Something shown about it changed (assignee, attributes, adoption).
    ConversationUpdated,
    /// Its standing changed; `Resolved` is the close.
    StandingChanged {
        from: Standing,
        to: Standing,
        by: Party,
    },
    MessageReceived,
    MessageSubmitted,
    /// The journey of `message` moved.
    DeliveryChanged(DeliveryChange),
    /// The consumer said something about messages, in the consumer face's words.
    ConsumerReceipt {
        status: ConsumerStatus,
        sequences: Vec<i64>,
        sequence: i64,
        metadata: String,
    },
    ConsentChanged {
        address: Address,
        keyword: Keyword,
    },
    /// A signal that a face lists as an event, or tells its subscribers of.
    SignalSeen {
        address: Option<Address>,
        signal: SignalKind,
        by: Party,
    },
    /// A callback was given up.
    DeadLetter {
        subscription: SubscriptionId,
        position: u64,
        why: Arc<str>,
    },
    /// It was too far behind to hold the log any longer.
    SubscriptionDisabled {
        subscription: SubscriptionId,
    },
    /// Its endpoint took nothing for too long; the subscription is switched off.
    EndpointDisabled {
        subscription: SubscriptionId,
        failing_since: Time,
    },
    /// Callbacks were asked for again.
    ReplayOrdered {
        subscription: SubscriptionId,
        callbacks: u64,
    },
    /// A provider stated something about an id that nothing of ours ever had.
    ReceiptOrphaned {
        channel: Channel,
        provider_id: Arc<str>,
        status: Status,
    },
    /// A file that came in with `message` was fetched from its provider and is stored.
    FileFetched {
        file: FileId,
    },
    /// Its provider does not give it, or was asked often enough.
    FileLost {
        file: FileId,
        reason: Reason,
    },
}

/// What changed in a delivery, frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryChange {
    pub status: Status,
    /// The channel the statement is about.
    pub address: Address,
    pub reason: Option<Reason>,
    /// Receipts go here instead of the subscription's own target.
    pub callback_url: Option<Arc<str>>,
}

/// What a consumer can say about a message on the consumer face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerStatus {
    Accept,
    Read,
    Access,
    Nack,
    Action,
}

/// The signals: things that pass, such as typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    Active,
    Inactive,
    Gone,
    Composing,
    Paused,
}
