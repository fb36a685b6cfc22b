//! The vendor's objects in output: message, conversation, contact, identity. Shared by answers and callbacks.
//!
//! Unset strings print as `""`; exactly one of `app_message` and `contact_message` is there, the other is absent.

use domain::agent::Agent;
use domain::channel::Address;
use domain::contact::Contact;
use domain::content::Content;
use domain::conversation::Conversation;
use domain::delivery::{Reason, ReasonKind, Status};
use domain::id::{ContactId, ConversationId};
use domain::message::{Author, Direction, Message};
use domain::time::Time;
use serde_json::{Map, Value, json};

use crate::{channels, json as js, print_content};

/// RFC 3339, UTC, milliseconds.
pub fn time(at: Time) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// Whether this face's users may see the message: notes and the system's own lines stay inside.
pub fn is_shown(message: &Message) -> bool {
    !message.private && message.author != Author::System
}

/// An address; `app_id` is set where the channel scopes addresses to apps.
pub fn identity(address: Option<&Address>, contact: Option<&Contact>) -> Value {
    let Some(address) = address else {
        return json!({"channel": channels::UNSPECIFIED, "identity": "", "app_id": ""});
    };
    let known = contact.and_then(|contact| contact.identities.iter().find(|own| own.address == *address));
    let app_id = known.and_then(|own| own.app).map(|app| app.ulid()).unwrap_or_default();
    json!({"channel": channels::shown(&address.channel), "identity": &*address.address, "app_id": app_id})
}

/// What stands beside a message when it is printed.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// `None`: erased.
    pub content: Option<&'a Content>,
    pub contact: Option<&'a Contact>,
    pub author: Option<&'a Agent>,
    pub media: print_content::Links<'a>,
}

/// The app message, with the shown agent.
pub fn app_message(message: &Message, around: Around<'_>) -> Value {
    let mut printed = print_content::app_message(around.content, around.media);
    if let (Some(members), Some(agent)) = (printed.as_object_mut(), around.author)
        && !members.contains_key("agent")
        && message.direction == Direction::Outbound
    {
        members.insert("agent".to_owned(), shown_agent(agent));
    }
    printed
}

fn shown_agent(agent: &Agent) -> Value {
    let kind = if agent.role == domain::agent::Role::Bot { "BOT" } else { "HUMAN" };
    json!({"display_name": agent.name, "type": kind, "picture_url": agent.avatar_url})
}

/// The stored message.
pub fn message(message: &Message, around: Around<'_>) -> Value {
    let mut printed = Map::new();
    let mut put = |name: &str, value: Value| drop(printed.insert(name.to_owned(), value));
    put("id", json!(message.id.ulid()));
    match message.direction {
        Direction::Outbound => {
            put("direction", json!("TO_CONTACT"));
            put("app_message", app_message(message, around));
            put("message_status", status_of(message));
        }
        Direction::Inbound => {
            put("direction", json!("TO_APP"));
            put("contact_message", contact_message(message, around));
            put("message_status", Value::Null);
        }
    }
    put("channel_identity", identity(message.address.as_ref(), around.contact));
    put("conversation_id", json!(conversation_id(message.conversation)));
    put("contact_id", json!(contact_id(message.contact)));
    put("metadata", json!(message.metadata));
    put("accept_time", json!(time(message.accepted_at)));
    put("sender_id", json!(""));
    put("processing_mode", json!(mode(message)));
    put("injected", json!(false));
    Value::Object(printed)
}

fn contact_message(message: &Message, around: Around<'_>) -> Value {
    let answered = message.reply_to.map(|id| id.ulid());
    let mut printed = print_content::contact_message(around.content, answered.as_deref(), around.media);
    if let Some(members) = printed.as_object_mut() {
        let reply_to = answered.map_or(Value::Null, |id| json!({"message_id": id}));
        members.insert("reply_to".to_owned(), reply_to);
    }
    printed
}

fn status_of(message: &Message) -> Value {
    let at = message.delivery.as_ref().and_then(|delivery| delivery.steps.last()).map(|step| step.at);
    let reason = message.delivery.as_ref().and_then(|delivery| delivery.reason.as_ref());
    let reason = reason.filter(|_| message.status() == Status::Failed).map_or(Value::Null, self::reason);
    json!({
        "status": status(message.status()), "event_time": time(at.unwrap_or(message.accepted_at)), "reason": reason,
    })
}

