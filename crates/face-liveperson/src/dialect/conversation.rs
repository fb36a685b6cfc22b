//! `cqm.ExConversationChangeNotification`: the complete state of a conversation, at the event it tells of.
//! Rows are read later than the event, so open and closed are taken from the event where it says so.

use domain::conversation::Party;
use domain::event::Fact;
use engine::Facts;
use serde_json::{Value, json};

use super::{consumer_id, notification as one_change};

/// The notification.
pub fn notification(facts: &Facts) -> Option<Value> {
    let conversation = facts.conversation.as_ref()?;
    let account = facts.tenant.as_ref()?.site_id.clone();
    let started = conversation.created_at.0;
    let updated = facts.event.at.0;
    let context: Value =
        conversation.context.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let skill = match context.get("skillId") {
        Some(Value::String(skill)) if !skill.is_empty() => skill.clone(),
        Some(Value::Number(skill)) => skill.to_string(),
        _ => "-1".to_owned(),
    };
    let (ttr, ttr_s) = time_to_respond(&context);
    let closed = closing(facts);
    let state = if closed.is_some() { "CLOSE" } else { "OPEN" };
    let participants = participants(facts);
    let active: Vec<Value> = participants
        .iter()
        .cloned()
        .map(|mut participant| {
            participant["state"] = json!("ACTIVE");
            participant
        })
        .collect();
    let id = conversation.id.uuid();
    let mut dialog = json!({
        "dialogId": id, "participantsDetails": active, "dialogType": "MAIN", "channelType": "MESSAGING",
        "state": state, "creationTs": started, "metaDataLastUpdateTs": updated,
    });
    let mut details = json!({
        "skillId": skill, "participants": participants, "brandId": account, "state": state, "stage": state,
        "startTs": started, "metaDataLastUpdateTs": updated, "ttr": { "ttrType": ttr, "value": ttr_s },
        "conversationHandlerDetails": { "accountId": account, "skillId": skill },
    });
    for (name, shown) in
        [("campaignInfo", "campaignInfo"), ("conversationContext", "context"), ("csat", "csat")]
    {
        if let Some(given) = context.get(name).filter(|given| given.is_object()) {
            details[shown] = given.clone();
        }
    }
    if let Some(reason) = closed {
        let ended = conversation.closed_at.map_or(updated, |at| at.0);
        details["closeReason"] = json!(reason);
        details["endTs"] = json!(ended);
        dialog["endTs"] = json!(ended);
        dialog["closedBy"] = json!(reason);
    }
    details["dialogs"] = json!([dialog]);
    let waits = closed.is_none() && matches!(facts.event.fact, Fact::ConversationStarted);
    let due = if waits { started + ttr_s * 1000 } else { -1 };
    let result = json!({ "convId": id, "effectiveTTR": due, "conversationDetails": details });
    let mut told =
        one_change("cqm.ExConversationChangeNotification", json!({ "type": "UPSERT", "result": result }));
    told["body"]["sentTs"] = json!(updated);
    Some(told)
}

fn participants(facts: &Facts) -> Vec<Value> {
    let consumer = json!({ "id": consumer_id(facts), "role": "CONSUMER" });
    let assignee = facts.conversation.as_ref().and_then(|conversation| conversation.assignee);
    let assignee = assignee.filter(|_| !matches!(facts.event.fact, Fact::ConversationStarted));
    let agent = assignee.map(|agent| json!({ "id": agent.uuid(), "role": "ASSIGNED_AGENT" }));
    std::iter::once(consumer).chain(agent).collect()
}

/// Why it is closed, if the event finds it closed.
fn closing(facts: &Facts) -> Option<&'static str> {
    let conversation = facts.conversation.as_ref()?;
    let by = match &facts.event.fact {
        Fact::ConversationStarted => None,
        Fact::StandingChanged { by, .. } => Some(*by),
        // What it was when it changed: closed only if the close came first.
        _ => conversation.closed_by.filter(|_| conversation.closed_at.is_some_and(|at| at <= facts.event.at)),
    }?;
    Some(match by {
        Party::Consumer => "CONSUMER",
        Party::Agent(_) | Party::App => "AGENT",
        Party::System => "SYSTEM",
    })
}

/// Name and seconds: as the consumer last asked, else as the conversation was opened with.
fn time_to_respond(context: &Value) -> (&str, i64) {
    let text = |pointer: &str| context.pointer(pointer).and_then(Value::as_str);
    let (kind, usual_s) = match text("/ttr/ttrType").or_else(|| text("/ttrDefName")) {
        Some("NORMAL") => ("NORMAL", 3600),
        Some("URGENT") => ("URGENT", 300),
        Some("CUSTOM") => ("CUSTOM", 600),
        _ => ("PRIORITIZED", 600),
    };
    (kind, context.pointer("/ttr/value").and_then(Value::as_i64).unwrap_or(usual_s))
}
