//! The message object. Reference sections 4.1 (LiveDesk: exactly these keys, in this order) and 4.2 (Chatwoot).

use domain::content::{Body, Content, Face, text};
use domain::delivery::Status;
use domain::message::{Author, Direction, Message};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::attachment::{self, Attachment};
use crate::auth::Spoken;
use crate::sender::{self, Sender};
use crate::shown::{Links, Shown};

/// What a deleted message says.
const DELETED: &str = "This message was deleted";

/// A message as the REST calls print it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MessageView {
    pub id: u64,
    pub content: Option<String>,
    pub inbox_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_id: Option<Value>,
    pub conversation_id: u64,
    pub message_type: u8,
    pub content_type: String,
    pub status: &'static str,
    pub content_attributes: Map<String, Value>,
    pub created_at: i64,
    pub private: bool,
    pub source_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sorting_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// Prints a message.
pub(crate) fn message(shown: &Shown, spoken: Spoken, links: &Links) -> MessageView {
    let message = &shown.message;
    let said = Said::of(shown.content.as_deref());
    MessageView {
        id: message.number,
        inbox_id: shown.app.as_ref().map_or(0, |app| app.number),
        echo_id: None,
        conversation_id: shown.conversation,
        message_type: type_of(message, &said),
        status: status(message),
        content_attributes: attributes(shown, &said, spoken),
        content: said.content,
        content_type: said.content_type,
        created_at: message.accepted_at.seconds(),
        private: message.private,
        source_id: Some(message.source_id.clone()).filter(|id| !id.is_empty()),
        sorting_id: (spoken == Spoken::LiveDesk).then_some(message.sorting),
        sender: sender::of(shown),
        attachments: attachment::all(shown, spoken, links),
    }
}

/// What a content says in this face's words.
struct Said {
    content: Option<String>,
    content_type: String,
    attributes: Map<String, Value>,
    template: bool,
}

impl Said {
    fn of(content: Option<&Content>) -> Said {
        let text = |content| Said {
            content,
            content_type: "text".to_owned(),
            attributes: Map::new(),
            template: false,
        };
        let Some(content) = content else {
            let mut deleted = text(Some(DELETED.to_owned()));
            deleted.attributes.insert("deleted".to_owned(), Value::Bool(true));
            return deleted;
        };
        let own = content.original.as_ref().filter(|original| original.face == Face::LiveDesk);
        let own = own.and_then(|original| serde_json::from_str::<Map<String, Value>>(&original.json).ok());
        let Some(mut own) = own else {
            return text(plain(&content.body));
        };
        let word = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        Said {
            content: word(own.remove("content")),
            content_type: word(own.remove("content_type")).unwrap_or_else(|| "text".to_owned()),
            template: own.contains_key("template"),
            attributes: Map::new(),
        }
    }
}

fn plain(body: &Body) -> Option<String> {
    match body {
        Body::Text(text) => Some(text.clone()),
        Body::Media(media) => Some(media.caption.clone()).filter(|caption| !caption.is_empty()),
        Body::Album { caption, .. } => Some(caption.clone()).filter(|caption| !caption.is_empty()),
        other => Some(text::render(other)),
    }
}

fn type_of(message: &Message, said: &Said) -> u8 {
    match (message.author, message.direction) {
        (Author::System, _) => 2,
        (_, Direction::Inbound) => 0,
        (_, Direction::Outbound) if said.template => 3,
        (_, Direction::Outbound) => 1,
    }
}

/// The word of `message_type` at the top of callbacks.
pub(crate) fn type_word(number: u8) -> &'static str {
    ["incoming", "outgoing", "activity", "template"][usize::from(number.min(3))]
}

/// The vendor knows four statuses; everything begins as sent.
pub(crate) fn status(message: &Message) -> &'static str {
    match message.delivery.as_ref().map(|delivery| delivery.status) {
        Some(Status::Failed) => "failed",
        Some(Status::Delivered) => "delivered",
        Some(Status::Read) => "read",
        Some(Status::Queued | Status::SwitchingChannel | Status::HandedOver) | None => "sent",
    }
}

fn attributes(shown: &Shown, said: &Said, spoken: Spoken) -> Map<String, Value> {
    if shown.content.is_none() {
        return said.attributes.clone();
    }
    let mut attributes: Map<String, Value> =
        serde_json::from_str(&shown.message.attributes).unwrap_or_default();
    if let Some(answered) = &shown.answered {
        attributes.insert("in_reply_to".to_owned(), answered.number.into());
        attributes.insert("in_reply_to_external_id".to_owned(), sender::or_null(&answered.source_id));
    } else if spoken == Spoken::LiveDesk {
        // Chatwoot prints both keys as null where an answer was meant and not found; the seed shows `{}`.
        attributes.remove("in_reply_to");
        attributes.remove("in_reply_to_external_id");
    }
    let failure = shown.message.delivery.as_ref().filter(|delivery| delivery.status == Status::Failed);
    if let Some(reason) = failure.and_then(|delivery| delivery.reason.as_ref()) {
        attributes.insert("external_error".to_owned(), reason.description.clone().into());
    }
    attributes
}
