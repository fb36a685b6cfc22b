//! Callbacks to account webhooks and to API inboxes. Reference section 11.
//!
//! An API inbox's own subscription carries the channel `API`: it is the contact's side, hears every conversation
//! and message event of its inbox without triggers, and no notes unless its settings say `"private_notes": true`.
//! Account webhooks hear notes, flagged, unless their settings say `"private_notes": false`.

use bytes::Bytes;
use domain::channel::Channel;
use domain::content::Face;
use domain::delivery::Status;
use domain::event::{Event, Fact, SignalKind};
use domain::id::Id;
use domain::message::Author;
use domain::subscription::Subscription;
use engine::{Dialect, Facts, Patience, Rendered, Seal, Verdict};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::auth::Spoken;
use crate::conversation::word;
use crate::event_view::{self, Thread, iso};
use crate::shown::{Links, Shown};
use crate::signed::{Signer, hmac_sha256};
use crate::{sender, view};

/// Every event that a webhook may name.
pub(crate) const EVENTS: [&str; 12] = [
    "conversation_status_changed",
    "conversation_updated",
    "conversation_created",
    "contact_created",
    "contact_updated",
    "message_created",
    "message_updated",
    "webwidget_triggered",
    "inbox_created",
    "inbox_updated",
    "conversation_typing_on",
    "conversation_typing_off",
];
/// What a webhook hears that names none.
pub(crate) const DEFAULT_EVENTS: [&str; 8] = [
    "conversation_status_changed",
    "conversation_updated",
    "conversation_created",
    "contact_created",
    "contact_updated",
    "message_created",
    "message_updated",
    "webwidget_triggered",
];

/// An API inbox's webhook is tried this long; then its message is failed.
const INBOX_PATIENCE_MS: i64 = 30_000;
const ACCOUNT_PATIENCE_MS: i64 = 24 * 3_600_000;
const TIMEOUT_MS: u64 = 5_000;

/// The dialect.
pub(crate) struct Chatwoot {
    signer: Signer,
}

impl Chatwoot {
    pub(crate) fn new(signing_key: [u8; 32]) -> Chatwoot {
        Chatwoot { signer: Signer::new(signing_key) }
    }

    fn body(&self, facts: &Facts) -> Option<Value> {
        let event = names(&facts.event.fact).iter().find(|name| wants(&facts.subscription, name))?;
        let links = Links { base: facts.links.base_url().into(), signer: self.signer };
        let mut body = match *event {
            "contact_created" | "contact_updated" => contact(facts)?,
            "message_created" | "message_updated" => message(facts, &links)?,
            "conversation_typing_on" | "conversation_typing_off" => typing(facts)?,
            _ => conversation(facts, &links)?,
        };
        body["event"] = (*event).into();
        Some(body)
    }
}

impl Dialect for Chatwoot {
    fn face(&self) -> Face {
        Face::LiveDesk
    }

    fn hears(&self, subscription: &Subscription, event: &Event) -> bool {
        let own = subscription.app.is_none() || event.app.is_none() || event.app == subscription.app;
        own && names(&event.fact).iter().any(|name| wants(subscription, name))
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let body = self.body(facts)?;
        Some(Rendered { body: Bytes::from(body.to_string()), target: None, headers: HeaderMap::new() })
    }

    fn seal(&self, seal: &Seal<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("accept", "application/json".to_owned());
        put("x-chatwoot-delivery", Id::parse(seal.nonce).map_or_else(|| seal.nonce.to_owned(), Id::uuid));
        if !seal.subscription.secret.is_empty() {
            let timestamp = seal.now.seconds().to_string();
            let signed = [timestamp.as_bytes(), b".", seal.body].concat();
            let digest = hex::encode(hmac_sha256(seal.subscription.secret.as_bytes(), &signed));
            put("x-chatwoot-timestamp", timestamp);
            put("x-chatwoot-signature", format!("sha256={digest}"));
        }
        headers
    }

    fn verdict(&self, status: u16) -> Verdict {
        if (200..300).contains(&status) { Verdict::Delivered } else { Verdict::Again }
    }

    fn patience(&self, subscription: &Subscription) -> Patience {
        if carries_api(subscription) {
            let delays_ms = vec![250, 500, 1_000, 2_000, 4_000, 8_000];
            return Patience {
                delays_ms,
                give_up_after_ms: INBOX_PATIENCE_MS,
                tries_max: 0,
                timeout_ms: TIMEOUT_MS,
                per_second_per_app: 0,
            };
        }
        let delays_ms = vec![1_000, 5_000, 30_000, 120_000, 600_000];
        Patience {
            delays_ms,
            give_up_after_ms: ACCOUNT_PATIENCE_MS,
            tries_max: 0,
            timeout_ms: TIMEOUT_MS,
            per_second_per_app: 0,
        }
    }
}

fn carries_api(subscription: &Subscription) -> bool {
    subscription.carries.as_ref().is_some_and(|channel| channel.as_str() == Channel::API)
}

fn wants(subscription: &Subscription, name: &str) -> bool {
    if carries_api(subscription) {
        return !name.starts_with("contact_");
    }
    subscription.triggers.iter().any(|trigger| trigger == name)
}

