//! `GET …/conversations` and `GET …/conversations/{conversation_id}`. Reference section 7.1.
//!
//! What the core does not keep (labels, teams, priority, seen stamps) is printed as the vendor prints it unset.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::channel::Channel;
use domain::contact::Contact;
use domain::conversation::{Conversation, Standing};
use domain::message::{Author, Message};
use domain::record::List;
use engine::Page;
use serde_json::{Value, json};

use crate::auth::{Caller, Spoken};
use crate::error::{Problem, ok};
use crate::event_view::{self, Thread};
use crate::routes::{Call, Desk};
use crate::{form, shown};

const PAGE: usize = 25;
/// Conversations of one inbox that a filtered list looks through.
const LOOKED_THROUGH_MAX: usize = 2_000;

pub(crate) async fn show(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    Ok(ok(&object(&desk, &call.caller, &conversation).await?))
}

pub(crate) async fn list(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    call.caller.human()?;
    let mut found = all(&desk, &call).await?;
    let wanted = form::text(call.query.get("status")).unwrap_or_else(|| "open".to_owned());
    found.retain(|one| wanted == "all" || word(one.standing) == wanted);
    found.sort_by_key(|one| std::cmp::Reverse((one.last_activity_at, one.number)));
    let own = call.caller.agent.as_ref().map(|agent| agent.id);
    let mine = |one: &Arc<Conversation>| own.is_some() && one.assignee == own;
    let assigned = |one: &Arc<Conversation>| one.assignee.is_some();
    let count = |test: &dyn Fn(&Arc<Conversation>) -> bool| found.iter().filter(|one| test(one)).count();
    let meta = json!({
        "mine_count": count(&mine),
        "assigned_count": count(&assigned),
        "unassigned_count": found.len() - count(&assigned),
        "all_count": found.len(),
    });
    match form::text(call.query.get("assignee_type")).as_deref() {
        Some("me") => found.retain(mine),
        Some("assigned") => found.retain(assigned),
        Some("unassigned") => found.retain(|one| one.assignee.is_none()),
        _ => {}
    }
    let page = form::integer(call.query.get("page")).unwrap_or(1).max(1) - 1;
    let skip = usize::try_from(page).unwrap_or(usize::MAX).saturating_mul(PAGE);
    let mut payload = Vec::new();
    for one in found.iter().skip(skip).take(PAGE) {
        payload.push(object(&desk, &call.caller, one).await?);
    }
    Ok(ok(&json!({ "data": { "meta": meta, "payload": payload } })))
}

/// The newest conversations of the account's inboxes, or of the one that was asked for.
async fn all(desk: &Desk, call: &Call) -> Result<Vec<Arc<Conversation>>, Problem> {
    let tenant = call.caller.tenant.id;
    let inbox = form::integer(call.query.get("inbox_id"));
    let directory = desk.engine.directory();
    let mut found = Vec::new();
    for app in directory.apps_of(tenant).filter(|app| inbox.is_none_or(|inbox| inbox == app.number)) {
        let page = Page {
            tenant,
            list: List::ConversationsOfApp,
            owner: app.id.0,
            after: None,
            before: None,
            newest_first: true,
            limit: LOOKED_THROUGH_MAX,
        };
        let entries = desk.engine.page(page).await.map_err(Problem::store)?;
        let ids: Vec<_> = entries.into_iter().map(|(_, id)| id).collect();
        found.extend(desk.engine.get_all::<Conversation>(tenant, &ids).await.map_err(Problem::store)?);
    }
    Ok(found)
}

/// A standing's word.
pub(crate) fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Pending => "pending",
        Standing::Snoozed => "snoozed",
        Standing::Resolved => "resolved",
    }
}

/// The standing behind a word.
pub(crate) fn standing(word: &str) -> Option<Standing> {
    match word {
        "open" => Some(Standing::Open),
        "pending" => Some(Standing::Pending),
        "snoozed" => Some(Standing::Snoozed),
        "resolved" => Some(Standing::Resolved),
        _ => None,
    }
}

/// The inbox type as this conversation sees it: by where its contact is reached.
pub(crate) fn channel_type(conversation: &Conversation) -> &'static str {
    let address = conversation.address.as_ref();
    match address.map_or(Channel::API, |address| address.channel.as_str()) {
        "WHATSAPP" => "Channel::Whatsapp",
        "TELEGRAM" | "TELEGRAM_BOT" => "Channel::Telegram",
        "SMS" | "MMS" | "RCS" => "Channel::Sms",
        "LINE" => "Channel::Line",
        "MESSENGER" => "Channel::FacebookPage",
        "INSTAGRAM" => "Channel::Instagram",
        _ => "Channel::Api",
    }
}

async fn object(desk: &Desk, caller: &Caller, conversation: &Arc<Conversation>) -> Result<Value, Problem> {
    let tenant = &caller.tenant;
    let contact =
        desk.engine.get::<Contact>(tenant.id, conversation.contact.0).await.map_err(Problem::store)?;
    let last = match conversation.last_message {
        Some(id) => desk.engine.get::<Message>(tenant.id, id.0).await.map_err(Problem::store)?,
        None => None,
    };
    let loaded = shown::load(&desk.engine, tenant, conversation, last.into_iter().collect()).await?;
    let directory = desk.engine.directory();
    let assignee = conversation.assignee.and_then(|id| directory.agent(tenant.id, id)).cloned();
    let inbox = directory.app(tenant.id, conversation.app).map_or(0, |app| app.number);
    let thread =
        Thread { tenant, conversation, contact: contact.as_deref(), assignee: assignee.as_deref(), inbox };
    let messages: Vec<Value> =
        loaded.iter().map(|shown| event_view::message(shown, conversation, &desk.links())).collect();
    let mut object = event_view::rest_conversation(&thread);
    let spoken = loaded.iter().zip(&messages).find(|(shown, _)| shown.message.author != Author::System);
    object["last_non_activity_message"] = spoken.map_or(Value::Null, |(_, message)| message.clone());
    object["messages"] = Value::Array(messages);
    if caller.spoken == Spoken::LiveDesk {
        object["conversation_category"] = "chat".into();
        object["chat_mode"] = "private_chat".into();
        object["ticket_info"] = Value::Null;
    }
    Ok(object)
}
