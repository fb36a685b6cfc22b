//! The business sends to a contact over its channels.
//!
//! CONVERSATION mode finds or makes contact and conversation; DISPATCH mode keeps neither. The plan follows the
//! order rule: the explicit order, else the identities' order, else the conversation's channel, the contact's
//! preferences, the app's priority.

use std::sync::Arc;

use super::thread::{self, Draft};
use super::{Command, Person, settle};
use crate::app::{App, ProcessingMode};
use crate::channel::{Address, Channel};
use crate::consent::ContentClass;
use crate::contact::{Contact, Identity};
use crate::content::{Content, Face};
use crate::delivery::{Delivery, Priority};
use crate::event::Fact;
use crate::id::{AppId, ContactId, MessageId, TenantId};
use crate::job::Lane;
use crate::message::{Author, Direction, Message};
use crate::record::{Key, RecipientMemory};
use crate::time::Time;
use crate::view::{About, Halt, View};

/// What the business asked for; everything already validated as far as it needs no rows.
#[derive(Clone, Debug)]
pub struct Send {
    pub tenant: TenantId,
    pub app: AppId,
    pub recipient: Recipient,
    pub content: Content,
    pub order: Vec<Channel>,
    pub callback_url: Option<String>,
    pub metadata: String,
    pub conversation_metadata: Option<MetadataChange>,
    pub correlation_id: Option<String>,
    pub priority: Priority,
    /// Seconds; `None` is the default of the face.
    pub ttl_s: Option<i64>,
    pub dispatch_only: bool,
    pub class: ContentClass,
    /// JSON of the agent to show, or empty.
    pub shown_agent: String,
}

/// Whom to.
#[derive(Clone, Debug)]
pub enum Recipient {
    Contact(ContactId),
    /// Not empty, channels distinct, addresses normalized; `true` where the channel scopes addresses to an app.
    Identities(Vec<(Address, bool)>),
}

/// How the conversation's metadata changes. The merge itself is JSON work and done by the face's function.
#[derive(Clone, Debug)]
pub enum MetadataChange {
    Replace(String),
    /// The patch, and the function that merges it (RFC 7396) into the text that was there.
    Merge {
        patch: String,
        merge: fn(Option<&str>, &str) -> String,
    },
}

/// What the client learns.
#[derive(Clone, Debug)]
pub struct Sent {
    pub message: MessageId,
    pub accepted_at: Time,
}

/// Why nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownApp,
    UnknownContact,
    /// A named channel is not configured in the app.
    ChannelNotConfigured(Channel),
    /// Dispatch mode takes identities only.
    ContactInDispatch,
    /// None of the contact's identities can be used.
    NoChannel,
    /// Too many of the app's messages wait already.
    QueueFull,
}

impl Command for Send {
    type Answer = Sent;
    type Refusal = Refusal;

    const BRINGS_CONTENT: bool = true;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Sent, Halt<Refusal>> {
        let mut wanted = vec![Key::id::<App>(self.tenant, self.app.0), Key::queue(self.tenant, self.app)];
        wanted.extend(thread::counters(self.tenant));
        match &self.recipient {
            Recipient::Contact(id) => {
                wanted.push(Key::id::<Contact>(self.tenant, id.0));
                wanted.push(Key::active_conversation(self.tenant, self.app, *id));
            }
            Recipient::Identities(all) => wanted
                .extend(all.iter().map(|(address, scoped)| {
                    Key::identity(self.tenant, scoped.then_some(self.app), address)
                })),
        }
        view.want(&wanted)?;
        let app = thread::app(view, self.tenant, self.app)?.ok_or(Refusal::UnknownApp)?;
        for channel in self.order.iter().chain(self.identities().map(|address| &address.channel)) {
            if app.account(channel).is_none() {
                return Err(Refusal::ChannelNotConfigured(channel.clone()).into());
            }
        }
        if settle::queued::<Refusal>(view, self.tenant, app.id)? >= app.queue_limit {
            return Err(Refusal::QueueFull.into());
        }
        if self.dispatch_only || app.mode == ProcessingMode::Dispatch {
            return self.dispatch(view, &app);
        }
        let contact = self.contact(view, &app)?;
        let (mut conversation, known) = match thread::active(view, &app, contact.id)? {
            Some(conversation) => (conversation, true),
            None => (thread::start(view, &app, contact.id, Face::Sinch, None)?, false),
        };
        self.set_metadata(&mut conversation.metadata, &mut conversation.correlation_id);
        let current = conversation.address.clone().filter(|_| known);
        let plan = self.plan(&app, &contact, current.as_ref());
        if plan.is_empty() {
            return Err(Refusal::NoChannel.into());
        }
        let draft = Draft {
            address: plan.first().cloned(),
            metadata: self.metadata.clone(),
            class: self.class,
            shown_agent: self.shown_agent.clone(),
            delivery: Some(self.delivery(plan, view.now())),
            ..Draft::new(Direction::Outbound, Author::App, Face::Sinch, self.content.clone())
        };
        let first = draft.address.as_ref();
        conversation.announced_to_connector |=
            first.is_some_and(|to| to.channel.as_str() == Channel::CONNECTOR);
        let message = thread::append(view, &mut conversation, draft)?;
        thread::put_conversation(view, conversation);
        Ok(Sent { message: message.id, accepted_at: message.accepted_at })
    }
}

