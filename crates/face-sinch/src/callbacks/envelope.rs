//! The envelope of each trigger. Bodies are compact, because one SDK parses and writes them again before it checks
//! the signature.

use bytes::Bytes;
use domain::channel::Address;
use domain::consent::Keyword;
use domain::conversation::Standing;
use domain::delivery::{Delivery, Status, StepKind};
use domain::event::{DeliveryChange, Event, Fact, SignalKind};
use domain::id::AppId;
use domain::message::Message;
use engine::Facts;
use serde_json::{Map, Value, json};

use crate::channels;
use crate::print::{self, Around};
use crate::print_content::Links;

/// What a conversation's start says of a conversation that has no message yet.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The body, or `None` when there is nothing to tell.
pub fn render(facts: &Facts) -> Option<Bytes> {
    let (name, payload) = payload(facts)?;
    let event = &facts.event;
    let of_contact = matches!(event.fact, Fact::ContactCreated | Fact::ContactUpdated);
    let app_id = event.app.filter(|_| !of_contact).map(AppId::ulid).unwrap_or_default();
    let message = facts.message.as_deref();
    // The vendor's page: conversation metadata is "only returned" with inbound messages, the correlation id with all.
    let inbound = message.filter(|_| event.fact == Fact::MessageReceived);
    let metadata = inbound.and_then(|message| message.conversation_metadata.as_deref()).unwrap_or_default();
    let correlation_id = message.map(|message| message.correlation_id.as_str()).unwrap_or_default();
    let at = print::time(event.at);
    let envelope = json!({
        "app_id": app_id,
        "project_id": event.tenant.uuid(),
        "accepted_time": at,
        "event_time": at,
        name: payload,
        "message_metadata": metadata,
        "correlation_id": correlation_id,
    });
    serde_json::to_vec(&envelope).ok().map(Bytes::from)
}

fn payload(facts: &Facts) -> Option<(&'static str, Value)> {
    let event = &facts.event;
    match &event.fact {
        Fact::MessageReceived => inbound(facts).map(|payload| ("message", payload)),
        Fact::MessageSubmitted => submit(facts).map(|payload| ("message_submit_notification", payload)),
        Fact::DeliveryChanged(change) => {
            delivery(facts, change).map(|payload| ("message_delivery_report", payload))
        }
        Fact::ContactCreated => contact(facts).map(|payload| ("contact_create_notification", payload)),
        Fact::ContactUpdated => contact(facts).map(|payload| ("contact_update_notification", payload)),
        Fact::ConversationStarted => {
            let mut conversation = print::conversation(facts.conversation.as_deref()?);
            conversation["active"] = json!(true);
            conversation["active_channel"] = json!(channels::UNSPECIFIED);
            conversation["last_received"] = json!(ZERO_TIME);
            Some(("conversation_start_notification", json!({"conversation": conversation})))
        }
        Fact::StandingChanged { to: Standing::Resolved, .. } => {
            let mut conversation = print::conversation(facts.conversation.as_deref()?);
            conversation["active"] = json!(false);
            Some(("conversation_stop_notification", json!({"conversation": conversation})))
        }
        Fact::ConsentChanged { address, keyword } => Some(consent(facts, address, *keyword)),
        Fact::SignalSeen { address, signal, .. } => {
            Some(("event", signal_event(facts, address.as_ref(), *signal)?))
        }
        _ => None,
    }
}

fn around(facts: &Facts) -> Around<'_> {
    Around {
        content: facts.content.as_deref(),
        contact: facts.contact.as_deref(),
        author: facts.author.as_deref(),
        media: Links {
            files: &facts.files,
            urls: &facts.links,
            tenant: facts.event.tenant,
            from: facts.event.at,
        },
    }
}

fn shown(facts: &Facts) -> Option<&Message> {
    facts.message.as_deref().filter(|message| print::is_shown(message))
}

fn inbound(facts: &Facts) -> Option<Value> {
    let mut message = print::message(shown(facts)?, around(facts));
    message.as_object_mut()?.remove("message_status");
    Some(message)
}

