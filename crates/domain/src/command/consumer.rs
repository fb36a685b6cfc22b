//! What a consumer does beside writing: receipts by sequence number, typing, and the profile.

use std::sync::Arc;

use super::open::Profile;
use super::reply::updated;
use super::standing::{Refusal, of_consumer};
use super::{Command, settle, thread};
use crate::app::App;
use crate::channel::Address;
use crate::contact::Contact;
use crate::conversation::Party;
use crate::delivery::{Receipt, Rules, Status};
use crate::event::{ConsumerStatus, Fact, SignalKind};
use crate::id::{AppId, ContactId, ConversationId, MessageId, TenantId};
use crate::message::Message;
use crate::record::Key;
use crate::view::{About, Halt, View};

/// Sequence numbers one receipt may name.
pub const SEQUENCES_MAX: usize = 1000;

/// The consumer accepted, read, opened or missed messages of a dialog.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub contact: ContactId,
    pub status: ConsumerStatus,
    pub sequences: Vec<i64>,
    /// The messages that the dialog has at these sequences.
    pub messages: Vec<MessageId>,
    /// JSON text or empty.
    pub metadata: String,
}

impl Command for Acknowledge {
    /// The receipt's own sequence.
    type Answer = i64;
    type Refusal = Refusal;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<i64, Halt<Refusal>> {
        let mut conversation = of_consumer(view, self.tenant, self.conversation, self.contact)?;
        let keys: Vec<Key> =
            self.messages.iter().map(|message| Key::id::<Message>(self.tenant, message.0)).collect();
        view.want(&keys)?;
        let sequence = conversation.next_sequence;
        conversation.next_sequence += 1;
        let (status, metadata) = (self.status, self.metadata.clone());
        let fact = Fact::ConsumerReceipt { status, sequences: self.sequences.clone(), sequence, metadata };
        view.emit(self.tenant, thread::about(&conversation, None), fact);
        thread::put_conversation(view, conversation);
        for key in keys {
            let message = view.get::<Message, Refusal>(&key)?;
            if let Some(message) = message.filter(|own| own.conversation == Some(self.conversation)) {
                self.mark(view, Arc::unwrap_or_clone(message))?;
            }
        }
        Ok(sequence)
    }
}

impl Acknowledge {
    fn mark(&self, view: &mut View<'_>, mut message: Message) -> Result<(), Halt<Refusal>> {
        let status = match self.status {
            ConsumerStatus::Accept => Status::Delivered,
            ConsumerStatus::Read | ConsumerStatus::Access | ConsumerStatus::Action => Status::Read,
            ConsumerStatus::Nack => Status::Failed,
        };
        let now = view.now();
        let Some(delivery) = message.delivery.as_mut() else {
            return Ok(());
        };
        let number = delivery.attempt_number();
        let receipt = Receipt { status, reason: None, at: now };
        let waited = delivery.is_queued();
        let moved = delivery.receipt(number, &Arc::from("consumer"), receipt, Rules::PLAIN, now);
        let again = delivery.is_queued() && !waited;
        settle::settle(view, &mut message, &moved)?;
        if again {
            settle::send_again(view, &message);
        }
        Ok(())
    }
}

/// A typing signal, recorded as an event because some face tells its subscribers.
#[derive(Clone, Debug)]
pub struct Signal {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub address: Option<Address>,
    pub signal: SignalKind,
    pub by: Party,
    /// Checked when the consumer signals.
    pub contact: Option<ContactId>,
}

impl Command for Signal {
    type Answer = ();
    type Refusal = Refusal;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Refusal>> {
        let conversation = match self.contact {
            Some(contact) => of_consumer(view, self.tenant, self.conversation, contact)?,
            None => thread::conversation(view, self.tenant, self.conversation)?
                .ok_or(Refusal::UnknownConversation)?,
        };
        let (signal, by) = (self.signal, self.by);
        let fact = Fact::SignalSeen { address: self.address.clone(), signal, by };
        view.emit(self.tenant, thread::about(&conversation, None), fact);
        Ok(())
    }
}

/// The consumer changes what its face keeps of a conversation: its rating, how fast an answer is wanted.
#[derive(Clone, Debug)]
pub struct ChangeContext {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub contact: ContactId,
    /// Whether a closed conversation refuses.
    pub open_only: bool,
    /// A JSON object.
    pub patch: String,
    /// Puts the patch over what is kept, as JSON text.
    pub merge: fn(Option<&str>, &str) -> String,
}

impl Command for ChangeContext {
    type Answer = ();
    type Refusal = Refusal;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Refusal>> {
        let mut conversation = match of_consumer(view, self.tenant, self.conversation, self.contact) {
            Err(Halt::Refused(Refusal::Closed)) if !self.open_only => {
                thread::conversation(view, self.tenant, self.conversation)?
                    .ok_or(Refusal::UnknownConversation)?
            }
            found => found?,
        };
        conversation.context = Some((self.merge)(conversation.context.as_deref(), &self.patch));
        updated(view, &conversation);
        thread::put_conversation(view, conversation);
        Ok(())
    }
}

/// The consumer's profile, set outside a CREATE.
#[derive(Clone, Debug)]
pub struct SetProfile {
    pub tenant: TenantId,
    pub app: AppId,
    pub from: Address,
    pub profile: Profile,
}

impl Command for SetProfile {
    type Answer = ();
    type Refusal = Refusal;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Refusal>> {
        let scope = Some(self.app);
        view.want(&[
            Key::id::<App>(self.tenant, self.app.0),
            Key::identity(self.tenant, scope, &self.from),
            Key::counter(self.tenant, "contact"),
        ])?;
        let contact = thread::find_contact(view, self.tenant, self.app, scope, &self.from)?;
        let mut contact: Contact = match contact {
            Some(contact) => Arc::unwrap_or_clone(contact),
            None => {
                let app = thread::app(view, self.tenant, self.app)?.ok_or(Refusal::UnknownConversation)?;
                let person = super::Person { name: "Unknown".to_owned(), language: String::new() };
                let identity = thread::identity(self.from.clone(), Some(self.app));
                thread::create_contact(view, &app, vec![identity], &person)?
            }
        };
        if self.profile.apply(&mut contact) {
            contact.updated_at = view.now();
            let about = About { app: Some(self.app), contact: Some(contact.id), ..About::default() };
            view.emit(self.tenant, about, Fact::ContactUpdated);
            thread::put_contact(view, contact);
        }
        Ok(())
    }
}
