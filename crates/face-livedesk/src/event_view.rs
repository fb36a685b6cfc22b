//! The fuller renderings: a message as events and conversations hold it (reference 4.5), and the conversation
//! object of REST (7.1) and of callbacks (11).

use domain::agent::{Agent, Role};
use domain::channel::Channel;
use domain::contact::Contact;
use domain::conversation::Conversation;
use domain::message::Author;
use domain::tenant::Tenant;
use domain::time::Time;
use serde_json::{Value, json};

use crate::auth::Spoken;
use crate::conversation::{channel_type, word};
use crate::shown::{Links, Shown};
use crate::{sender, view};

/// Unread messages are counted up to here.
const UNREAD_MAX: u64 = 10;

/// A conversation with whom it names.
pub(crate) struct Thread<'a> {
    pub tenant: &'a Tenant,
    pub conversation: &'a Conversation,
    pub contact: Option<&'a Contact>,
    pub assignee: Option<&'a Agent>,
    pub inbox: u64,
}

/// ISO-8601 in UTC with milliseconds.
pub(crate) fn iso(at: Time) -> String {
    let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    format!("{stamp:.3}")
}

/// A message as the full record.
pub(crate) fn message(shown: &Shown, conversation: &Conversation, links: &Links) -> Value {
    let printed = view::message(shown, Spoken::Chatwoot, links);
    let (sender_type, sender_id) = match (shown.message.author, &shown.agent, &shown.contact) {
        (Author::Agent(_), Some(agent), _) if agent.role == Role::Bot => {
            (json!("AgentBot"), json!(agent.number))
        }
        (Author::Agent(_), Some(agent), _) => (json!("User"), json!(agent.number)),
        (Author::Contact, _, Some(contact)) => (json!("Contact"), json!(contact.number)),
        (Author::App, _, _) => (json!("AgentBot"), json!(printed.inbox_id)),
        _ => (Value::Null, Value::Null),
    };
    let about = json!({
        "assignee_id": null,
        "unread_count": conversation.unread.min(UNREAD_MAX),
        "last_activity_at": conversation.last_activity_at.seconds(),
        "contact_inbox": { "source_id": source_id(conversation, shown.contact.as_deref()) },
    });
    let content = printed.content.clone();
    let mut full = serde_json::to_value(printed).unwrap_or_default();
    let further = [
        ("account_id", json!(shown.account)),
        ("updated_at", json!(iso(shown.message.accepted_at))),
        ("sender_type", sender_type),
        ("sender_id", sender_id),
        ("external_source_ids", json!({})),
        ("additional_attributes", json!({})),
        ("processed_message_content", json!(content)),
        ("sentiment", json!({})),
        ("conversation", about),
    ];
    for (key, value) in further {
        full[key] = value;
    }
    full
}

/// The contact's name for itself in this inbox.
pub(crate) fn source_id(conversation: &Conversation, contact: Option<&Contact>) -> String {
    let own = |contact: &Contact| {
        let mut known = contact.identities_for(conversation.app);
        let api = known.find(|identity| identity.address.channel.as_str() == Channel::API);
        api.map(|identity| identity.address.address.to_string())
    };
    let current = conversation.address.as_ref().map(|address| address.address.to_string());
    current.or_else(|| contact.and_then(own)).unwrap_or_default()
}

fn meta_sender(contact: &Contact) -> Value {
    json!({
        "additional_attributes": {},
        "availability_status": "offline",
        "email": sender::or_null(&contact.email),
        "id": contact.number,
        "name": contact.display_name,
        "phone_number": sender::or_null(&contact.phone),
        "blocked": false,
        "identifier": sender::or_null(&contact.external_id),
        "thumbnail": contact.avatar_url,
        "custom_attributes": sender::custom_attributes(contact),
        "type": "contact",
        "last_activity_at": contact.updated_at.seconds(),
        "created_at": contact.created_at.seconds(),
    })
}

/// What REST and callbacks share.
fn common(thread: &Thread<'_>) -> Value {
    let conversation = thread.conversation;
    let activity = conversation.last_activity_at;
    json!({
        "id": conversation.number,
        "inbox_id": thread.inbox,
        "additional_attributes": {},
        "custom_attributes": {},
        "agent_last_seen_at": 0,
        "contact_last_seen_at": 0,
        "can_reply": true,
        "labels": [],
        "snoozed_until": null,
        "status": word(conversation.standing),
        "created_at": conversation.created_at.seconds(),
        "updated_at": activity.0 as f64 / 1000.0,
        "timestamp": activity.seconds(),
        "unread_count": conversation.unread.min(UNREAD_MAX),
        "last_activity_at": activity.seconds(),
        "priority": null,
        "waiting_since": 0,
    })
}

/// The object of REST, messages aside.
pub(crate) fn rest_conversation(thread: &Thread<'_>) -> Value {
    let account = thread.tenant.account_number;
    let mut meta = json!({
        "sender": thread.contact.map(meta_sender),
        "channel": channel_type(thread.conversation),
        "hmac_verified": false,
    });
    if let Some(agent) = thread.assignee {
        meta["assignee"] = sender::assignee(agent, account);
        meta["assignee_type"] = "User".into();
    }
    let mut object = common(thread);
    let further = [
        ("meta", meta),
        ("account_id", json!(account)),
        ("uuid", json!(thread.conversation.id.uuid())),
        ("assignee_last_seen_at", json!(0)),
        ("muted", json!(false)),
        ("first_reply_created_at", json!(0)),
        ("sla_policy_id", Value::Null),
    ];
    for (key, value) in further {
        object[key] = value;
    }
    object
}

/// The object of callbacks; `messages` holds the last public message, or nothing.
pub(crate) fn hook_conversation(thread: &Thread<'_>, messages: Vec<Value>) -> Value {
    let conversation = thread.conversation;
    let created = iso(conversation.created_at);
    let contact = thread.contact.map_or(0, |contact| contact.number);
    let assignee = thread.assignee.map(|agent| sender::assignee(agent, thread.tenant.account_number));
    let mut object = common(thread);
    let further = [
        ("channel", json!(channel_type(conversation))),
        (
            "contact_inbox",
            json!({
                "id": contact,
                "contact_id": contact,
                "inbox_id": thread.inbox,
                "source_id": source_id(conversation, thread.contact),
                "created_at": created,
                "updated_at": created,
                "hmac_verified": false,
                "pubsub_token": null,
            }),
        ),
        (
            "meta",
            json!({
                "sender": thread.contact.map(meta_sender),
                "assignee_type": assignee.as_ref().map(|_| "User"),
                "assignee": assignee,
                "team": null,
                "hmac_verified": false,
            }),
        ),
        ("first_reply_created_at", Value::Null),
        ("messages", Value::Array(messages)),
    ];
    for (key, value) in further {
        object[key] = value;
    }
    object
}