/// The events that a fact is, the most telling first.
fn names(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::ContactCreated => &["contact_created"],
        Fact::ContactUpdated => &["contact_updated"],
        Fact::ConversationStarted => &["conversation_created"],
        Fact::ConversationUpdated => &["conversation_updated"],
        Fact::StandingChanged { .. } => &["conversation_status_changed", "conversation_updated"],
        Fact::MessageReceived | Fact::MessageSubmitted => &["message_created"],
        // Its attachment has its size and its small picture now.
        Fact::FileFetched { .. } => &["message_updated"],
        // Queued, switching and handed over all read `sent` here, so nothing changed.
        Fact::DeliveryChanged(change) => match change.status {
            Status::Delivered | Status::Read | Status::Failed => &["message_updated"],
            Status::Queued | Status::SwitchingChannel | Status::HandedOver => &[],
        },
        Fact::SignalSeen { signal: SignalKind::Composing, .. } => &["conversation_typing_on"],
        Fact::SignalSeen { signal: SignalKind::Paused, .. } => &["conversation_typing_off"],
        Fact::SignalSeen { .. }
        | Fact::ConsumerReceipt { .. }
        | Fact::ConsentChanged { .. }
        | Fact::DeadLetter { .. }
        | Fact::ReceiptOrphaned { .. }
        | Fact::FileLost { .. }
        | Fact::SubscriptionDisabled { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::ReplayOrdered { .. } => &[],
    }
}

/// Whether the subscription hears private notes.
fn hears_notes(subscription: &Subscription) -> bool {
    let settings: Value = serde_json::from_str(&subscription.settings).unwrap_or_default();
    let given = settings.get("private_notes").and_then(Value::as_bool);
    given.unwrap_or(!carries_api(subscription))
}

fn account(facts: &Facts) -> Value {
    let tenant = facts.tenant.as_ref();
    json!({ "id": tenant.map(|tenant| tenant.account_number), "name": tenant.map(|tenant| &tenant.name) })
}

fn contact_view(facts: &Facts) -> Option<Value> {
    let contact = facts.contact.as_ref()?;
    let mut view = sender::contact(contact);
    view["account"] = account(facts);
    view["avatar"] = contact.avatar_url.clone().into();
    Some(view)
}

fn contact(facts: &Facts) -> Option<Value> {
    let mut body = contact_view(facts)?;
    if facts.event.fact == Fact::ContactUpdated {
        body["changed_attributes"] = json!([]);
    }
    Some(body)
}

fn thread(facts: &Facts, messages: Vec<Value>) -> Option<Value> {
    let thread = Thread {
        tenant: facts.tenant.as_deref()?,
        conversation: facts.conversation.as_deref()?,
        contact: facts.contact.as_deref(),
        assignee: facts.assignee.as_deref(),
        inbox: facts.app.as_ref().map_or(0, |app| app.number),
    };
    Some(event_view::hook_conversation(&thread, messages))
}

fn message(facts: &Facts, links: &Links) -> Option<Value> {
    let shown = Shown::from_facts(facts)?;
    let message = &shown.message;
    if message.author == Author::System || message.private && !hears_notes(&facts.subscription) {
        return None;
    }
    let conversation = facts.conversation.as_deref()?;
    // Only public messages stand inside the conversation.
    let inner = (!message.private).then(|| event_view::message(&shown, conversation, links));
    let printed = view::message(&shown, Spoken::Chatwoot, links);
    let who = match message.author {
        Author::Contact => contact_view(facts),
        _ => author(facts),
    };
    let app = facts.app.as_ref();
    let mut body = json!({
        "account": account(facts),
        "additional_attributes": {},
        "content_attributes": printed.content_attributes,
        "content_type": printed.content_type,
        "content": printed.content,
        "conversation": thread(facts, inner.into_iter().collect())?,
        "created_at": iso(message.accepted_at),
        "id": printed.id,
        "inbox": { "id": app.map(|app| app.number), "name": app.map(|app| &app.name) },
        "message_type": view::type_word(printed.message_type),
        "private": printed.private,
        "status": printed.status,
        "source_id": printed.source_id,
        "sender": who,
    });
    if !printed.attachments.is_empty() {
        body["attachments"] = json!(printed.attachments);
    }
    Some(body)
}

/// The agent behind the event, else the inbox as a bot.
fn author(facts: &Facts) -> Option<Value> {
    use domain::agent::Role;
    if let Some(agent) = &facts.author {
        if agent.role == Role::Bot {
            return Some(json!({ "id": agent.number, "name": agent.name, "type": "agent_bot" }));
        }
        let (id, name, email) = (agent.number, &agent.name, &agent.email);
        return Some(json!({ "id": id, "name": name, "email": email, "type": "user" }));
    }
    facts.app.as_ref().map(|app| json!({ "id": app.number, "name": app.name, "type": "agent_bot" }))
}

fn conversation(facts: &Facts, links: &Links) -> Option<Value> {
    let last = Shown::from_facts(facts).filter(|shown| !shown.message.private);
    let inner = last.zip(facts.conversation.as_deref());
    let inner = inner.map(|(shown, conversation)| event_view::message(&shown, conversation, links));
    let mut body = thread(facts, inner.into_iter().collect())?;
    body["account"] = account(facts);
    match &facts.event.fact {
        Fact::StandingChanged { from, to, .. } => {
            let change = json!({ "previous_value": word(*from), "current_value": word(*to) });
            body["status"] = word(*to).into();
            body["changed_attributes"] = json!([{ "status": change }]);
        }
        Fact::ConversationUpdated => body["changed_attributes"] = json!([]),
        _ => {}
    }
    Some(body)
}

fn typing(facts: &Facts) -> Option<Value> {
    use domain::conversation::Party;
    let Fact::SignalSeen { by, .. } = &facts.event.fact else {
        return None;
    };
    let user = match by {
        Party::Consumer => contact_view(facts),
        Party::Agent(_) | Party::App | Party::System => author(facts),
    };
    Some(json!({ "user": user, "conversation": thread(facts, Vec::new())?, "is_private": false }))
}
