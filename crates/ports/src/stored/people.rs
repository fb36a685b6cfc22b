//! Stored forms of people and what they say: contacts, agents, conversations, messages, consent.
//! The conversation and the message are written with every message, so whatever usually holds its default is lean, and
//! what their keys say is not said again.

use domain::agent::{Agent, Role};
use domain::channel::{Address, Channel};
use domain::consent::{Consent, ContentClass};
use domain::contact::{Contact, Identity};
use domain::content::Face;
use domain::conversation::{Conversation, Party, Standing};
use domain::delivery::Delivery;
use domain::id::*;
use domain::message::{Author, Direction, Message};
use domain::time::Time;

use super::form::{form, form_enum};

form! { Agent "Agent" {
    id: AgentId,
    tenant: TenantId,
    role: Role;
    number: u64,
    name: String,
    email: String,
    avatar_url: String,
} }

form_enum! { Role "Role" { Administrator, Agent, Bot } }

form! { Contact "Contact" {
    number: u64,
    created_at: Time,
    updated_at: Time;
    display_name: String,
    email: String,
    phone: String,
    external_id: String,
    language: String,
    avatar_url: String,
    metadata: String,
    channel_priority: Vec<Channel>,
    identities: Vec<Identity>,
    profile: Option<String>;
    id: ContactId,
    tenant: TenantId,
} }

form! { Identity "Identity" { address: Address; app: Option<AppId> } }

form! { Consent "Consent" {
    changed_at: Time;
    opted_out_all: bool,
    opted_out_marketing: bool,
    opted_out_notification: bool,
} }

form_enum! { ContentClass "ContentClass" { Unknown, Marketing, Notification } }

form_enum! { Standing "Standing" { Open, Pending, Snoozed, Resolved } }

form_enum! { Party "Party" { Consumer, Agent(AgentId), App, System } }

form! { Conversation "Conversation" {
    app: AppId,
    contact: ContactId,
    number: u64,
    opened_by: Face,
    last_activity_at: Time,
    created_at: Time;
    standing: Standing,
    active: bool,
    announced_to_connector: bool,
    address: Option<Address>,
    assignee: Option<AgentId>,
    last_sorting: u64,
    next_sequence: i64,
    metadata: Option<String>,
    correlation_id: String,
    context: Option<String>,
    last_message: Option<MessageId>,
    closed_at: Option<Time>,
    closed_by: Option<Party>,
    unread: u64,
    attributes: String;
    id: ConversationId,
    tenant: TenantId,
} }

form_enum! { Direction "Direction" { Inbound, Outbound } }

form_enum! { Author "Author" { Contact, Agent(AgentId), App, System } }

form! { Message "Message" {
    app: AppId,
    direction: Direction,
    author: Author,
    face: Face,
    accepted_at: Time;
    conversation: Option<ConversationId>,
    contact: Option<ContactId>,
    number: u64,
    sorting: u64,
    sequence: Option<i64>,
    private: bool,
    address: Option<Address>,
    reply_to: Option<MessageId>,
    source_id: String,
    metadata: String,
    conversation_metadata: Option<String>,
    correlation_id: String,
    class: ContentClass,
    attributes: String,
    shown_agent: String,
    delivery: Option<Delivery>;
    id: MessageId,
    tenant: TenantId,
} }
