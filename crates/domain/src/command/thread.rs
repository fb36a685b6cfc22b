//! The pieces that several commands share: finding or making the contact, the active conversation, and appending a
//! message to it.

use std::sync::Arc;

use super::settle;
use crate::app::App;
use crate::channel::Address;
use crate::consent::ContentClass;
use crate::contact::{Contact, Identity};
use crate::content::{Content, Face};
use crate::conversation::{Conversation, Standing};
use crate::delivery::Delivery;
use crate::event::Fact;
use crate::id::{AppId, ContactId, ConversationId, MessageId, TenantId};
use crate::job::Lane;
use crate::message::{Author, Direction, Message};
use crate::record::{Key, List, Listing, Pointer};
use crate::view::{About, Halt, View};

/// What a caller knows of a person that may have to be created.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub name: String,
    pub language: String,
}

/// A message about to be appended.
pub struct Draft {
    pub direction: Direction,
    pub author: Author,
    pub private: bool,
    pub face: Face,
    pub address: Option<Address>,
    pub reply_to: Option<MessageId>,
    pub source_id: String,
    pub metadata: String,
    pub class: ContentClass,
    pub attributes: String,
    pub shown_agent: String,
    pub content: Content,
    pub delivery: Option<Delivery>,
}

impl Draft {
    /// Content and author, everything else empty.
    pub fn new(direction: Direction, author: Author, face: Face, content: Content) -> Draft {
        Draft {
            direction,
            author,
            private: false,
            face,
            address: None,
            reply_to: None,
            source_id: String::new(),
            metadata: String::new(),
            class: ContentClass::Unknown,
            attributes: String::new(),
            shown_agent: String::new(),
            content,
            delivery: None,
        }
    }
}

/// The app's row.
pub fn app<R>(view: &mut View<'_>, tenant: TenantId, app: AppId) -> Result<Option<Arc<App>>, Halt<R>> {
    view.by_id::<App, R>(tenant, app.0)
}

/// The contact behind an address, if any. What is wanted next of it, its active conversation, is loaded with it.
pub fn find_contact<R>(
    view: &mut View<'_>,
    tenant: TenantId,
    app: AppId,
    scope: Option<AppId>,
    address: &Address,
) -> Result<Option<Arc<Contact>>, Halt<R>> {
    let Some(pointer) = view.get::<Pointer, R>(&Key::identity(tenant, scope, address))? else {
        return Ok(None);
    };
    let active = Key::active_conversation(tenant, app, ContactId(pointer.target));
    view.want(&[Key::id::<Contact>(tenant, pointer.target), active])?;
    view.by_id::<Contact, R>(tenant, pointer.target)
}

/// The counters that a new message may draw from, and what it makes on its way.
pub fn counters(tenant: TenantId) -> [Key; 3] {
    ["message", "conversation", "contact"].map(|what| Key::counter(tenant, what))
}

/// Makes a contact with exactly these identities and tells the log.
pub fn create_contact<R>(
    view: &mut View<'_>,
    app: &App,
    identities: Vec<Identity>,
    person: &Person,
) -> Result<Contact, Halt<R>> {
    let number = view.next_number::<R>(app.tenant, "contact")?;
    let id = ContactId(view.next_id());
    view.is_new(Key::active_conversation(app.tenant, app.id, id));
    for identity in &identities {
        let key = Key::identity(app.tenant, identity.app, &identity.address);
        view.put(key, Pointer { target: id.0, attempt: 0 });
    }
    let contact = Contact {
        id,
        tenant: app.tenant,
        number,
        display_name: person.name.clone(),
        email: String::new(),
        phone: String::new(),
        external_id: String::new(),
        language: person.language.clone(),
        avatar_url: String::new(),
        metadata: String::new(),
        channel_priority: Vec::new(),
        identities,
        profile: None,
        created_at: view.now(),
        updated_at: view.now(),
    };
    view.list(Listing {
        tenant: app.tenant,
        list: List::ContactsOfTenant,
        owner: app.tenant.0,
        position: number,
        target: id.0,
    });
    put_contact(view, contact.clone());
    let about = About { app: Some(app.id), contact: Some(id), ..About::default() };
    view.emit(app.tenant, about, Fact::ContactCreated);
    Ok(contact)
}

/// Writes a contact.
pub fn put_contact(view: &mut View<'_>, contact: Contact) {
    view.put(Key::id::<Contact>(contact.tenant, contact.id.0), contact);
}

/// Writes a conversation.
pub fn put_conversation(view: &mut View<'_>, conversation: Conversation) {
    view.put(Key::id::<Conversation>(conversation.tenant, conversation.id.0), conversation);
}

/// The one active conversation of app and contact.
pub fn active<R>(
    view: &mut View<'_>,
    app: &App,
    contact: ContactId,
) -> Result<Option<Conversation>, Halt<R>> {
    let key = Key::active_conversation(app.tenant, app.id, contact);
    match view.get::<Pointer, R>(&key)? {
        Some(pointer) => conversation(view, app.tenant, ConversationId(pointer.target)),
        None => Ok(None),
    }
}

/// A conversation by id, to be changed and put back.
pub fn conversation<R>(
    view: &mut View<'_>,
    tenant: TenantId,
    id: ConversationId,
) -> Result<Option<Conversation>, Halt<R>> {
    Ok(view.by_id::<Conversation, R>(tenant, id.0)?.map(Arc::unwrap_or_clone))
}