fn submit(facts: &Facts) -> Option<Value> {
    let message = shown(facts)?;
    Some(json!({
        "message_id": message.id.ulid(),
        "conversation_id": print::conversation_id(message.conversation),
        "channel_identity": print::identity(message.address.as_ref(), facts.contact.as_deref()),
        "contact_id": print::contact_id(message.contact),
        "submitted_message": print::app_message(message, around(facts)),
        "metadata": message.metadata,
        "processing_mode": print::mode(message),
    }))
}

fn delivery(facts: &Facts, change: &DeliveryChange) -> Option<Value> {
    let message = shown(facts)?;
    let ended = message
        .delivery
        .as_ref()
        .is_some_and(|delivery| failed_before(delivery, &facts.event, change.status));
    if change.status == Status::Queued || ended {
        return None;
    }
    let mut report = Map::new();
    let mut put = |name: &str, value: Value| drop(report.insert(name.to_owned(), value));
    put("message_id", json!(message.id.ulid()));
    put("conversation_id", json!(print::conversation_id(message.conversation)));
    put("status", json!(print::status(change.status)));
    put("channel_identity", print::identity(Some(&change.address), facts.contact.as_deref()));
    put("contact_id", json!(print::contact_id(message.contact)));
    put("metadata", json!(message.metadata));
    put("processing_mode", json!(print::mode(message)));
    let explained = matches!(change.status, Status::Failed | Status::SwitchingChannel);
    if let Some(reason) = change.reason.as_ref().filter(|_| explained) {
        put("reason", print::reason(reason));
    }
    Some(Value::Object(report))
}

/// Whether FAILED was said before this event: the vendor's clients hear nothing after it. Proof of arrival is always
/// later than the failure it beats; anything else counts as later only when its time is.
fn failed_before(delivery: &Delivery, event: &Event, status: Status) -> bool {
    let ends = |what: &StepKind| matches!(what, StepKind::GaveUp { .. } | StepKind::Expired);
    let mut ended = delivery.steps.iter().filter(|step| ends(&step.what));
    ended.any(|step| step.at < event.at || (status > Status::Failed && step.at == event.at))
}

/// Inside a callback an empty preference list is absent, as recorded.
fn contact(facts: &Facts) -> Option<Value> {
    let own = facts.contact.as_deref()?;
    let mut contact = print::contact(own);
    if own.channel_priority.is_empty() {
        contact.as_object_mut()?.remove("channel_priority");
    }
    Some(json!({"contact": contact}))
}

fn consent(facts: &Facts, address: &Address, keyword: Keyword) -> (&'static str, Value) {
    let (name, status) = if keyword.opts_out {
        ("opt_out_notification", "OPT_OUT_SUCCEEDED")
    } else {
        ("opt_in_notification", "OPT_IN_SUCCEEDED")
    };
    let dispatch = facts.app.as_ref().is_some_and(|app| app.mode == domain::app::ProcessingMode::Dispatch);
    let payload = json!({
        "request_id": facts.event.id.ulid(),
        "contact_id": print::contact_id(facts.event.contact),
        "channel": channels::shown(&address.channel),
        "identity": &*address.address,
        "status": status,
        "processing_mode": if dispatch { "DISPATCH" } else { "CONVERSATION" },
    });
    (name, payload)
}

fn signal_event(facts: &Facts, address: Option<&Address>, signal: SignalKind) -> Option<Value> {
    let name = match signal {
        SignalKind::Composing => "composing_event",
        SignalKind::Paused => "composing_end_event",
        SignalKind::Active | SignalKind::Inactive | SignalKind::Gone => return None,
    };
    let event = &facts.event;
    Some(json!({
        "id": event.id.ulid(),
        "direction": "TO_APP",
        "contact_event": {name: {}},
        "channel_identity": print::identity(address, facts.contact.as_deref()),
        "contact_id": print::contact_id(event.contact),
        "conversation_id": print::conversation_id(event.conversation),
        "accept_time": print::time(event.at),
        "processing_mode": "CONVERSATION",
    }))
}
