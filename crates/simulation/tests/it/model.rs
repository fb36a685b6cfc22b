//! What an outsider knows: what the doors answered, and what the public log said, compared as it goes.
//!
//! The log is read by each tenant's cursor, as a subscriber of the event stream would.

use std::collections::{BTreeMap, BTreeSet};

use engine::domain::command::send::Send;
use engine::domain::content::{Body, Content, Media};
use engine::domain::delivery::Status;
use engine::domain::event::{Event, Fact};
use engine::domain::id::{AppId, ContactId, ConversationId, MessageId, SubscriptionId, TenantId};
use engine::domain::time::Time;
use engine::{Engine, StoredAnswer};

use crate::fate::Fate;

/// Events read at once.
const PAGE: usize = 200;

/// A conversation as the log tells of it.
#[derive(Clone, Copy)]
pub struct Known {
    pub id: ConversationId,
    pub app: AppId,
    pub contact: ContactId,
}

/// One tenant, from outside.
pub struct Tenant {
    pub id: TenantId,
    pub conversations: Vec<Known>,
    pub messages: Vec<MessageId>,
    cursor: u64,
}

/// A request that was acknowledged.
#[derive(Clone)]
pub struct Acknowledged {
    pub tenant: TenantId,
    pub text: String,
    /// Where the answer named it.
    pub id: Option<MessageId>,
}

/// An idempotency key in use.
#[derive(Clone)]
pub struct KeyUse {
    pub key: String,
    pub text: String,
    pub command: Send,
    pub since: Time,
    /// The first answer that came.
    pub answer: Option<StoredAnswer>,
}

/// Everything known.
pub struct Model {
    fate: Fate,
    pub tenants: Vec<Tenant>,
    pub acknowledged: Vec<Acknowledged>,
    pub keys: Vec<KeyUse>,
    /// Texts that were refused: they must not become messages.
    pub refused: BTreeSet<String>,
    /// Pairs of texts of which one at most may become a message.
    pub rivals: Vec<(String, String)>,
    /// What providers told us people wrote: app, channel, words, text.
    pub inbound: Vec<(usize, &'static str, String, String)>,
    pub texts: BTreeMap<String, (TenantId, MessageId)>,
    pub statuses: BTreeMap<MessageId, Status>,
    pub dead: BTreeSet<(SubscriptionId, u64)>,
    /// Conversations in which the consumer spoke about messages: what it says it has, it has.
    pub vouched: BTreeSet<ConversationId>,
    positions: BTreeSet<u64>,
    last_text: u32,
}

impl Model {
    pub fn new(fate: &Fate, tenants: &[TenantId]) -> Model {
        let tenant =
            |id: &TenantId| Tenant { id: *id, conversations: Vec::new(), messages: Vec::new(), cursor: 0 };
        Model {
            fate: fate.clone(),
            tenants: tenants.iter().map(tenant).collect(),
            acknowledged: Vec::new(),
            keys: Vec::new(),
            refused: BTreeSet::new(),
            rivals: Vec::new(),
            inbound: Vec::new(),
            texts: BTreeMap::new(),
            statuses: BTreeMap::new(),
            dead: BTreeSet::new(),
            vouched: BTreeSet::new(),
            positions: BTreeSet::new(),
            last_text: 0,
        }
    }

    /// A text that no other message has.
    pub fn fresh_text(&mut self, kind: &str) -> String {
        self.last_text += 1;
        format!("{kind}{}", self.last_text)
    }

    pub fn acknowledge(&mut self, tenant: TenantId, text: &str, id: Option<MessageId>) {
        self.fate.note(format_args!("acknowledged {text} {id:?}"));
        self.acknowledged.push(Acknowledged { tenant, text: text.to_owned(), id });
    }

    /// The door said no, so nothing may be kept.
    pub fn refuse(&mut self, text: &str) {
        self.fate.note(format_args!("refused {text}"));
        self.refused.insert(text.to_owned());
    }

