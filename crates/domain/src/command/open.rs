//! The consumer opens a conversation in one batch: profile, conversation, first messages.
//!
//! One command and one commit with an answer per element. The profile stands even when the conversation is
//! refused, as the consumer face's vendor documents it.

use std::sync::Arc;

use super::thread::{self, Draft};
use super::{Command, Person};
use crate::app::App;
use crate::channel::Address;
use crate::content::{Content, Face};
use crate::event::Fact;
use crate::id::{AppId, ConversationId, TenantId};
use crate::message::{Author, Direction};
use crate::record::Key;
use crate::view::{Halt, View};

/// What the consumer asked for.
#[derive(Clone, Debug)]
pub struct Open {
    pub tenant: TenantId,
    pub app: AppId,
    /// The consumer's address on the connector channel.
    pub from: Address,
    pub profile: Profile,
    /// `None` when the conversation element was found invalid: the profile alone is set.
    pub conversation: Option<NewConversation>,
    /// Messages to publish into it, each with metadata JSON (or empty).
    pub messages: Vec<(Content, String)>,
}

/// A profile as given: the JSON is kept and merged; the plain fields serve the other faces.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub avatar_url: Option<String>,
    /// A JSON object in the consumer face's words.
    pub json: Option<String>,
}

/// The conversation element.
#[derive(Clone, Debug)]
pub struct NewConversation {
    /// The element's body as JSON, for notifications.
    pub context: String,
}

/// An answer per element.
#[derive(Clone, Debug)]
pub struct Opened {
    /// `Err`: the consumer already has an open conversation. `None`: none was asked for.
    pub conversation: Option<Result<ConversationId, AlreadyOpen>>,
    /// The sequence of each message; empty when there is no conversation.
    pub sequences: Vec<i64>,
}

/// The consumer already has an open conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyOpen(pub ConversationId);

/// Why nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownApp,
}

impl Command for Open {
    type Answer = Opened;
    type Refusal = Refusal;

    const BRINGS_CONTENT: bool = true;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Opened, Halt<Refusal>> {
        let (tenant, from) = (self.tenant, &self.from);
        let mut wanted =
            vec![Key::id::<App>(tenant, self.app.0), Key::identity(tenant, Some(self.app), from)];
        wanted.extend(thread::counters(tenant));
        view.want(&wanted)?;
        let app = thread::app(view, tenant, self.app)?.ok_or(Refusal::UnknownApp)?;
        let found = thread::find_contact(view, tenant, app.id, Some(app.id), from)?;
        let known = found.is_some();
        let mut contact = match found {
            Some(contact) => Arc::unwrap_or_clone(contact),
            None => {
                let person = Person { name: "Unknown".to_owned(), language: String::new() };
                let identity = thread::identity(from.clone(), Some(app.id));
                thread::create_contact(view, &app, vec![identity], &person)?
            }
        };
        if self.profile.apply(&mut contact) {
            contact.updated_at = view.now();
            thread::put_contact(view, contact.clone());
            if known {
                let about =
                    crate::view::About { app: Some(app.id), contact: Some(contact.id), ..Default::default() };
                view.emit(tenant, about, Fact::ContactUpdated);
            }
        }
        let Some(wanted) = &self.conversation else {
            return Ok(Opened { conversation: None, sequences: Vec::new() });
        };
        let mut conversation = match thread::active(view, &app, contact.id)? {
            Some(active) if active.announced_to_connector => {
                return Ok(Opened { conversation: Some(Err(AlreadyOpen(active.id))), sequences: Vec::new() });
            }
            Some(mut active) => {
                active.next_sequence = 0;
                view.emit(tenant, thread::about(&active, None), Fact::ConversationUpdated);
                active
            }
            None => thread::start(view, &app, contact.id, Face::LivePerson, Some(from.clone()))?,
        };
        conversation.announced_to_connector = true;
        conversation.context = Some(wanted.context.clone());
        conversation.address = Some(from.clone());
        let mut sequences = Vec::new();
        for (content, metadata) in &self.messages {
            let draft = Draft {
                address: Some(from.clone()),
                metadata: metadata.clone(),
                ..Draft::new(Direction::Inbound, Author::Contact, Face::LivePerson, content.clone())
            };
            conversation.unread += 1;
            sequences.extend(thread::append(view, &mut conversation, draft)?.sequence);
        }
        let id = conversation.id;
        thread::put_conversation(view, conversation);
        Ok(Opened { conversation: Some(Ok(id)), sequences })
    }
}

impl Profile {
    /// Takes over what was given; says whether anything changed.
    pub fn apply(&self, contact: &mut crate::contact::Contact) -> bool {
        let before = contact.clone();
        let fields = [
            (&self.display_name, &mut contact.display_name),
            (&self.email, &mut contact.email),
            (&self.phone, &mut contact.phone),
            (&self.avatar_url, &mut contact.avatar_url),
        ];
        for (given, field) in fields {
            if let Some(given) = given.as_ref().filter(|given| !given.is_empty()) {
                field.clone_from(given);
            }
        }
        if self.json.is_some() {
            contact.profile.clone_from(&self.json);
        }
        *contact != before
    }
}
