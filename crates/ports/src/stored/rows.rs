//! Stored forms of the small rows: pointers, counters, cursors, stored answers, early receipts, recipient memory.
//! Pointers and counters are written with every message; they are as short as JSON allows.

use std::sync::Arc;

use domain::delivery::Receipt;
use domain::id::{ConversationId, Id, MessageId, SubscriptionId};
use domain::once::Once;
use domain::record::{Counter, EarlyReceipts, Pointer, RecipientMemory};
use domain::subscription::{
    Callback, CallbackLane, CallbackPage, CallbackState, Cursor, FirstTry, Parked, Try,
};
use domain::time::Time;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize as _, Deserializer, Serializer};

use super::form::{Form, form, form_enum};

form! { Pointer "Pointer" { target: Id; attempt: u32 } }

impl Form for Counter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <u64 as Form>::deserialize(deserializer).map(Counter)
    }
}

form! { EarlyReceipts "EarlyReceipts" { receipts: Vec<Receipt>, expires_at: Time; } }

form! { RecipientMemory "RecipientMemory" { ; metadata: Option<String>, correlation_id: String } }

form! { Once "Once" { fingerprint: [u8; 32], status: u16, expires_at: Time; body: Vec<u8> } }

/// A cursor as it was once written, with its parked lanes inside: it goes back to before the first of them, which
/// repeats callbacks and loses none.
#[derive(serde::Deserialize)]
struct WrittenCursor {
    position: u64,
    #[serde(default)]
    parked: Vec<WrittenLane>,
    #[serde(default)]
    failing_since: Option<i64>,
}

#[derive(serde::Deserialize)]
struct WrittenLane {
    position: u64,
}

impl Form for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = 1 + usize::from(self.failing_since.is_some());
        let mut written = serializer.serialize_struct("Cursor", fields)?;
        written.serialize_field("position", &self.position)?;
        if let Some(since) = self.failing_since {
            written.serialize_field("failing_since", &since.0)?;
        }
        written.end()
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = WrittenCursor::deserialize(deserializer)?;
        let first = written.parked.iter().map(|lane| lane.position.saturating_sub(1)).min();
        let position = first.map_or(written.position, |first| first.min(written.position));
        Ok(Cursor { position, failing_since: written.failing_since.map(Time) })
    }
}

form_enum! { CallbackLane "CallbackLane" {
    Conversation(Option<ConversationId>),
    Single(u64),
    Replay(Id, Option<ConversationId>),
} }

form! { Parked "Parked" {
    subscription: SubscriptionId,
    lane: CallbackLane,
    waiting: Vec<u64>,
    first_failed_at: Time,
    next_at: Time;
    more_after: Option<u64>,
    attempts: u32,
} }

form_enum! { CallbackState "CallbackState" { Retrying, Delivered, GivenUp } }

form! { Try "Try" { at: Time; took_ms: u32, status: u16, answer: Arc<str> } }

form! { Callback "Callback" {
    subscription: SubscriptionId,
    position: u64,
    kept_until: Time;
    conversation: Option<ConversationId>,
    message: Option<MessageId>,
    state: CallbackState,
    target: String,
    body: Vec<u8>,
    count: u32,
    tries: Vec<Try>,
} }

form! { FirstTry "FirstTry" { position: u64, at: Time; took_ms: u32, status: u16 } }

form! { CallbackPage "CallbackPage" {
    subscription: SubscriptionId,
    callbacks: Vec<FirstTry>,
    kept_until: Time;
} }
