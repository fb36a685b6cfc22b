//! `cm.UpdateConversationField`: closing, satisfaction, time to respond. All fields of a call are one command: when
//! one is refused none is kept.
//!
//! Satisfaction and time to respond are kept with the conversation's request body and told by
//! `cqm.ExConversationChangeNotification`, under the names that it shows them by.

use domain::command::Command;
use domain::command::consumer::ChangeContext;
use domain::command::standing::{Refusal as Refused, SetStanding};
use domain::conversation::{Party, Standing};
use domain::id::{ContactId, ConversationId, TenantId};
use domain::view::{Halt, View};
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::door::Caller;

/// What one field asks for.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    Close,
    /// What the notification shows as `csat`.
    Satisfaction(Value),
    /// What the notification shows as `ttr`.
    TimeToRespond(Value),
}

/// All changes of a call, in order.
#[derive(Clone, Debug)]
pub struct Update {
    tenant: TenantId,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Close(SetStanding),
    Keep(ChangeContext),
}

impl Command for Update {
    type Answer = ();
    type Refusal = Refused;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Refused>> {
        for step in &self.steps {
            match step {
                Step::Close(close) => drop(close.decide(view)?),
                Step::Keep(keep) => keep.decide(view)?,
            }
        }
        Ok(())
    }
}

/// The command for one field or several, and the text that answers it.
pub fn update(
    caller: &Caller,
    contact: ContactId,
    body: &Map<String, Value>,
) -> Result<(Update, &'static str), Refusal> {
    let named = body.get("conversationId").and_then(Value::as_str).ok_or(Refusal::Malformed)?;
    let changes: Vec<Change> = match body.get("conversationField") {
        Some(Value::Array(fields)) if !fields.is_empty() => {
            fields.iter().map(|field| parse(field, named)).collect::<Option<_>>()
        }
        Some(field @ Value::Object(_)) => parse(field, named).map(|change| vec![change]),
        _ => None,
    }
    .ok_or(Refusal::Malformed)?;
    let id = ConversationId::parse(named).ok_or(Refusal::UnknownConversation)?;
    let done = changes.last().map_or("", Change::done);
    Ok((
        Update {
            tenant: caller.tenant,
            steps: changes.iter().map(|change| change.step(caller, id, contact)).collect(),
        },
        done,
    ))
}

fn parse(field: &Value, conversation: &str) -> Option<Change> {
    let text = |pointer: &str| field.pointer(pointer).and_then(Value::as_str);
    match text("/field")? {
        "ConversationStateField" if text("/conversationState") == Some("CLOSE") => Some(Change::Close),
        "DialogChange" => {
            let closes = text("/type") == Some("UPDATE")
                && text("/dialog/state") == Some("CLOSE")
                && text("/dialog/dialogId") == Some(conversation);
            closes.then_some(Change::Close)
        }
        "CSATRate" => satisfaction(field).map(Change::Satisfaction),
        "TTRField" => time_to_respond(field).map(Change::TimeToRespond),
        _ => None,
    }
}

/// Rate 1 to 5, whether the question was resolved, and how much of the survey was filled in; each may be absent.
fn satisfaction(field: &Value) -> Option<Value> {
    let mut kept = Map::new();
    for name in ["csatRate", "csatResolutionConfirmation", "status"] {
        let Some(given) = field.get(name).filter(|given| !given.is_null()) else { continue };
        let valid = match name {
            "csatRate" => given.as_i64().is_some_and(|rate| (1..=5).contains(&rate)),
            "status" => matches!(given.as_str(), Some("FILLED" | "PARTIALLY_FILLED" | "SKIPPED")),
            _ => given.is_boolean(),
        };
        kept.insert(name.to_owned(), valid.then(|| given.clone())?);
    }
    Some(Value::Object(kept))
}

/// A type, and seconds where they are given.
fn time_to_respond(field: &Value) -> Option<Value> {
    let kind = field.get("ttrType").and_then(Value::as_str)?;
    let known = matches!(kind, "NORMAL" | "PRIORITIZED" | "URGENT" | "CUSTOM");
    let mut kept = json!({ "ttrType": known.then_some(kind)? });
    if let Some(value) = field.get("value").filter(|value| !value.is_null()) {
        kept["value"] = json!(value.as_i64().filter(|seconds| (0..=SECONDS_MAX).contains(seconds))?);
    }
    Some(kept)
}

/// Ten years: longer nobody waits, and times stay within what milliseconds hold.
const SECONDS_MAX: i64 = 315_360_000;

impl Change {
    fn done(&self) -> &'static str {
        match self {
            Change::Close => "OK Conversation resolved successfully",
            Change::Satisfaction(_) => "OK CSAT updated successfully",
            Change::TimeToRespond(_) => "OK TTR type updated successfully",
        }
    }

    fn step(&self, caller: &Caller, conversation: ConversationId, contact: ContactId) -> Step {
        let tenant = caller.tenant;
        let keep = |patch: Value, open_only: bool| {
            let patch = patch.to_string();
            Step::Keep(ChangeContext { tenant, conversation, contact, open_only, patch, merge })
        };
        match self {
            Change::Close => {
                let (to, by, contact) = (Standing::Resolved, Party::Consumer, Some(contact));
                Step::Close(SetStanding { tenant, conversation, to, by, contact })
            }
            // The consumer is asked after the close.
            Change::Satisfaction(csat) => keep(json!({ "csat": csat }), false),
            Change::TimeToRespond(ttr) => keep(json!({ "ttr": ttr }), true),
        }
    }
}

/// Puts the patch's fields over those that are kept.
fn merge(kept: Option<&str>, patch: &str) -> String {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let mut merged = object(kept.unwrap_or_default());
    merged.extend(object(patch));
    Value::Object(merged).to_string()
}
