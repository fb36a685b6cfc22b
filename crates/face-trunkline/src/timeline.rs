//! `GET /trunkline/v1/messages/{id}/timeline`: everything that happened to one message, in order, as one JSON array.
//!
//! Two sources are woven together: the steps of the message's delivery (decisions, attempts, provider answers,
//! receipts) and the log's events about it, each with what became of its callbacks. An event stands right behind the step that
//! caused it, also when both carry the same millisecond.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use domain::delivery::{Delivery, Reason, Status, Step, StepKind};
use domain::event::{Event, Fact};
use domain::time::Time;
use engine::{Engine, domain};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::callbacks::about;
use crate::error::{Refusal, unavailable};
use crate::messages::find;
use crate::print;

/// One entry of a timeline.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    at: Value,
    /// `delivery` or `log`.
    source: &'static str,
    kind: &'static str,
    text: String,
    channel: Option<String>,
    attempt: Option<u32>,
    status: Option<&'static str>,
    reason: Option<Value>,
    provider_code: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    detail: Map<String, Value>,
    /// What became of the callbacks about this event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    callbacks: Vec<Value>,
}

/// Answers with the entries.
pub(crate) async fn read(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Entry>>, Refusal> {
    let message = find(&engine, caller, &id).await?;
    let events = engine.events_of_message(caller.tenant, message.id.0).await.map_err(unavailable)?;
    let mut callbacks = HashMap::new();
    for event in &events {
        callbacks.insert(event.position, about(&engine, caller, event).await?);
    }
    let told = |event: &Event| {
        let callbacks = callbacks.get(&event.position).cloned().unwrap_or_default();
        Entry { callbacks, ..of_event(event) }
    };
    Ok(Json(woven(message.delivery.as_ref(), &events, told)))
}

fn woven(delivery: Option<&Delivery>, events: &[Event], of_event: impl Fn(&Event) -> Entry) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut events = events.iter().peekable();
    for (delivery, step) in delivery.into_iter().flat_map(|all| all.steps.iter().map(move |step| (all, step)))
    {
        while let Some(event) = events.next_if(|event| event.at < step.at || opens(event)) {
            entries.push(of_event(event));
        }
        entries.push(of_step(delivery, step));
        if let Some(event) = events.next_if(|event| event.at == step.at && caused(step, event)) {
            entries.push(of_event(event));
        }
    }
    entries.extend(events.map(&of_event));
    entries
}

/// Whether this event is the message's beginning, which stands before its plan.
fn opens(event: &Event) -> bool {
    matches!(event.fact, Fact::MessageSubmitted | Fact::MessageReceived)
}

fn caused(step: &Step, event: &Event) -> bool {
    let Fact::DeliveryChanged(change) = &event.fact else {
        return false;
    };
    match &step.what {
        StepKind::Accepted { .. } => change.status == Status::HandedOver,
        StepKind::Switched { .. } => change.status == Status::SwitchingChannel,
        StepKind::GaveUp { .. } => change.status == Status::Failed,
        StepKind::Receipt { status, .. } => change.status == *status,
        StepKind::Planned
        | StepKind::AttemptStarted { .. }
        | StepKind::Refused { .. }
        | StepKind::WillRetry { .. }
        | StepKind::OutcomeUnknown { .. }
        | StepKind::Expired
        | StepKind::FoundOverdue => false,
    }
}

fn of_event(event: &Event) -> Entry {
    let told = print::fact(&event.fact);
    let mut entry = Entry { source: "log", ..entry(event.at, told.kind, told.text) };
    if let Fact::DeliveryChanged(change) = &event.fact {
        entry.channel = Some(change.address.channel.as_str().to_owned());
        entry.status = Some(print::status(change.status));
        entry = with_reason(entry, change.reason.as_ref());
    } else {
        entry.detail = told.more;
    }
    if let Fact::FileLost { reason, .. } = &event.fact {
        entry = with_reason(entry, Some(reason));
    }
    entry
}

fn of_step(delivery: &Delivery, step: &Step) -> Entry {
    let on = |leg: usize| delivery.plan.get(leg).map(|to| to.channel.as_str().to_owned());
    let leg =
        |number: u32| delivery.attempts.iter().find(|one| one.number == number).and_then(|one| on(one.leg));
    let of_attempt = |attempt: u32, kind, text: String| Entry {
        channel: leg(attempt),
        attempt: Some(attempt),
        ..entry(step.at, kind, text)
    };
    let channel = |attempt: u32| leg(attempt).unwrap_or_else(|| "the channel".to_owned());
    match &step.what {
        StepKind::Planned => {
            let plan: Vec<&str> = delivery.plan.iter().map(|to| to.channel.as_str()).collect();
            let mut planned =
                entry(step.at, "planned", format!("to be tried in this order: {}", plan.join(", ")));
            planned.detail.insert("plan".to_owned(), json!(plan));
            planned
        }
        StepKind::AttemptStarted { attempt } => of_attempt(
            *attempt,
            "attempt_started",
            format!("attempt {attempt}: handing over to {}", channel(*attempt)),
        ),
        StepKind::Accepted { attempt } => of_attempt(
            *attempt,
            "accepted",
            format!("attempt {attempt}: {} took the message", channel(*attempt)),
        ),
        StepKind::Refused { attempt, reason } => {
            let text =
                format!("attempt {attempt}: {} refused: {}", channel(*attempt), print::because(reason));
            with_reason(of_attempt(*attempt, "refused", text), Some(reason))
        }
        StepKind::WillRetry { attempt, at, reason } => {
            let text = format!("attempt {attempt}: to be tried again: {}", print::because(reason));
            let mut entry = with_reason(of_attempt(*attempt, "will_retry", text), Some(reason));
            entry.detail.insert("retry_at".to_owned(), print::time(*at));
            entry
        }
        StepKind::OutcomeUnknown { attempt } => {
            let text = format!("attempt {attempt}: bytes left and {} gave no answer", channel(*attempt));
            of_attempt(*attempt, "outcome_unknown", text)
        }
        StepKind::Switched { to_leg } => {
            let next = on(*to_leg);
            let text = format!("switching to {}", next.as_deref().unwrap_or("the next channel"));
            Entry { channel: next, ..entry(step.at, "switched", text) }
        }
        StepKind::Receipt { attempt, status, reason } => {
            let word = print::status(*status);
            let receipt = of_attempt(*attempt, "receipt", format!("{} reported {word}", channel(*attempt)));
            with_reason(Entry { status: Some(word), ..receipt }, reason.as_ref())
        }
        StepKind::Expired => entry(step.at, "expired", "the time-to-live is over".to_owned()),
        StepKind::FoundOverdue => {
            let text = "the watchdog found that its time was over and nothing had come of it";
            entry(step.at, "found_overdue", text.to_owned())
        }
        StepKind::GaveUp { reason } => with_reason(
            entry(step.at, "gave_up", format!("given up: {}", print::because(reason))),
            Some(reason),
        ),
    }
}

fn entry(at: Time, kind: &'static str, text: String) -> Entry {
    Entry {
        at: print::time(at),
        source: "delivery",
        kind,
        text,
        channel: None,
        attempt: None,
        status: None,
        reason: None,
        provider_code: None,
        detail: Map::new(),
        callbacks: Vec::new(),
    }
}

fn with_reason(entry: Entry, reason: Option<&Reason>) -> Entry {
    let code = reason.map(|reason| reason.channel_code.clone()).filter(|code| !code.is_empty());
    Entry { reason: reason.map(print::reason), provider_code: code, ..entry }
}
