//! An agent writes into a conversation: a reply that travels, or a note that stays with agents.

use std::sync::Arc;

use super::thread::{self, Draft};
use super::{Command, settle};
use crate::agent::Agent;
use crate::app::App;
use crate::channel::{Address, Channel};
use crate::contact::Contact;
use crate::content::{Content, Face};
use crate::conversation::Conversation;
use crate::delivery::{Delivery, Priority, Reason, ReasonKind};
use crate::event::Fact;
use crate::id::{AgentId, ConversationId, MessageId, TenantId};
use crate::message::{Author, Direction, Message};
use crate::record::Key;
use crate::time::Time;
use crate::view::{Halt, View};

/// What the agent wrote.
#[derive(Clone, Debug)]
pub struct Reply {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    /// `None`: an API key without a person; shown as the app's bot.
    pub agent: Option<AgentId>,
    pub private: bool,
    pub content: Content,
    /// The number of the message it answers, kept in the attributes whether it exists or not.
    pub in_reply_to: Option<MessageId>,
    /// JSON object text or empty.
    pub attributes: String,
    pub source_id: String,
}

/// Why nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownConversation,
    UnknownAgent,
    /// Too many of the app's messages wait already.
    QueueFull,
}

impl Command for Reply {
    type Answer = Arc<Message>;
    type Refusal = Refusal;

    const BRINGS_CONTENT: bool = true;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Arc<Message>, Halt<Refusal>> {
        let tenant = self.tenant;
        let mut conversation =
            thread::conversation(view, tenant, self.conversation)?.ok_or(Refusal::UnknownConversation)?;
        let mut wanted = vec![
            Key::id::<App>(tenant, conversation.app.0),
            Key::id::<Contact>(tenant, conversation.contact.0),
            Key::queue(tenant, conversation.app),
            Key::counter(tenant, "message"),
        ];
        wanted.extend(self.agent.map(|agent| Key::id::<Agent>(tenant, agent.0)));
        wanted.extend(self.in_reply_to.map(|message| Key::id::<Message>(tenant, message.0)));
        view.want(&wanted)?;
        let app = thread::app(view, tenant, conversation.app)?.ok_or(Refusal::UnknownConversation)?;
        if let Some(agent) = self.agent {
            view.by_id::<Agent, Refusal>(tenant, agent.0)?.ok_or(Refusal::UnknownAgent)?;
        }
        if !self.private && settle::queued::<Refusal>(view, tenant, app.id)? >= app.queue_limit {
            return Err(Refusal::QueueFull.into());
        }
        let author = self.agent.or(app.bot).map_or(Author::App, Author::Agent);
        let contact = view.by_id::<Contact, Refusal>(tenant, conversation.contact.0)?;
        let contact = contact.ok_or(Refusal::UnknownConversation)?;
        // What already has an id in the outside channel comes from there and does not go out again.
        let stays = self.private || !self.source_id.is_empty();
        let delivery = if stays { None } else { journey(&app, &contact, &mut conversation, view.now()) };
        let closed = delivery.as_ref().and_then(|delivery| delivery.reason.clone());
        let draft = Draft {
            private: self.private,
            address: delivery.as_ref().map(|delivery| delivery.address().clone()),
            reply_to: answered(view, tenant, self.conversation, self.in_reply_to)?,
            source_id: self.source_id.clone(),
            attributes: self.attributes.clone(),
            delivery: delivery.filter(|_| closed.is_none()),
            ..Draft::new(Direction::Outbound, author, Face::LiveDesk, self.content.clone())
        };
        let address = draft.address.clone();
        let mut message = thread::append(view, &mut conversation, draft)?;
        if let (Some(reason), Some(address)) = (closed, address) {
            // Never tried: the journey is recorded as over, without a job.
            let mut over = Delivery::planned(vec![address], Priority::Normal, Time::NEVER, view.now());
            let moved = over.give_up(reason, view.now());
            message.delivery = Some(over);
            settle::settle(view, &mut message, moved.as_slice())?;
        }
        if !self.private {
            conversation.unread = 0;
        }
        thread::put_conversation(view, conversation);
        Ok(Arc::new(message))
    }
}

/// The message that is answered, if it stands in this conversation.
pub(super) fn answered<R>(
    view: &mut View<'_>,
    tenant: TenantId,
    conversation: ConversationId,
    answered: Option<MessageId>,
) -> Result<Option<MessageId>, Halt<R>> {
    let Some(answered) = answered else {
        return Ok(None);
    };
    let message = view.by_id::<Message, R>(tenant, answered.0)?;
    Ok(message.filter(|found| found.conversation == Some(conversation)).map(|found| found.id))
}

/// The reply's way to the contact. A closed conversation of a connector fails at once.
fn journey(app: &App, contact: &Contact, conversation: &mut Conversation, now: Time) -> Option<Delivery> {
    let current = conversation.address.clone();
    let plan: Vec<Address> = match current {
        Some(address) if app.account(&address.channel).is_some() || address.channel.is_face() => {
            vec![address]
        }
        _ => thread::plan_for_contact(app, contact, None).into_iter().take(1).collect(),
    };
    let first = plan.first()?;
    let to_connector = first.channel == Channel::new(Channel::CONNECTOR);
    let mut delivery = Delivery::planned(plan, Priority::High, Time::NEVER, now);
    if to_connector && !conversation.is_open() {
        delivery.reason = Some(Reason::new(ReasonKind::ConversationClosed, "conversation is closed"));
    }
    Some(delivery)
}

/// The fact that a conversation changed in what faces show.
pub(super) fn updated(view: &mut View<'_>, conversation: &Conversation) {
    view.emit(conversation.tenant, thread::about(conversation, None), Fact::ConversationUpdated);
}
