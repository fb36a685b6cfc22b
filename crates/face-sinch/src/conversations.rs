//! Conversations: `GET` one, `GET` the list of an app or contact, and `POST …/{id}:stop`.
//!
//! The list is newest first. `total_size` counts what a bounded walk finds.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::command::standing::{Refusal, SetStanding};
use domain::conversation::{Conversation, Party, Standing};
use domain::id::{ConversationId, Id, TenantId};
use domain::record::List;
use engine::Page;
use serde_json::{Value, json};

use crate::error::Problem;
use crate::gate::{Caller, Desk, Shared};
use crate::page::{Query, token};
use crate::{channels, json as js, print};

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 20;
/// Conversations looked through for one list.
const WALK_MAX: usize = 1000;

/// One conversation.
pub async fn one(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = Id::parse(&id).ok_or_else(|| Problem::not_found("conversation"))?;
    let found = desk.engine.get::<Conversation>(caller.tenant, id).await.map_err(Problem::unread)?;
    let conversation = found.ok_or_else(|| Problem::not_found("conversation"))?;
    Ok(js::ok(&print::conversation(&conversation)))
}

/// `POST …/conversations/{id}:stop`. Stopping a stopped one changes nothing.
pub async fn verb(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, text)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let Some((id, verb)) = text.rsplit_once(':') else {
        return Err(Problem::method());
    };
    match verb {
        "stop" => {}
        "inject-message" | "inject-event" => {
            return Err(Problem::unimplemented("injecting is not offered here"));
        }
        _ => return Err(Problem::not_found("route")),
    }
    let id = ConversationId::parse(id).ok_or_else(|| Problem::not_found("conversation"))?;
    let (tenant, by) = (caller.tenant, Party::App);
    let stop = SetStanding { tenant, conversation: id, to: Standing::Resolved, by, contact: None };
    match desk.engine.execute(stop).await {
        Ok(_) => Ok(js::ok(&json!({}))),
        Err(failure) => Err(Problem::of(failure, |refusal| match refusal {
            Refusal::Closed => Problem::invalid("the conversation is closed"),
            Refusal::UnknownConversation | Refusal::NotYours => Problem::not_found("conversation"),
        })),
    }
}

/// Conversations of an app, of a contact, or of both.
pub async fn list(
    State(desk): State<Shared>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(raw.as_deref())?;
    let size = query.size(PAGE_DEFAULT, PAGE_MAX)?;
    let before = query.position()?;
    let (list, owner) = match (query.get("contact_id"), query.get("app_id")) {
        (Some(contact), _) => (List::ConversationsOfContact, Id::parse(contact)),
        (None, Some(app)) => (List::ConversationsOfApp, Id::parse(app)),
        (None, None) => return Err(Problem::invalid("app_id or contact_id is required")),
    };
    let found = match owner {
        Some(owner) => walk(&desk, caller.tenant, list, owner).await?,
        None => Vec::new(),
    };
    let shows = |conversation: &Conversation| {
        let channel = conversation.address.as_ref().map(|address| channels::shown(&address.channel));
        (conversation.active || !query.flag("only_active"))
            && query.get("app_id").is_none_or(|app| app == conversation.app.ulid())
            && query.get("active_channel").is_none_or(|wanted| Some(wanted) == channel)
    };
    let all: Vec<Arc<Conversation>> = found.into_iter().filter(|one| shows(one)).collect();
    let mut page = all.iter().filter(|one| before.is_none_or(|before| one.number < before));
    let taken: Vec<&Arc<Conversation>> = page.by_ref().take(size).collect();
    let next = taken.last().map(|last| last.number).filter(|_| page.next().is_some());
    let printed: Vec<Value> = taken.into_iter().map(|one| print::conversation(one)).collect();
    let answer = json!({"conversations": printed, "next_page_token": token(next), "total_size": all.len()});
    Ok(js::ok(&answer))
}

async fn walk(
    desk: &Desk,
    tenant: TenantId,
    list: List,
    owner: Id,
) -> Result<Vec<Arc<Conversation>>, Problem> {
    let page = Page { tenant, list, owner, after: None, before: None, newest_first: true, limit: WALK_MAX };
    let entries = desk.engine.page(page).await.map_err(Problem::unread)?;
    let ids: Vec<Id> = entries.into_iter().map(|(_, id)| id).collect();
    desk.engine.get_all::<Conversation>(tenant, &ids).await.map_err(Problem::unread)
}