/// Starts a conversation. It becomes the active one when no other is; `wanted_id` serves faces that mint ids.
pub fn start<R>(
    view: &mut View<'_>,
    app: &App,
    contact: ContactId,
    opened_by: Face,
    address: Option<Address>,
) -> Result<Conversation, Halt<R>> {
    let tenant = app.tenant;
    let active_key = Key::active_conversation(tenant, app.id, contact);
    let active = view.get::<Pointer, R>(&active_key)?.is_none();
    let number = view.next_number::<R>(tenant, "conversation")?;
    let id = ConversationId(view.next_id());
    if active {
        view.put(active_key, Pointer { target: id.0, attempt: 0 });
    }
    let listing = |list, owner| Listing { tenant, list, owner, position: number, target: id.0 };
    view.list(listing(List::ConversationsOfContact, contact.0));
    view.list(listing(List::ConversationsOfApp, app.id.0));
    view.list(listing(List::ConversationsOfTenant, tenant.0));
    let conversation = Conversation {
        id,
        tenant,
        app: app.id,
        contact,
        number,
        standing: Standing::Open,
        active,
        opened_by,
        announced_to_connector: false,
        address,
        assignee: None,
        last_sorting: 0,
        next_sequence: 0,
        metadata: None,
        correlation_id: String::new(),
        context: None,
        last_message: None,
        last_activity_at: view.now(),
        created_at: view.now(),
        closed_at: None,
        closed_by: None,
        unread: 0,
        attributes: String::new(),
    };
    put_conversation(view, conversation.clone());
    view.emit(tenant, about(&conversation, None), Fact::ConversationStarted);
    Ok(conversation)
}

/// Whom events of this conversation are about.
pub fn about(conversation: &Conversation, message: Option<MessageId>) -> About {
    About {
        app: Some(conversation.app),
        contact: Some(conversation.contact),
        conversation: Some(conversation.id),
        message,
    }
}

/// Appends a message: numbers, content row, lists, event, and the job that hands it over when it travels. The
/// conversation is changed, not written.
pub fn append<R>(
    view: &mut View<'_>,
    conversation: &mut Conversation,
    draft: Draft,
) -> Result<Message, Halt<R>> {
    let tenant = conversation.tenant;
    let number = view.next_number::<R>(tenant, "message")?;
    let id = MessageId(view.next_id());
    conversation.last_sorting += 1;
    let sequence = (!draft.private && draft.author != Author::System).then_some(conversation.next_sequence);
    let listing = |list, position| Listing { tenant, list, owner: conversation.id.0, position, target: id.0 };
    view.list(listing(List::MessagesOfConversation, number));
    if let Some(position) = sequence.and_then(|sequence| u64::try_from(sequence).ok()) {
        view.list(listing(List::DialogOfConversation, position));
        conversation.next_sequence += 1;
    }
    conversation.last_message = Some(id);
    conversation.last_activity_at = view.now();
    let message = Message {
        id,
        tenant,
        app: conversation.app,
        conversation: Some(conversation.id),
        contact: Some(conversation.contact),
        number,
        sorting: conversation.last_sorting,
        sequence,
        direction: draft.direction,
        author: draft.author,
        private: draft.private,
        face: draft.face,
        address: draft.address,
        reply_to: draft.reply_to,
        source_id: draft.source_id,
        accepted_at: view.now(),
        metadata: draft.metadata,
        conversation_metadata: conversation.metadata.clone(),
        correlation_id: conversation.correlation_id.clone(),
        class: draft.class,
        attributes: draft.attributes,
        shown_agent: draft.shown_agent,
        delivery: draft.delivery,
    };
    view.put(Key::id::<Content>(tenant, id.0), draft.content);
    let fact = match draft.direction {
        Direction::Inbound => Fact::MessageReceived,
        Direction::Outbound => Fact::MessageSubmitted,
    };
    view.emit(tenant, about(conversation, Some(id)), fact);
    schedule(view, &message, Lane::Conversation(conversation.id))?;
    put_message(view, message.clone());
    Ok(message)
}

/// Writes a message.
pub fn put_message(view: &mut View<'_>, message: Message) {
    view.put(Key::id::<Message>(message.tenant, message.id.0), message);
}

/// Puts a new message that travels into its app's queue, to be handed over now.
pub fn schedule<R>(view: &mut View<'_>, message: &Message, lane: Lane) -> Result<(), Halt<R>> {
    if message.delivery.is_some() {
        settle::enqueue(view, message)?;
        view.schedule_send(message, view.now(), lane);
    }
    Ok(())
}

/// Where a contact's next message goes: the conversation's own address first, then preferences, then app order.
pub fn plan_for_contact(app: &App, contact: &Contact, current: Option<&Address>) -> Vec<Address> {
    let known: Vec<&Address> = contact.identities_for(app.id).map(|identity| &identity.address).collect();
    let mut plan: Vec<Address> = Vec::new();
    let mut push = |address: &Address| {
        let usable = address.channel.is_face() || app.account(&address.channel).is_some();
        if usable && !plan.iter().any(|taken| taken.channel == address.channel) {
            plan.push(address.clone());
        }
    };
    current.into_iter().for_each(&mut push);
    let preferred = contact.channel_priority.iter();
    let configured = app.channels.iter().map(|account| &account.channel);
    for channel in preferred.chain(configured) {
        known.iter().filter(|address| address.channel == *channel).for_each(|address| push(address));
    }
    known.iter().filter(|address| address.channel.is_face()).for_each(|address| push(address));
    // A face channel hears of a message when it is accepted, so it can only be the first leg.
    let mut place = 0;
    plan.retain(|address| {
        place += 1;
        place == 1 || !address.channel.is_face()
    });
    plan
}

/// An identity on a channel whose addresses mean something within one app, or within the tenant.
pub fn identity(address: Address, scope: Option<AppId>) -> Identity {
    Identity { address, app: scope }
}
