//! Numbers for names, so that a row need not spell its fields.
//!
//! A name's number is its place in [`NAMES`]; rows hold numbers, so names are added at the end and none is ever moved
//! or taken out. Names that are seldom written have no number and are spelled. The first 24 take one byte.

/// The names that are written with every message, and those of what becomes of it.
const NAMES: [&str; 131] = [
    // One byte.
    "id",
    "fact",
    "app",
    "contact",
    "conversation",
    "message",
    "tenant",
    "lane",
    "work",
    "address",
    "channel",
    "at",
    "what",
    "status",
    "number",
    "created_at",
    "target",
    "body",
    "Text",
    "Send",
    "Conversation",
    "identities",
    "attempt",
    "parts",
    // Contacts and conversations.
    "updated_at",
    "display_name",
    "metadata",
    "opened_by",
    "last_activity_at",
    "active",
    "last_sorting",
    "next_sequence",
    "last_message",
    "standing",
    "unread",
    "announced_to_connector",
    "assignee",
    "correlation_id",
    "context",
    "closed_at",
    "closed_by",
    "attributes",
    "email",
    "phone",
    "external_id",
    "language",
    "avatar_url",
    "channel_priority",
    "profile",
    // Messages and what they say.
    "direction",
    "author",
    "face",
    "accepted_at",
    "sorting",
    "sequence",
    "private",
    "reply_to",
    "source_id",
    "conversation_metadata",
    "class",
    "shown_agent",
    "delivery",
    "original",
    "overrides",
    "channel_properties",
    "json",
    // Deliveries.
    "generation",
    "plan",
    "phase",
    "expires_at",
    "steps",
    "attempts",
    "leg",
    "reason",
    "priority",
    "temporary_failures",
    "report_due",
    "callback_url",
    "not_before",
    "until",
    "started_at",
    "ended_at",
    "outcome",
    "delivered_parts",
    "read_parts",
    "failed_parts",
    "failure",
    "reached",
    "kind",
    "description",
    "channel_code",
    "to",
    "to_leg",
    "retry_after_ms",
    // Values of one word.
    "Outbound",
    "Inbound",
    "App",
    "Contact",
    "Agent",
    "System",
    "Sinch",
    "LivePerson",
    "LiveDesk",
    "Provider",
    "Trunkline",
    "Waiting",
    "Attempting",
    "HandedOver",
    "Held",
    "Done",
    "Queued",
    "SwitchingChannel",
    "Failed",
    "Delivered",
    "Read",
    "Planned",
    "AttemptStarted",
    "Accepted",
    "Receipt",
    "Expire",
    "Recipient",
    "High",
    // Facts.
    "ContactCreated",
    "ConversationStarted",
    "MessageSubmitted",
    "MessageReceived",
    "DeliveryChanged",
    "ConversationUpdated",
    // Subscriptions.
    "subscription",
    "position",
    "callbacks",
];

/// The name of a number.
pub fn name(number: u64) -> Option<&'static str> {
    NAMES.get(usize::try_from(number).ok()?).copied()
}

/// The number of a name.
pub fn number(name: &str) -> Option<u8> {
    let mut slot = slot(name.as_bytes());
    loop {
        let found = SLOTS[slot];
        if found == FREE {
            return None;
        }
        if NAMES[usize::from(found)] == name {
            return Some(found);
        }
        slot = (slot + 1) % SLOTS.len();
    }
}

const FREE: u8 = u8::MAX;

/// Where a name is looked for first: by its length, its ends and its middle.
const fn slot(name: &[u8]) -> usize {
    let last = name.len() - 1;
    let (first, middle, last, length) = (name[0], name[last / 2], name[last], name.len());
    (first as usize * 31 + middle as usize * 7 + last as usize * 3 + length * 57) % 512
}

/// The numbers by slot, a taken slot's name in the next one that is free.
const SLOTS: [u8; 512] = {
    let mut slots = [FREE; 512];
    let mut number = 0;
    while number < NAMES.len() {
        let mut slot = slot(NAMES[number].as_bytes());
        while slots[slot] != FREE {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = number as u8;
        number += 1;
    }
    slots
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_number_and_each_number_its_name() {
        for (place, spelled) in NAMES.iter().enumerate() {
            assert_eq!(number(spelled).map(usize::from), Some(place), "{spelled} stands there twice");
            assert_eq!(name(place as u64), Some(*spelled));
        }
    }

    #[test]
    fn other_names_and_numbers_have_none() {
        assert_eq!((number("nobody"), number("i"), number("ID")), (None, None, None));
        assert_eq!((name(NAMES.len() as u64), name(u64::MAX)), (None, None));
    }
}
