//! Stored forms of the small rows: pointers, counters, cursors, stored answers, early receipts, recipient memory.
//! Pointers and counters are written with every message; they are as short as JSON allows.

use domain::delivery::Receipt;
use domain::id::{ConversationId, Id};
use domain::once::Once;
use domain::record::{Counter, EarlyReceipts, Pointer, RecipientMemory};
use domain::subscription::{Cursor, Parked};
use domain::time::Time;
use serde::{Deserializer, Serializer};

use super::form::{Form, form};

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

form! { Cursor "Cursor" { position: u64; parked: Vec<Parked> } }

form! { Parked "Parked" {
    position: u64,
    first_failed_at: Time,
    next_at: Time;
    conversation: Option<ConversationId>,
    attempts: u32,
    body: Vec<u8>,
} }
