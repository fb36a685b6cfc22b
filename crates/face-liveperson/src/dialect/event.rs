//! Receipts and chat states as notifications. A chat state has neither sequence nor time.
//! Who may hear them is decided before; here they are only worded.

use domain::conversation::Party;
use domain::event::{ConsumerStatus, Fact, SignalKind};
use engine::Facts;
use serde_json::{Value, json};

use super::{consumer_id, notification};

/// The type of all messaging notifications.
pub const MESSAGING: &str = "ms.MessagingEventNotification";

/// An `AcceptStatusEvent` of the consumer.
pub fn receipt(facts: &Facts) -> Option<Value> {
    let Fact::ConsumerReceipt { status, sequences, sequence, metadata } = &facts.event.fact else {
        return None;
    };
    let status = match status {
        ConsumerStatus::Accept => "ACCEPT",
        ConsumerStatus::Read => "READ",
        ConsumerStatus::Access => "ACCESS",
        ConsumerStatus::Nack => "NACK",
        ConsumerStatus::Action => "ACTION",
    };
    let event = json!({ "type": "AcceptStatusEvent", "status": status, "sequenceList": sequences });
    let mut change = change(facts, &consumer_id(facts), "CONSUMER", event)?;
    change["sequence"] = json!(sequence);
    change["serverTimestamp"] = json!(facts.event.at.0);
    add_metadata(&mut change, metadata);
    Some(notification(MESSAGING, change))
}

/// A `ChatStateEvent` of anybody.
pub fn chat_state(facts: &Facts) -> Option<Value> {
    let Fact::SignalSeen { signal, by, .. } = &facts.event.fact else {
        return None;
    };
    let state = match signal {
        SignalKind::Active => "ACTIVE",
        SignalKind::Inactive => "INACTIVE",
        SignalKind::Gone => "GONE",
        SignalKind::Composing => "COMPOSING",
        SignalKind::Paused => "PAUSE",
    };
    let (originator, role) = match by {
        Party::Consumer => (consumer_id(facts), "CONSUMER"),
        Party::Agent(agent) => (agent.uuid(), "ASSIGNED_AGENT"),
        // As messages without a person are written: by the app's bot, where it has one.
        Party::App => {
            let bot = facts.app.as_ref().and_then(|app| app.bot).map(|bot| bot.uuid());
            (bot.or_else(|| facts.event.app.map(|app| app.uuid()))?, "ASSIGNED_AGENT")
        }
        Party::System => (facts.event.app?.uuid(), "CONTROLLER"),
    };
    let event = json!({ "type": "ChatStateEvent", "chatState": state });
    Some(notification(MESSAGING, change(facts, &originator, role, event)?))
}

/// What every change carries: who, what, where.
pub fn change(facts: &Facts, originator: &str, role: &str, event: Value) -> Option<Value> {
    let conversation = facts.event.conversation?.uuid();
    Some(json!({
        "originatorId": originator,
        "originatorMetadata": { "id": originator, "role": role },
        "event": event,
        "conversationId": conversation,
        "dialogId": conversation,
        "messageAudience": "ALL",
    }))
}

/// The writer's metadata, unchanged, when it is this face's array.
pub fn add_metadata(change: &mut Value, metadata: &str) {
    if let Ok(Value::Array(entries)) = serde_json::from_str(metadata) {
        change["metadata"] = Value::Array(entries);
    }
}
