//! Subscriptions: who wants to hear which events, spoken in which dialect, signed with which secret.
//!
//! A subscription is a cursor into its tenant's log plus the conversations that are parked because a delivery
//! failed. The healthy path writes only cursor advances.

use crate::channel::Channel;
use crate::content::Face;
use crate::id::{AppId, ConversationId, SubscriptionId, TenantId};
use crate::time::Time;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Every event up to here is delivered, parked, or not for this subscription.
    pub position: u64,
    pub parked: Vec<Parked>,
}

/// A conversation whose callbacks wait for a later try; later events of it queue behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// `None` is the lane of events without a conversation.
    pub conversation: Option<ConversationId>,
    /// The first undelivered event's position.
    pub position: u64,
    pub attempts: u32,
    pub first_failed_at: Time,
    pub next_at: Time,
    /// The bytes of the failed try, so that retries carry the same body; empty if not rendered.
    pub body: Vec<u8>,
}
