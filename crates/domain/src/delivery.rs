//! Deliveries: the journey of one outgoing message over its channels, and the lattice of its status.
//!
//! The state machine is pure: [`Delivery::begin`], [`Delivery::finish`], [`Delivery::receipt`] and
//! [`Delivery::expire`] say what changed; commands turn that into events and jobs. Status only moves forward
//! (`failed < delivered < read`), so duplicates and permutations of receipts end in the same state.

mod machine;
mod parts;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;

use std::sync::Arc;

use crate::channel::Address;
use crate::time::Time;

pub use machine::{Moved, Rules};

/// A priority class of lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    #[default]
    Normal,
    High,
}

/// What is known about a message's fate. The order is the lattice: a later one beats an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Accepted, nothing tried.
    Queued,
    /// On its way to the next channel after one failed.
    SwitchingChannel,
    /// A channel has it.
    HandedOver,
    Failed,
    Delivered,
    Read,
}

impl Status {
    /// Whether nothing but a proof of arrival can change it.
    pub fn is_final(self) -> bool {
        self >= Status::Failed
    }
}

/// Why something failed: our class, and the vendor's own words for the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub kind: ReasonKind,
    pub description: String,
    /// The provider's own code; may be empty.
    pub channel_code: String,
}

/// The classes of failure that faces translate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind {
    RecipientNotReachable,
    RecipientInvalid,
    RecipientOptedOut,
    RecipientNotOptedIn,
    OutsideAllowedWindow,
    ChannelFailure,
    ChannelBadConfiguration,
    ChannelRejected,
    ContentUnsupported,
    MediaUnavailable,
    RateLimited,
    /// Too much to this one person; others are not affected.
    RecipientRateLimited,
    TemplateUnknown,
    Expired,
    ReportTimedOut,
    ConversationClosed,
    NoChannelLeft,
    Blocked,
    Internal,
}

impl Reason {
    /// A reason without a vendor's code.
    pub fn new(kind: ReasonKind, description: impl Into<String>) -> Reason {
        Reason { kind, description: description.into(), channel_code: String::new() }
    }
}

/// How one hand-over ended. Parts are all that are known to be taken, those of earlier attempts included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it; one id per part, normalized.
    Accepted { parts: Vec<Arc<str>> },
    /// The provider, or we on its behalf, said no for good.
    Refused(Reason),
    /// A later try on the same channel may work.
    Temporary { reason: Reason, retry_after_ms: Option<i64> },
    /// Bytes left and no answer came; parts known to be accepted are listed.
    Unknown { parts: Vec<Arc<str>> },
}

/// One hand-over to one channel. It exists before its first byte goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1 over the whole delivery.
    pub number: u32,
    /// Which leg of the plan.
    pub leg: usize,
    pub started_at: Time,
    pub ended_at: Option<Time>,
    pub outcome: Option<Outcome>,
    /// Parts that a receipt called delivered, or read.
    pub delivered_parts: Vec<Arc<str>>,
    /// Parts that a receipt called read.
    pub read_parts: Vec<Arc<str>>,
    /// Parts that a receipt called failed.
    pub failed_parts: Vec<Arc<str>>,
    /// What the first failed part's receipt gave as reason.
    pub failure: Option<Reason>,
    /// A receipt said that the provider has it.
    pub reached: bool,
}

/// What the delivery does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A send job stands in the lane; not before `not_before`.
    Waiting { not_before: Time },
    /// An attempt is open.
    Attempting,
    /// A channel has it and may still report.
    HandedOver,
    /// Outcome unknown; held until `until`.
    Held { until: Time },
    /// Over.
    Done,
}

/// One thing that happened, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Time,
    pub what: StepKind,
}

/// The kinds of timeline steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    Planned,
    AttemptStarted {
        attempt: u32,
    },
    Accepted {
        attempt: u32,
    },
    Refused {
        attempt: u32,
        reason: Reason,
    },
    WillRetry {
        attempt: u32,
        at: Time,
        reason: Reason,
    },
    OutcomeUnknown {
        attempt: u32,
    },
    Switched {
        to_leg: usize,
    },
    Receipt {
        attempt: u32,
        status: Status,
        reason: Option<Reason>,
    },
    Expired,
    /// Its time was over long before, and nothing had come of it.
    FoundOverdue,
    GaveUp {
        reason: Reason,
    },
}

/// A receipt as a connector read it: a statement about one provider id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub status: Status,
    pub reason: Option<Reason>,
    pub at: Time,
}

/// The journey of one outgoing message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// An agent's retry opens a new generation.
    pub generation: u32,
    /// Channels in the order they are tried. Never empty.
    pub plan: Vec<Address>,
    /// The leg that is current.
    pub leg: usize,
    pub phase: Phase,
    pub status: Status,
    pub reason: Option<Reason>,
    pub priority: Priority,
    /// Past this, no further attempt and no failover.
    pub expires_at: Time,
    /// Hand-overs to the current leg that ended temporarily.
    pub temporary_failures: u32,
    /// When the next leg is tried unless the current one has reported by then.
    pub report_due: Option<Time>,
    pub attempts: Vec<Attempt>,
    pub steps: Vec<Step>,
    /// Receipts go here instead of the subscription's own target.
    pub callback_url: Option<String>,
}
