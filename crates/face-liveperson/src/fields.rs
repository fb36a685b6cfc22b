//! `cm.UpdateConversationField`: closing, satisfaction, time to respond. All fields are checked before one is acted on.
//!
//! Satisfaction and time to respond are acknowledged as the reference says; no core noun keeps them yet.

use std::sync::Arc;

use domain::command::standing::SetStanding;
use domain::conversation::{Conversation, Party, Standing};
use domain::id::ConversationId;
use serde_json::{Map, Value, json};

use crate::Face;
use crate::answer::{Refusal, Unauthorized};
use crate::door::Caller;

/// What one field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Close,
    Satisfaction,
    TimeToRespond,
}

/// Updates one field or several.
pub async fn update(face: &Face, caller: &Caller, body: &Map<String, Value>) -> Result<Value, Refusal> {
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
    let mut done = "";
    for change in changes {
        done = apply(face, caller, id, change).await?;
    }
    Ok(json!({ "msg": done }))
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
        "CSATRate" => {
            let absent = |name: &str| field.get(name).is_none_or(Value::is_null);
            let rate = field.get("csatRate").and_then(Value::as_i64);
            let status =
                text("/status").is_none_or(|one| matches!(one, "FILLED" | "PARTIALLY_FILLED" | "SKIPPED"));
            let valid = status && (absent("csatRate") || rate.is_some_and(|rate| (1..=5).contains(&rate)));
            valid.then_some(Change::Satisfaction)
        }
        "TTRField" => {
            let kind = matches!(text("/ttrType")?, "NORMAL" | "PRIORITIZED" | "URGENT" | "CUSTOM");
            let value = field.get("value").is_none_or(|value| value.as_i64().is_some_and(|value| value >= 0));
            (kind && value).then_some(Change::TimeToRespond)
        }
        _ => None,
    }
}

async fn apply(
    face: &Face,
    caller: &Caller,
    id: ConversationId,
    change: Change,
) -> Result<&'static str, Refusal> {
    let contact = caller.contact(face).await?;
    if change == Change::Close {
        let (tenant, to, by) = (caller.tenant, Standing::Resolved, Party::Consumer);
        face.engine.execute(SetStanding { tenant, conversation: id, to, by, contact: Some(contact) }).await?;
        return Ok("OK Conversation resolved successfully");
    }
    let found: Option<Arc<Conversation>> =
        face.engine.get(caller.tenant, id.0).await.map_err(Refusal::unreadable)?;
    let conversation = found.ok_or(Refusal::UnknownConversation)?;
    if conversation.contact != contact {
        return Err(Unauthorized::InvalidConsumer.into());
    }
    match change {
        Change::TimeToRespond if !conversation.is_open() => Err(Refusal::Closed),
        Change::TimeToRespond => Ok("OK TTR type updated successfully"),
        Change::Satisfaction | Change::Close => Ok("OK CSAT updated successfully"),
    }
}