/// `CONVERSATION` or `DISPATCH`.
pub fn mode(message: &Message) -> &'static str {
    if message.conversation.is_some() { "CONVERSATION" } else { "DISPATCH" }
}

/// The id, or `""` in dispatch mode.
pub fn conversation_id(id: Option<ConversationId>) -> String {
    id.map(ConversationId::ulid).unwrap_or_default()
}

/// The id, or `""` in dispatch mode.
pub fn contact_id(id: Option<ContactId>) -> String {
    id.map(ContactId::ulid).unwrap_or_default()
}

/// The conversation object, all nine members.
pub fn conversation(conversation: &Conversation) -> Value {
    let channel = conversation.address.as_ref().map(|address| channels::shown(&address.channel));
    let metadata = conversation.metadata.as_deref().and_then(js::value_of).unwrap_or_else(|| json!({}));
    json!({
        "id": conversation.id.ulid(),
        "app_id": conversation.app.ulid(),
        "contact_id": conversation.contact.ulid(),
        "last_received": time(conversation.last_activity_at),
        "active_channel": channel.unwrap_or(channels::UNSPECIFIED),
        "active": conversation.active,
        "metadata": "",
        "metadata_json": metadata,
        "correlation_id": conversation.correlation_id,
    })
}

/// The contact object, exactly eight members: one SDK builds a fixed record of them.
pub fn contact(contact: &Contact) -> Value {
    let identities = contact.identities.iter().map(|own| identity(Some(&own.address), Some(contact)));
    let or = |text: &str, default: &str| {
        if text.is_empty() { default.to_owned() } else { text.to_owned() }
    };
    json!({
        "id": contact.id.ulid(),
        "channel_identities": identities.collect::<Vec<Value>>(),
        "channel_priority": contact.channel_priority.iter().map(channels::shown).collect::<Vec<_>>(),
        "display_name": or(&contact.display_name, "Unknown"),
        "email": contact.email,
        "external_id": contact.external_id,
        "metadata": contact.metadata,
        "language": or(&contact.language, "UNSPECIFIED"),
    })
}

/// The vendor's name of a status.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Queued => "QUEUED",
        Status::SwitchingChannel => "SWITCHING_CHANNEL",
        Status::HandedOver => "QUEUED_ON_CHANNEL",
        Status::Failed => "FAILED",
        Status::Delivered => "DELIVERED",
        Status::Read => "READ",
    }
}

/// The reason object.
pub fn reason(reason: &Reason) -> Value {
    let code = match reason.kind {
        ReasonKind::RecipientNotReachable => "RECIPIENT_NOT_REACHABLE",
        ReasonKind::RecipientInvalid => "RECIPIENT_INVALID_CHANNEL_IDENTITY",
        ReasonKind::RecipientOptedOut | ReasonKind::RecipientNotOptedIn => "RECIPIENT_NOT_OPTED_IN",
        ReasonKind::OutsideAllowedWindow => "OUTSIDE_ALLOWED_SENDING_WINDOW",
        ReasonKind::ChannelFailure => "CHANNEL_FAILURE",
        ReasonKind::ChannelBadConfiguration => "CHANNEL_BAD_CONFIGURATION",
        ReasonKind::ChannelRejected => "CHANNEL_REJECT",
        ReasonKind::ContentUnsupported => "UNSUPPORTED_OPERATION",
        ReasonKind::MediaUnavailable => "MEDIA_NOT_REACHABLE",
        ReasonKind::RateLimited | ReasonKind::RecipientRateLimited => "RATE_LIMITED",
        ReasonKind::TemplateUnknown => "TEMPLATE_NOT_FOUND",
        ReasonKind::Expired => "MESSAGE_EXPIRED",
        ReasonKind::ReportTimedOut => "DELIVERY_REPORT_TIME_OUT",
        ReasonKind::ConversationClosed => "BAD_REQUEST",
        ReasonKind::NoChannelLeft => "NO_CHANNELS_LEFT",
        ReasonKind::Blocked => "DELIVERY_REJECTED_DUE_TO_POLICY",
        ReasonKind::Internal => "INTERNAL_ERROR",
    };
    json!({
        "code": code, "description": reason.description, "sub_code": "UNSPECIFIED_SUB_CODE",
        "channel_code": reason.channel_code,
    })
}
