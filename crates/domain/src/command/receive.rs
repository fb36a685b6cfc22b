//! A person wrote: through a provider's callback, or a consumer face.
//!
//! The contact is found or made, the message goes into the active conversation or starts one, keywords change
//! consent, and a provider's repeated callback changes nothing.

use std::sync::Arc;

use super::standing::SetStanding;
use super::thread::{self, Draft};
use super::{Command, Person, fetch, reply, settle};
use crate::app::{App, ProcessingMode};
use crate::channel::Address;
use crate::consent::{Consent, Keyword};
use crate::contact::Contact;
use crate::content::{Body, Content, Face};
use crate::conversation::{Conversation, Party, Standing};
use crate::event::Fact;
use crate::id::{AppId, ContactId, ConversationId, FileId, MessageId, TenantId};
use crate::message::{Author, Direction, Message};
use crate::record::{Key, Pointer, RecipientMemory};
use crate::view::{About, Halt, View};

/// How long a message of no conversation keeps its content at least, in seconds: its callback may be tried so long.
const KEPT_S: i64 = 3 * 86_400;

/// An inbound message.
#[derive(Clone, Debug)]
pub struct Receive {
    pub tenant: TenantId,
    pub app: AppId,
    pub face: Face,
    pub from: Address,
    /// Whether the address means something within this app only.
    pub app_scoped: bool,
    pub person: Person,
    /// The provider's id of the message: a repeat is answered with the first one. Empty: never a repeat.
    pub source_id: String,
    pub content: Content,
    /// The provider's id of the message it answers.
    pub reply_to: Option<Arc<str>>,
    /// Set where the caller names the conversation; otherwise the active one, or a new one.
    pub conversation: Option<ConversationId>,
    /// The writer's metadata, JSON text or empty.
    pub metadata: String,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Received {
    pub message: MessageId,
    pub number: u64,
    pub sequence: Option<i64>,
    pub conversation: Option<ConversationId>,
    /// It was there already.
    pub repeated: bool,
}

/// Why nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownApp,
    UnknownConversation,
    /// The named conversation is another person's.
    NotYours,
    ConversationClosed,
}

impl Command for Receive {
    type Answer = Received;
    type Refusal = Refusal;

    const BRINGS_CONTENT: bool = true;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Received, Halt<Refusal>> {
        let scope = self.app_scoped.then_some(self.app);
        let mut wanted = vec![
            Key::id::<App>(self.tenant, self.app.0),
            Key::identity(self.tenant, scope, &self.from),
            Key::consent(self.tenant, self.app, &self.from),
            self.source_key(),
        ];
        wanted.extend(thread::counters(self.tenant));
        wanted.extend(self.answered_key());
        wanted.extend(self.awaits_files().then(|| fetch::counter(self.tenant)));
        wanted.extend(self.conversation.map(|id| Key::id::<Conversation>(self.tenant, id.0)));
        view.want(&wanted)?;
        let app = thread::app(view, self.tenant, self.app)?.ok_or(Refusal::UnknownApp)?;
        if let Some(first) = self.first_time(view)? {
            return Ok(first);
        }
        self.hear_keyword(view)?;
        if app.mode == ProcessingMode::Dispatch && self.face == Face::Provider {
            return self.without_conversation(view, &app);
        }
        let contact = match thread::find_contact(view, self.tenant, app.id, scope, &self.from)? {
            Some(contact) => Arc::unwrap_or_clone(contact),
            None => {
                let identity = thread::identity(self.from.clone(), scope);
                thread::create_contact(view, &app, vec![identity], &self.person)?
            }
        };
        let mut conversation = self.conversation(view, &app, &contact)?;
        conversation.address = Some(self.from.clone());
        conversation.unread += 1;
        let (content, files) = self.content(view)?;
        let draft = Draft {
            address: Some(self.from.clone()),
            reply_to: self.answered(view)?,
            source_id: self.source_id.clone(),
            metadata: self.metadata.clone(),
            ..Draft::new(Direction::Inbound, Author::Contact, self.face, content)
        };
        let message = thread::append(view, &mut conversation, draft)?;
        thread::put_conversation(view, conversation);
        fetch::schedule(view, &message, &files);
        self.remember_source(view, message.id);
        Ok(Received {
            message: message.id,
            number: message.number,
            sequence: message.sequence,
            conversation: message.conversation,
            repeated: false,
        })
    }
}

