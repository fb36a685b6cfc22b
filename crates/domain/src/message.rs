//! Messages: content with an author and a place in the order. The content itself is a row of its own, so that it
//! can be erased without rewriting the rest.

use crate::channel::Address;
use crate::consent::ContentClass;
use crate::content::Face;
use crate::delivery::{Delivery, Status};
use crate::id::{AgentId, AppId, ContactId, ConversationId, MessageId, TenantId};
use crate::time::Time;

/// Which way a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    Contact,
    Agent(AgentId),
    /// An API client without a person: shown as the app's bot.
    App,
    /// A line the system itself writes (activity).
    System,
}

/// One message of a conversation, or of none in dispatch mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub tenant: TenantId,
    pub app: AppId,
    /// `None` in dispatch mode.
    pub conversation: Option<ConversationId>,
    /// `None` in dispatch mode.
    pub contact: Option<ContactId>,
    /// Small integer for the agent face, counted per tenant.
    pub number: u64,
    /// Gap-free place in the conversation, from 1; 0 in dispatch mode.
    pub sorting: u64,
    /// Sequence in the consumer face's dialog, from 0; `None` for notes and dispatch mode.
    pub sequence: Option<i64>,
    pub direction: Direction,
    pub author: Author,
    /// A note: agents alone see it.
    pub private: bool,
    /// The face or provider it came through.
    pub face: Face,
    /// Where it came from, or the address it currently goes to.
    pub address: Option<Address>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The writer's own id of it (provider message id, client's echo id); may be empty.
    pub source_id: String,
    pub accepted_at: Time,
    pub metadata: String,
    /// What inbound messages carry on: the conversation's metadata and correlation id when this was accepted.
    pub conversation_metadata: Option<String>,
    pub correlation_id: String,
    pub class: ContentClass,
    /// Free JSON of the agent face (`content_attributes`), object text or empty.
    pub attributes: String,
    /// Shown name, type and picture of the agent, as the business face was given them (JSON or empty).
    pub shown_agent: String,
    /// The journey, for outgoing ones that go anywhere.
    pub delivery: Option<Delivery>,
}

impl Message {
    /// The status that faces show: what the journey says, or `Delivered` for what needs no journey.
    pub fn status(&self) -> Status {
        self.delivery.as_ref().map_or(Status::Delivered, |delivery| delivery.status)
    }
}