impl Send {
    fn identities(&self) -> impl Iterator<Item = &Address> {
        let listed: &[(Address, bool)] = match &self.recipient {
            Recipient::Identities(all) => all,
            Recipient::Contact(_) => &[],
        };
        listed.iter().map(|(address, _)| address)
    }

    fn delivery(&self, plan: Vec<Address>, now: Time) -> Delivery {
        let expires_at = self.ttl_s.map_or(Time::NEVER, |ttl_s| now.plus_s(ttl_s));
        Delivery {
            callback_url: self.callback_url.clone(),
            ..Delivery::planned(plan, self.priority, expires_at, now)
        }
    }

    /// The contact of the first identity that is known, or a new one with all of them.
    fn contact(&self, view: &mut View<'_>, app: &App) -> Result<Arc<Contact>, Halt<Refusal>> {
        let all = match &self.recipient {
            Recipient::Contact(id) => {
                let contact = view.by_id::<Contact, Refusal>(self.tenant, id.0)?;
                return contact.ok_or(Refusal::UnknownContact.into());
            }
            Recipient::Identities(all) => all,
        };
        for (address, scoped) in all {
            let scope = scoped.then_some(app.id);
            if let Some(contact) = thread::find_contact(view, self.tenant, app.id, scope, address)? {
                return Ok(contact);
            }
        }
        let identities: Vec<Identity> = all
            .iter()
            .map(|(address, scoped)| thread::identity(address.clone(), scoped.then_some(app.id)))
            .collect();
        let person = Person { name: "Unknown".to_owned(), language: String::new() };
        Ok(Arc::new(thread::create_contact(view, app, identities, &person)?))
    }

    fn plan(&self, app: &App, contact: &Contact, current: Option<&Address>) -> Vec<Address> {
        let listed: Vec<&Address> = self.identities().collect();
        let of_contact = || contact.identities_for(app.id).map(|identity| &identity.address);
        if !self.order.is_empty() {
            let mut plan: Vec<Address> = Vec::new();
            for channel in &self.order {
                let taken = plan.iter().any(|address| address.channel == *channel);
                let found =
                    listed.iter().copied().chain(of_contact()).find(|address| address.channel == *channel);
                plan.extend(found.filter(|_| !taken).cloned());
            }
            return plan;
        }
        if !listed.is_empty() {
            return listed.into_iter().cloned().collect();
        }
        thread::plan_for_contact(app, contact, current)
    }

    fn set_metadata(&self, metadata: &mut Option<String>, correlation_id: &mut String) {
        match &self.conversation_metadata {
            Some(MetadataChange::Replace(json)) => *metadata = Some(json.clone()),
            Some(MetadataChange::Merge { patch, merge }) => {
                *metadata = Some(merge(metadata.as_deref(), patch));
            }
            None => {}
        }
        if let Some(given) = &self.correlation_id {
            correlation_id.clone_from(given);
        }
    }

    /// DISPATCH: no contact, no conversation; what is remembered stays with the recipient identities.
    fn dispatch(&self, view: &mut View<'_>, app: &App) -> Result<Sent, Halt<Refusal>> {
        let Recipient::Identities(all) = &self.recipient else {
            return Err(Refusal::ContactInDispatch.into());
        };
        let mut plan: Vec<Address> = all.iter().map(|(address, _)| address.clone()).collect();
        if !self.order.is_empty() {
            plan.retain(|address| self.order.contains(&address.channel));
            plan.sort_by_key(|address| self.order.iter().position(|channel| *channel == address.channel));
        }
        let first = plan.first().cloned().ok_or(Refusal::NoChannel)?;
        let mut memory = RecipientMemory::default();
        if app.dispatch_retention_days > 0 {
            // It stays with all specified identities, whichever of them are tried.
            for address in self.identities() {
                let key = Key::recipient_memory(self.tenant, app.id, address);
                let kept = view.get::<RecipientMemory, Refusal>(&key)?;
                let mut kept = kept.map(Arc::unwrap_or_clone).unwrap_or_default();
                self.set_metadata(&mut kept.metadata, &mut kept.correlation_id);
                view.put(key, kept.clone());
                if *address == first {
                    memory = kept;
                }
            }
        } else {
            self.set_metadata(&mut memory.metadata, &mut memory.correlation_id);
        }
        let number = view.next_number::<Refusal>(self.tenant, "message")?;
        let id = MessageId(view.next_id());
        let message = Message {
            id,
            tenant: self.tenant,
            app: app.id,
            conversation: None,
            contact: None,
            number,
            sorting: 0,
            sequence: None,
            direction: Direction::Outbound,
            author: Author::App,
            private: false,
            face: Face::Sinch,
            address: Some(first.clone()),
            reply_to: None,
            source_id: String::new(),
            accepted_at: view.now(),
            metadata: self.metadata.clone(),
            conversation_metadata: memory.metadata,
            correlation_id: memory.correlation_id,
            class: self.class,
            attributes: String::new(),
            shown_agent: self.shown_agent.clone(),
            delivery: Some(self.delivery(plan, view.now())),
        };
        view.put(Key::id::<Content>(self.tenant, id.0), self.content.clone());
        let about = About { app: Some(app.id), message: Some(id), ..About::default() };
        view.emit(self.tenant, about, Fact::MessageSubmitted);
        thread::schedule(view, &message, Lane::Recipient(app.id, first))?;
        thread::put_message(view, message);
        Ok(Sent { message: id, accepted_at: view.now() })
    }
}