impl Receive {
    fn source_key(&self) -> Key {
        Key::inbound_source(self.tenant, self.app, self.from.channel.as_str(), &self.source_id)
    }

    /// The message that an earlier copy of this callback made.
    fn first_time(&self, view: &mut View<'_>) -> Result<Option<Received>, Halt<Refusal>> {
        if self.source_id.is_empty() {
            return Ok(None);
        }
        let Some(pointer) = view.get::<Pointer, Refusal>(&self.source_key())? else {
            return Ok(None);
        };
        let message = view.by_id::<Message, Refusal>(self.tenant, pointer.target)?;
        Ok(message.map(|message| Received {
            message: message.id,
            number: message.number,
            sequence: message.sequence,
            conversation: message.conversation,
            repeated: true,
        }))
    }

    fn remember_source(&self, view: &mut View<'_>, message: MessageId) {
        if !self.source_id.is_empty() {
            view.put(self.source_key(), Pointer { target: message.0, attempt: 0 });
        }
    }

    /// Whether files came with it that are still at the provider.
    fn awaits_files(&self) -> bool {
        self.face == Face::Provider && fetch::is_elsewhere(&self.content)
    }

    /// What is kept of it, and the files that are to be fetched.
    fn content(&self, view: &mut View<'_>) -> Result<(Content, Vec<FileId>), Halt<Refusal>> {
        let mut content = self.content.clone();
        let files = if self.awaits_files() {
            fetch::await_files(view, self.tenant, &mut content)?
        } else {
            Vec::new()
        };
        Ok((content, files))
    }

    fn hear_keyword(&self, view: &mut View<'_>) -> Result<(), Halt<Refusal>> {
        let Body::Text(text) = &self.content.body else {
            return Ok(());
        };
        let Some(keyword) = Keyword::of(text) else {
            return Ok(());
        };
        let key = Key::consent(self.tenant, self.app, &self.from);
        let mut consent = view.get::<Consent, Refusal>(&key)?.map(Arc::unwrap_or_clone).unwrap_or_default();
        consent.apply(keyword, view.now());
        view.put(key, consent);
        let about = About { app: Some(self.app), ..About::default() };
        view.emit(self.tenant, about, Fact::ConsentChanged { address: self.from.clone(), keyword });
        Ok(())
    }

    /// Where the message that this one answers is found.
    fn answered_key(&self) -> Option<Key> {
        let provider_id = self.reply_to.as_ref()?;
        Some(Key::provider_id(self.tenant, self.app, self.from.channel.as_str(), provider_id))
    }

    fn answered(&self, view: &mut View<'_>) -> Result<Option<MessageId>, Halt<Refusal>> {
        let Some(key) = self.answered_key() else {
            return Ok(None);
        };
        Ok(view.get::<Pointer, Refusal>(&key)?.map(|pointer| MessageId(pointer.target)))
    }

    fn conversation(
        &self,
        view: &mut View<'_>,
        app: &App,
        contact: &Contact,
    ) -> Result<Conversation, Halt<Refusal>> {
        if let Some(id) = self.conversation {
            let named = thread::conversation(view, self.tenant, id)?.ok_or(Refusal::UnknownConversation)?;
            if named.contact != contact.id || named.app != app.id {
                return Err(Refusal::NotYours.into());
            }
            return if named.is_open() { Ok(named) } else { Err(Refusal::ConversationClosed.into()) };
        }
        if let Some(mut active) = thread::active(view, app, contact.id)? {
            if active.standing == Standing::Snoozed {
                active.standing = Standing::Open;
                let by = Party::Consumer;
                let fact = Fact::StandingChanged { from: Standing::Snoozed, to: Standing::Open, by };
                view.emit(self.tenant, thread::about(&active, None), fact);
            }
            return Ok(active);
        }
        thread::start(view, app, contact.id, self.face, Some(self.from.clone()))
    }

