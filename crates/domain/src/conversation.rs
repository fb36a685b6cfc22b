//! Conversations: one thread between an app and a contact.
//!
//! A conversation is open or closed; of the open ones of an app and contact at most one is active, and that is
//! the one which inbound messages and sends without a conversation speak to.

use crate::channel::Address;
use crate::content::Face;
use crate::id::{AgentId, AppId, ContactId, ConversationId, MessageId, TenantId};
use crate::time::Time;

/// Where a conversation stands for agents. All but `Resolved` count as open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Open,
    Pending,
    Snoozed,
    Resolved,
}

/// Who did something to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Consumer,
    Agent(AgentId),
    App,
    System,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    pub id: ConversationId,
    pub tenant: TenantId,
    pub app: AppId,
    pub contact: ContactId,
    /// Small integer for the agent face, counted per tenant.
    pub number: u64,
    pub standing: Standing,
    /// At most one open conversation of app and contact is active.
    pub active: bool,
    pub opened_by: Face,
    /// Whether the consumer face's installation was told of it, or opened it.
    pub announced_to_connector: bool,
    /// Where the contact last wrote from, or was last reached.
    pub address: Option<Address>,
    pub assignee: Option<AgentId>,
    /// The highest `sorting` handed out.
    pub last_sorting: u64,
    /// The next consumer-face sequence.
    pub next_sequence: i64,
    /// JSON object that inbound callbacks carry on, as last set.
    pub metadata: Option<String>,
    pub correlation_id: String,
    /// The consumer face's request body (campaign, context, skill) as JSON, for its notifications.
    pub context: Option<String>,
    pub last_message: Option<MessageId>,
    pub last_activity_at: Time,
    pub created_at: Time,
    pub closed_at: Option<Time>,
    pub closed_by: Option<Party>,
    /// Inbound messages since an agent last looked.
    pub unread: u64,
    /// Free JSON of the agent face (custom and additional attributes, labels, priority), object text or empty.
    pub attributes: String,
}

impl Conversation {
    /// Whether it takes messages.
    pub fn is_open(&self) -> bool {
        self.standing != Standing::Resolved
    }
}
