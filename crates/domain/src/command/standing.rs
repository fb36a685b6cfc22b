//! A conversation's standing: opened, snoozed, resolved. Resolving is the close that every face sees.

use super::reply::updated;
use super::{Command, thread};
use crate::conversation::{Conversation, Party, Standing};
use crate::event::Fact;
use crate::id::{ContactId, ConversationId, TenantId};
use crate::record::{Key, Pointer};
use crate::view::{Halt, View};

/// Why nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownConversation,
    /// The conversation is another consumer's.
    NotYours,
    Closed,
}

/// Changes the standing.
#[derive(Clone, Debug)]
pub struct SetStanding {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub to: Standing,
    pub by: Party,
    /// Checked when the consumer asks; a consumer cannot close twice.
    pub contact: Option<ContactId>,
}

impl Command for SetStanding {
    type Answer = Standing;
    type Refusal = Refusal;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Standing, Halt<Refusal>> {
        let mut conversation = match self.contact {
            Some(contact) => of_consumer(view, self.tenant, self.conversation, contact)?,
            None => thread::conversation(view, self.tenant, self.conversation)?
                .ok_or(Refusal::UnknownConversation)?,
        };
        let from = conversation.standing;
        if from == self.to {
            return Ok(from);
        }
        conversation.standing = self.to;
        let key = Key::active_conversation(self.tenant, conversation.app, conversation.contact);
        let active = view.get::<Pointer, Refusal>(&key)?;
        if self.to == Standing::Resolved {
            conversation.closed_at = Some(view.now());
            conversation.closed_by = Some(self.by);
            if conversation.active {
                conversation.active = false;
                view.delete(key);
            }
        } else if from == Standing::Resolved {
            conversation.closed_at = None;
            conversation.closed_by = None;
            if active.is_none() {
                conversation.active = true;
                view.put(key, Pointer { target: conversation.id.0, attempt: 0 });
            }
        }
        let fact = Fact::StandingChanged { from, to: self.to, by: self.by };
        view.emit(self.tenant, thread::about(&conversation, None), fact);
        thread::put_conversation(view, conversation);
        Ok(self.to)
    }
}

/// Hands a conversation to an agent, or to nobody. With `expected` it is compare-and-set.
#[derive(Clone, Debug)]
pub struct Assign {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub to: Option<crate::id::AgentId>,
    /// `Some(x)`: only if `x` is the assignee now.
    pub expected: Option<Option<crate::id::AgentId>>,
}

impl Command for Assign {
    /// Who is the assignee now: for a lost race, the winner.
    type Answer = Option<crate::id::AgentId>;
    type Refusal = Refusal;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Self::Answer, Halt<Refusal>> {
        let found = thread::conversation(view, self.tenant, self.conversation)?;
        let mut conversation = found.ok_or(Refusal::UnknownConversation)?;
        let lost = self.expected.is_some_and(|expected| expected != conversation.assignee);
        if !lost && conversation.assignee != self.to {
            conversation.assignee = self.to;
            updated(view, &conversation);
            thread::put_conversation(view, conversation.clone());
        }
        Ok(conversation.assignee)
    }
}

/// An open conversation of this consumer.
pub(super) fn of_consumer(
    view: &mut View<'_>,
    tenant: TenantId,
    id: ConversationId,
    contact: ContactId,
) -> Result<Conversation, Halt<Refusal>> {
    let conversation = thread::conversation(view, tenant, id)?.ok_or(Refusal::UnknownConversation)?;
    if conversation.contact != contact {
        return Err(Refusal::NotYours.into());
    }
    if conversation.is_open() { Ok(conversation) } else { Err(Refusal::Closed.into()) }
}