    /// Dispatch mode: the message stands alone, with what was remembered for the address.
    fn without_conversation(&self, view: &mut View<'_>, app: &App) -> Result<Received, Halt<Refusal>> {
        let key = Key::recipient_memory(self.tenant, self.app, &self.from);
        let memory =
            view.get::<RecipientMemory, Refusal>(&key)?.map(Arc::unwrap_or_clone).unwrap_or_default();
        let reply_to = self.answered(view)?;
        let (content, files) = self.content(view)?;
        let number = view.next_number::<Refusal>(self.tenant, "message")?;
        let id = MessageId(view.next_id());
        let message = Message {
            id,
            tenant: self.tenant,
            app: app.id,
            conversation: None,
            contact: None::<ContactId>,
            number,
            sorting: 0,
            sequence: None,
            direction: Direction::Inbound,
            author: Author::Contact,
            private: false,
            face: self.face,
            address: Some(self.from.clone()),
            reply_to,
            source_id: self.source_id.clone(),
            accepted_at: view.now(),
            metadata: self.metadata.clone(),
            conversation_metadata: memory.metadata,
            correlation_id: memory.correlation_id,
            class: crate::consent::ContentClass::Unknown,
            attributes: String::new(),
            shown_agent: String::new(),
            delivery: None,
        };
        view.put(Key::id::<Content>(self.tenant, id.0), content);
        fetch::schedule(view, &message, &files);
        let kept_s = KEPT_S.max(i64::from(app.dispatch_retention_days) * 86_400);
        settle::erase_at(view, &message, view.now().plus_s(kept_s));
        thread::put_message(view, message);
        let about = About { app: Some(app.id), message: Some(id), ..About::default() };
        view.emit(self.tenant, about, Fact::MessageReceived);
        self.remember_source(view, id);
        Ok(Received { message: id, number, sequence: None, conversation: None, repeated: false })
    }
}

/// A program of the agents' side says what the person wrote, into the conversation that it names. It is never a
/// repeat, and it opens a resolved or snoozed conversation again.
#[derive(Clone, Debug)]
pub struct SpeakFor {
    /// Who speaks, where and what; its `source_id` is not looked at.
    pub receive: Receive,
    /// The number of the message it answers.
    pub in_reply_to: Option<MessageId>,
    /// JSON object text or empty.
    pub attributes: String,
    /// The writer's own id of it, kept as it is.
    pub source_id: String,
}

impl Command for SpeakFor {
    type Answer = Arc<Message>;
    type Refusal = Refusal;

    const BRINGS_CONTENT: bool = true;

    fn tenant(&self) -> TenantId {
        self.receive.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Arc<Message>, Halt<Refusal>> {
        let Receive { tenant, app, from, .. } = &self.receive;
        let id = self.receive.conversation.ok_or(Refusal::UnknownConversation)?;
        let scope = self.receive.app_scoped.then_some(*app);
        let mut wanted = vec![
            Key::id::<Conversation>(*tenant, id.0),
            Key::identity(*tenant, scope, from),
            Key::consent(*tenant, *app, from),
            Key::counter(*tenant, "message"),
        ];
        wanted.extend(self.in_reply_to.map(|message| Key::id::<Message>(*tenant, message.0)));
        view.want(&wanted)?;
        let named = thread::conversation(view, *tenant, id)?.ok_or(Refusal::UnknownConversation)?;
        let contact = thread::find_contact(view, *tenant, *app, scope, from)?;
        if contact.is_none_or(|contact| contact.id != named.contact) || named.app != *app {
            return Err(Refusal::NotYours.into());
        }
        self.receive.hear_keyword(view)?;
        let mut conversation = reopened(view, named)?;
        conversation.address = Some(from.clone());
        conversation.unread += 1;
        let draft = Draft {
            address: Some(from.clone()),
            reply_to: reply::answered(view, *tenant, id, self.in_reply_to)?,
            source_id: self.source_id.clone(),
            metadata: self.receive.metadata.clone(),
            attributes: self.attributes.clone(),
            ..Draft::new(Direction::Inbound, Author::Contact, self.receive.face, self.receive.content.clone())
        };
        let message = thread::append(view, &mut conversation, draft)?;
        thread::put_conversation(view, conversation);
        Ok(Arc::new(message))
    }
}

/// The conversation, open: a person who writes again wakes it.
fn reopened(view: &mut View<'_>, conversation: Conversation) -> Result<Conversation, Halt<Refusal>> {
    if !matches!(conversation.standing, Standing::Resolved | Standing::Snoozed) {
        return Ok(conversation);
    }
    let (tenant, id) = (conversation.tenant, conversation.id);
    let open =
        SetStanding { tenant, conversation: id, to: Standing::Open, by: Party::Consumer, contact: None };
    open.decide(view).map_err(|halt| match halt {
        Halt::Wanted => Halt::Wanted,
        Halt::Refused(_) => Halt::Refused(Refusal::UnknownConversation),
    })?;
    thread::conversation(view, tenant, id)?.ok_or(Refusal::UnknownConversation.into())
}
