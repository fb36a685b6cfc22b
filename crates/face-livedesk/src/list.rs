//! `GET …/conversations/{conversation_id}/messages`. Reference section 6.1.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::contact::Contact;
use domain::conversation::Conversation;
use domain::message::{Author, Message};
use domain::record::List;
use engine::{Engine, Page};
use serde_json::{Value, json};

use crate::error::{Problem, ok};
use crate::routes::{Call, Desk};
use crate::{form, sender, shown, view};

const PAGE: usize = 20;
const AFTER_MAX: usize = 100;
const BETWEEN_MAX: usize = 1_000;

pub(crate) async fn handler(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    call.caller.human()?;
    let (before, after) = (form::integer(call.query.get("before")), form::integer(call.query.get("after")));
    let mut messages = page(&desk.engine, &conversation, before, after).await?;
    if form::text(call.query.get("filter_internal_messages")).is_some_and(|text| !text.trim().is_empty()) {
        messages.retain(|message| !message.private && message.author != Author::System);
    }
    let tenant = &call.caller.tenant;
    let loaded = shown::load(&desk.engine, tenant, &conversation, messages).await?;
    let links = desk.links();
    let payload: Vec<_> =
        loaded.iter().map(|shown| view::message(shown, call.caller.spoken, &links)).collect();
    let contact =
        desk.engine.get::<Contact>(tenant.id, conversation.contact.0).await.map_err(Problem::store)?;
    let mut meta = json!({
        "labels": [],
        "additional_attributes": {},
        "contact": contact.as_deref().map(sender::contact),
        "agent_last_seen_at": null,
        "assignee_last_seen_at": null,
    });
    let directory = desk.engine.directory();
    if let Some(agent) = conversation.assignee.and_then(|id| directory.agent(tenant.id, id)) {
        meta["assignee"] = sender::assignee(agent, tenant.account_number);
    }
    Ok(ok(&Answer { meta, payload }))
}

#[derive(serde::Serialize)]
struct Answer {
    meta: Value,
    payload: Vec<view::MessageView>,
}

async fn page(
    engine: &Engine,
    conversation: &Conversation,
    before: Option<u64>,
    after: Option<u64>,
) -> Result<Vec<Arc<Message>>, Problem> {
    let limit = match (before, after) {
        (_, None) => PAGE,
        (None, Some(_)) => AFTER_MAX,
        (Some(_), Some(_)) => BETWEEN_MAX,
    };
    let page = Page {
        tenant: conversation.tenant,
        list: List::MessagesOfConversation,
        owner: conversation.id.0,
        // With both ends the lower one is included.
        after: if before.is_some() { after.and_then(|number| number.checked_sub(1)) } else { after },
        before,
        newest_first: after.is_none(),
        limit,
    };
    let mut entries = engine.page(page).await.map_err(Problem::store)?;
    entries.sort_by_key(|(position, _)| *position);
    let ids: Vec<_> = entries.into_iter().map(|(_, id)| id).collect();
    let mut messages = engine.get_all::<Message>(conversation.tenant, &ids).await.map_err(Problem::store)?;
    messages.sort_by_key(|message| message.number);
    Ok(messages)
}
