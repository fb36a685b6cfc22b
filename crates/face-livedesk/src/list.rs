//! `GET …/conversations/{conversation_id}/messages`. Reference section 6.1.
//!
//! Ids of messages grow with their place in the conversation, so `before` and `after` are found by halving.

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
    let before_at = match before {
        Some(number) => Some(place(engine, conversation, number).await?),
        None => None,
    };
    // With both ends the lower one is included.
    let from = after.map(|number| if before.is_some() { number } else { number.saturating_add(1) });
    let after_at = match from {
        Some(number) => Some(place(engine, conversation, number).await?.saturating_sub(1)),
        None => None,
    };
    let limit = match (before, after) {
        (_, None) => PAGE,
        (None, Some(_)) => AFTER_MAX,
        (Some(_), Some(_)) => BETWEEN_MAX,
    };
    let page = Page {
        tenant: conversation.tenant,
        list: List::MessagesOfConversation,
        owner: conversation.id.0,
        after: after_at,
        before: before_at,
        newest_first: after.is_none(),
        limit,
    };
    let mut entries = engine.page(page).await.map_err(Problem::store)?;
    entries.sort_by_key(|(position, _)| *position);
    let ids: Vec<_> = entries.into_iter().map(|(_, id)| id).collect();
    let mut messages = engine.get_all::<Message>(conversation.tenant, &ids).await.map_err(Problem::store)?;
    messages.sort_by_key(|message| message.sorting);
    Ok(messages)
}

/// The first place in the conversation whose message has this number or a higher one.
async fn place(engine: &Engine, conversation: &Conversation, number: u64) -> Result<u64, Problem> {
    let (mut low, mut high) = (1, conversation.last_sorting + 1);
    while low < high {
        let middle = u64::midpoint(low, high);
        if number_at(engine, conversation, middle).await?.is_some_and(|at| at < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

async fn number_at(engine: &Engine, conversation: &Conversation, place: u64) -> Result<Option<u64>, Problem> {
    let page = Page {
        tenant: conversation.tenant,
        list: List::MessagesOfConversation,
        owner: conversation.id.0,
        after: Some(place - 1),
        before: None,
        newest_first: false,
        limit: 1,
    };
    let entries = engine.page(page).await.map_err(Problem::store)?;
    let Some((_, id)) = entries.first() else {
        return Ok(None);
    };
    let message = engine.get::<Message>(conversation.tenant, *id).await.map_err(Problem::store)?;
    Ok(message.map(|message| message.number))
}