    /// A key's answer came: it is the one that came first.
    pub fn answered(&mut self, key: &str, answer: &StoredAnswer) {
        let Some(known) = self.keys.iter_mut().find(|known| known.key == key) else { return };
        let first = known.answer.get_or_insert_with(|| answer.clone());
        self.fate.demand(first == answer, format_args!("key {key} got two answers"));
    }

    pub fn cursor(&self, tenant: usize) -> u64 {
        self.tenants[tenant].cursor
    }

    /// Whether all positions up to the head were seen by one tenant or another.
    pub fn saw_everything(&self, head: u64) -> bool {
        self.positions.iter().copied().eq(1..=head)
    }

    fn note_event(&mut self, tenant: usize, event: &Event, content: Option<&Content>) {
        let own = &mut self.tenants[tenant];
        let position = event.position;
        self.fate.demand(event.tenant == own.id, format_args!("event {position} is another tenant's"));
        self.fate.demand(position > own.cursor, format_args!("event {position} came out of order"));
        self.fate.demand(self.positions.insert(position), format_args!("event {position} came twice"));
        own.cursor = position;
        self.fate.note(format_args!("event {position} {:?} {:?}", event.message, event.fact));
        match (&event.fact, event.message) {
            (Fact::ConversationStarted, _) => {
                if let (Some(id), Some(app), Some(contact)) = (event.conversation, event.app, event.contact) {
                    own.conversations.push(Known { id, app, contact });
                }
            }
            (Fact::MessageSubmitted | Fact::MessageReceived, Some(message)) => {
                own.messages.push(message);
                self.fate.count(|counts| counts.messages += 1);
                self.note_message(event.tenant, message, content);
            }
            (Fact::DeliveryChanged(change), Some(message)) => self.note_status(message, change.status),
            (Fact::ConsumerReceipt { .. }, _) => self.vouched.extend(event.conversation),
            (Fact::DeadLetter { subscription, position, .. }, _) => {
                self.dead.insert((*subscription, *position));
            }
            _ => {}
        }
    }

    /// No text makes two messages, however often it was sent.
    fn note_message(&mut self, tenant: TenantId, message: MessageId, content: Option<&Content>) {
        let (Some(Body::Text(text)) | Some(Body::Media(Media { caption: text, .. }))) =
            content.map(|content| &content.body)
        else {
            return;
        };
        if crate::actions::KEYWORDS.contains(&text.as_str()) {
            return;
        }
        if let Some((_, other)) = self.texts.insert(text.clone(), (tenant, message)) {
            self.fate.wrong(format_args!("{text} became two messages: {other:?} and {message:?}"));
        }
    }

    /// Forwards only; before the end, a switch begins anew on the next channel.
    fn note_status(&mut self, message: MessageId, status: Status) {
        let before = self.statuses.insert(message, status).unwrap_or(Status::Queued);
        let forward = status > before;
        let switches = status == Status::SwitchingChannel && !before.is_final();
        self.fate.demand(forward || switches, format_args!("{message:?} went from {before:?} to {status:?}"));
    }
}

/// Reads what is new in the log of every tenant.
pub async fn observe(engine: &Engine, model: &std::sync::Mutex<Model>) {
    let tenants = model.lock().unwrap().tenants.len();
    for tenant in 0..tenants {
        loop {
            let (id, cursor) = {
                let model = model.lock().unwrap();
                (model.tenants[tenant].id, model.cursor(tenant))
            };
            let Ok(page) = engine.events(id, cursor, PAGE).await else { break };
            for event in &page {
                let tells = matches!(event.fact, Fact::MessageSubmitted | Fact::MessageReceived);
                let content = match event.message.filter(|_| tells) {
                    Some(message) => match engine.get::<Content>(id, message.0).await {
                        Ok(content) => content,
                        // The store is ill: the rest is read later.
                        Err(_) => return,
                    },
                    None => None,
                };
                model.lock().unwrap().note_event(tenant, event, content.as_deref());
            }
            if page.len() < PAGE {
                break;
            }
        }
    }
}
