//! Nouns as this face prints them: times as RFC 3339, ids as ULIDs, statuses and facts in our own words.
//!
//! Pure and total. Every enum is matched without a catch-all, so that a new kind of fact must be given its words.

use domain::channel::Address;
use domain::conversation::{Party, Standing};
use domain::delivery::{Reason, ReasonKind, Status};
use domain::event::{ConsumerStatus, Event, Fact, SignalKind};
use domain::id::FileId;
use domain::time::Time;
use engine::domain;
use serde_json::{Map, Value, json};

/// RFC 3339 with milliseconds; `null` for a moment that a calendar cannot hold, such as "never".
pub(crate) fn time(time: Time) -> Value {
    match jiff::Timestamp::from_millisecond(time.0) {
        Ok(stamp) => Value::String(format!("{stamp:.3}")),
        Err(_) => Value::Null,
    }
}

pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::SwitchingChannel => "switching_channel",
        Status::HandedOver => "handed_over",
        Status::Failed => "failed",
        Status::Delivered => "delivered",
        Status::Read => "read",
    }
}

fn reason_kind(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::RecipientNotReachable => "recipient_not_reachable",
        ReasonKind::RecipientInvalid => "recipient_invalid",
        ReasonKind::RecipientOptedOut => "recipient_opted_out",
        ReasonKind::RecipientNotOptedIn => "recipient_not_opted_in",
        ReasonKind::OutsideAllowedWindow => "outside_allowed_window",
        ReasonKind::ChannelFailure => "channel_failure",
        ReasonKind::ChannelBadConfiguration => "channel_bad_configuration",
        ReasonKind::ChannelRejected => "channel_rejected",
        ReasonKind::ContentUnsupported => "content_unsupported",
        ReasonKind::MediaUnavailable => "media_unavailable",
        ReasonKind::RateLimited => "rate_limited",
        ReasonKind::RecipientRateLimited => "recipient_rate_limited",
        ReasonKind::TemplateUnknown => "template_unknown",
        ReasonKind::Expired => "expired",
        ReasonKind::ReportTimedOut => "report_timed_out",
        ReasonKind::ConversationClosed => "conversation_closed",
        ReasonKind::NoChannelLeft => "no_channel_left",
        ReasonKind::Blocked => "blocked",
        ReasonKind::Internal => "internal",
    }
}

/// Class, words and the provider's own code, `null` where it gave none.
pub(crate) fn reason(reason: &Reason) -> Value {
    let code = Some(reason.channel_code.as_str()).filter(|code| !code.is_empty());
    json!({ "kind": reason_kind(reason.kind), "description": reason.description, "provider_code": code })
}

/// A reason within a sentence.
pub(crate) fn because(reason: &Reason) -> String {
    match reason.channel_code.as_str() {
        "" => reason.description.clone(),
        code => format!("{} (code {code})", reason.description),
    }
}

pub(crate) fn address(address: &Address) -> Value {
    json!({ "channel": address.channel.as_str(), "address": &*address.address })
}

/// A fact's kind, a sentence about it, and what else it holds.
pub(crate) struct Told {
    pub kind: &'static str,
    pub text: String,
    pub more: Map<String, Value>,
}

fn told(text: impl Into<String>, more: &[(&str, Value)]) -> (String, Map<String, Value>) {
    (text.into(), more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// The kinds of events.
pub(crate) const KINDS: [&str; 18] = [
    "contact_created",
    "contact_updated",
    "conversation_started",
    "conversation_updated",
    "standing_changed",
    "message_received",
    "message_submitted",
    "delivery_changed",
    "consumer_receipt",
    "consent_changed",
    "signal_seen",
    "dead_letter",
    "subscription_disabled",
    "endpoint_disabled",
    "replay_ordered",
    "receipt_orphaned",
    "file_fetched",
    "file_lost",
];

/// An event's kind.
pub(crate) fn kind(fact: &Fact) -> &'static str {
    let place = match fact {
        Fact::ContactCreated => 0,
        Fact::ContactUpdated => 1,
        Fact::ConversationStarted => 2,
        Fact::ConversationUpdated => 3,
        Fact::StandingChanged { .. } => 4,
        Fact::MessageReceived => 5,
        Fact::MessageSubmitted => 6,
        Fact::DeliveryChanged(_) => 7,
        Fact::ConsumerReceipt { .. } => 8,
        Fact::ConsentChanged { .. } => 9,
        Fact::SignalSeen { .. } => 10,
        Fact::DeadLetter { .. } => 11,
        Fact::SubscriptionDisabled { .. } => 12,
        Fact::EndpointDisabled { .. } => 13,
        Fact::ReplayOrdered { .. } => 14,
        Fact::ReceiptOrphaned { .. } => 15,
        Fact::FileFetched { .. } => 16,
        Fact::FileLost { .. } => 17,
    };
    KINDS[place]
}

/// What an event says.
pub(crate) fn fact(fact: &Fact) -> Told {
    let (text, more) = words(fact);
    Told { kind: kind(fact), text, more }
}

fn words(fact: &Fact) -> (String, Map<String, Value>) {
    match fact {
        Fact::ContactCreated => told("the contact was created", &[]),
        Fact::ContactUpdated => told("the contact was changed", &[]),
        Fact::ConversationStarted => told("the conversation was started", &[]),
        Fact::ConversationUpdated => told("the conversation was changed", &[]),
        Fact::StandingChanged { from, to, by } => {
            let (from, to) = (standing(*from), standing(*to));
            let more = [("from", json!(from)), ("to", json!(to)), ("by", json!(party(*by)))];
            told(format!("the conversation went from {from} to {to}"), &more)
        }
        Fact::MessageReceived => told("the message came in and was kept", &[]),
        Fact::MessageSubmitted => told("the message was accepted and kept", &[]),
        Fact::DeliveryChanged(change) => {
            let (word, channel) = (status(change.status), change.address.channel.as_str());
            let more = [
                ("status", json!(word)),
                ("channel", json!(channel)),
                ("address", json!(&*change.address.address)),
                ("reason", change.reason.as_ref().map_or(Value::Null, reason)),
            ];
            told(format!("the status is now {word}, by {channel}"), &more)
        }
        Fact::ConsumerReceipt { status, sequences, .. } => {
            let word = consumer_status(*status);
            let more = [("status", json!(word)), ("sequences", json!(sequences))];
            told(format!("the consumer reported {word}"), &more)
        }
        Fact::ConsentChanged { address: of, keyword } => {
            let text = if keyword.opts_out { "the person opted out" } else { "the person opted in" };
            told(text, &[("of", address(of)), ("opts_out", json!(keyword.opts_out))])
        }
        Fact::SignalSeen { signal: seen, by, .. } => {
            let more = [("signal", json!(signal(*seen))), ("by", json!(party(*by)))];
            told(format!("{} is {}", party(*by), signal(*seen)), &more)
        }
        Fact::DeadLetter { subscription, position, why } => {
            let id = subscription.ulid();
            let more = [("subscription", json!(id)), ("position", json!(position)), ("why", json!(&**why))];
            told(format!("a callback was given up: {why}"), &more)
        }
        Fact::SubscriptionDisabled { subscription } => {
            let more = [("subscription", json!(subscription.ulid()))];
            told("the subscription was disabled", &more)
        }
        Fact::EndpointDisabled { subscription, failing_since } => {
            let more =
                [("subscription", json!(subscription.ulid())), ("failing_since", time(*failing_since))];
            told("the endpoint took nothing for too long and was disabled", &more)
        }
        Fact::ReplayOrdered { subscription, callbacks } => {
            let more = [("subscription", json!(subscription.ulid())), ("callbacks", json!(callbacks))];
            told(format!("{callbacks} callbacks are to be told again"), &more)
        }
        Fact::ReceiptOrphaned { channel, provider_id, status: said } => {
            let more = [
                ("channel", json!(channel.as_str())),
                ("provider_id", json!(&**provider_id)),
                ("status", json!(status(*said))),
            ];
            told("a provider's receipt was about no message of ours", &more)
        }
        Fact::FileFetched { file } => settled(*file, None),
        Fact::FileLost { file, reason } => settled(*file, Some(reason)),
    }
}

/// What became of a file that came in; the reason why it was lost, if it was.
fn settled(file: FileId, lost: Option<&Reason>) -> (String, Map<String, Value>) {
    let id = ("file", json!(file.ulid()));
    match lost {
        None => told("a file was fetched from its provider", &[id]),
        Some(why) => {
            let words = format!("a file could not be fetched from its provider: {}", because(why));
            told(words, &[id, ("reason", reason(why))])
        }
    }
}

/// One event of the log, with the cursor that continues behind it.
pub(crate) fn event(event: &Event, cursor: &str) -> Value {
    let Told { kind, text, more } = fact(&event.fact);
    let mut printed = Map::new();
    printed.insert("id".to_owned(), json!(event.id.ulid()));
    printed.insert("cursor".to_owned(), json!(cursor));
    printed.insert("at".to_owned(), time(event.at));
    printed.insert("kind".to_owned(), json!(kind));
    printed.insert("text".to_owned(), json!(text));
    let about = [
        ("app", event.app.map(|id| id.ulid())),
        ("contact", event.contact.map(|id| id.ulid())),
        ("conversation", event.conversation.map(|id| id.ulid())),
        ("message", event.message.map(|id| id.ulid())),
    ];
    for (name, id) in about {
        printed.insert(name.to_owned(), json!(id));
    }
    printed.insert("detail".to_owned(), Value::Object(more));
    Value::Object(printed)
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Pending => "pending",
        Standing::Snoozed => "snoozed",
        Standing::Resolved => "resolved",
    }
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Consumer => "consumer",
        Party::Agent(_) => "agent",
        Party::App => "app",
        Party::System => "system",
    }
}

fn consumer_status(status: ConsumerStatus) -> &'static str {
    match status {
        ConsumerStatus::Accept => "accept",
        ConsumerStatus::Read => "read",
        ConsumerStatus::Access => "access",
        ConsumerStatus::Nack => "nack",
        ConsumerStatus::Action => "action",
    }
}

fn signal(signal: SignalKind) -> &'static str {
    match signal {
        SignalKind::Active => "active",
        SignalKind::Inactive => "inactive",
        SignalKind::Gone => "gone",
        SignalKind::Composing => "composing",
        SignalKind::Paused => "paused",
    }
}
