//! `GET /v1/projects/{project_id}/messages/{message_id}` and the messages of a conversation, newest first.
//!
//! Notes and the system's own lines do not exist here. A dispatch message is there while its app retains such.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::contact::Contact;
use domain::content::Content;
use domain::conversation::Conversation;
use domain::id::{Id, TenantId};
use domain::message::{Author, Direction, Message};
use domain::record::List;
use engine::Page;
use serde_json::{Value, json};

use crate::error::Problem;
use crate::gate::{Caller, Desk, Shared};
use crate::json as js;
use crate::page::{Query, token};
use crate::print::{self, Around};
use crate::print_content::Links;

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 1000;
/// Entries looked through for one page, so that a thread of notes ends the search.
const WALK_MAX: usize = 10_000;

/// One message.
pub async fn one(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = Id::parse(&id).ok_or_else(|| Problem::not_found("message"))?;
    let found = desk.engine.get::<Message>(caller.tenant, id).await.map_err(Problem::unread)?;
    let message =
        found.filter(|message| is_there(&desk, message)).ok_or_else(|| Problem::not_found("message"))?;
    let printed = printed(&desk, caller.tenant, std::slice::from_ref(&message)).await?;
    // Erased: dispatch mode keeps no empty shells.
    Ok(js::ok(printed.first().ok_or_else(|| Problem::not_found("message"))?))
}

fn is_there(desk: &Desk, message: &Message) -> bool {
    let directory = desk.engine.directory();
    let app = directory.app(message.tenant, message.app);
    let kept = message.conversation.is_some() || app.is_some_and(|app| app.dispatch_retention_days > 0);
    print::is_shown(message) && kept
}

/// Messages of a tenant as they are printed, each kind of row read at once. Empty shells of dispatch mode, whose content
/// is erased, are left out.
async fn printed(desk: &Desk, tenant: TenantId, messages: &[Arc<Message>]) -> Result<Vec<Value>, Problem> {
    let ids: Vec<Id> = messages.iter().map(|message| message.id.0).collect();
    let contents = desk.engine.each::<Content>(tenant, &ids).await.map_err(Problem::unread)?;
    let people: BTreeSet<Id> = messages.iter().filter_map(|message| Some(message.contact?.0)).collect();
    let people: Vec<Id> = people.into_iter().collect();
    let people = desk.engine.get_all::<Contact>(tenant, &people).await.map_err(Problem::unread)?;
    let directory = desk.engine.directory();
    let media = Links { files: &[], urls: desk.engine.links(), tenant, from: desk.engine.now() };
    let print = |(message, content): (&Arc<Message>, Option<Arc<Content>>)| {
        if message.conversation.is_none() && content.is_none() {
            return None;
        }
        let contact = people.iter().find(|contact| Some(contact.id) == message.contact);
        let author = match message.author {
            Author::Agent(id) => directory.agent(tenant, id),
            _ => None,
        };
        let (content, contact) = (content.as_deref(), contact.map(|contact| &**contact));
        let around = Around { content, contact, author: author.map(|author| &**author), media };
        Some(print::message(message, around))
    };
    Ok(messages.iter().zip(contents).filter_map(print).collect())
}

/// Messages of one conversation.
pub async fn list(
    State(desk): State<Shared>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(raw.as_deref())?;
    let size = query.size(PAGE_DEFAULT, PAGE_MAX)?;
    let before = query.position()?;
    let direction = match query.get("direction") {
        None | Some("UNDEFINED_DIRECTION") => None,
        Some("TO_APP") => Some(Direction::Inbound),
        Some("TO_CONTACT") => Some(Direction::Outbound),
        Some(other) => return Err(Problem::invalid(format!("direction: unknown value \"{other}\""))),
    };
    let Some(id) = query.get("conversation_id") else {
        return Err(Problem::invalid(
            "conversation_id is required: this server lists messages by conversation",
        ));
    };
    let empty = || Ok(js::ok(&json!({"messages": [], "next_page_token": ""})));
    let Some(id) = Id::parse(id) else { return empty() };
    let conversation = desk.engine.get::<Conversation>(caller.tenant, id).await.map_err(Problem::unread)?;
    let Some(conversation) = conversation else {
        return empty();
    };
    let wanted = |message: &Message| {
        print::is_shown(message)
            && direction.is_none_or(|own| own == message.direction)
            && query.get("app_id").is_none_or(|app| app == conversation.app.ulid())
            && query.get("contact_id").is_none_or(|contact| contact == conversation.contact.ulid())
    };
    let (found, next) = walk(&desk, caller.tenant, id, before, size, wanted).await?;
    let mut messages = printed(&desk, caller.tenant, &found).await?;
    if query.get("view") == Some("WITHOUT_METADATA") {
        for one in &mut messages {
            one["metadata"] = json!("");
        }
    }
    Ok(js::ok(&json!({"messages": messages, "next_page_token": token(next)})))
}

type Found = Vec<Arc<Message>>;

/// A page of the messages that are wanted, and the position to go on from if there are more.
async fn walk(
    desk: &Desk,
    tenant: TenantId,
    owner: Id,
    mut before: Option<u64>,
    size: usize,
    wanted: impl Fn(&Message) -> bool,
) -> Result<(Found, Option<u64>), Problem> {
    let (mut found, mut walked): (Found, usize) = (Vec::new(), 0);
    while found.len() <= size && walked < WALK_MAX {
        let list = List::MessagesOfConversation;
        let page = Page { tenant, list, owner, after: None, before, newest_first: true, limit: size + 1 };
        let entries = desk.engine.page(page).await.map_err(Problem::unread)?;
        let Some((last, _)) = entries.last() else { break };
        before = Some(*last);
        walked += entries.len();
        let ids: Vec<Id> = entries.iter().map(|(_, id)| *id).collect();
        let messages = desk.engine.get_all::<Message>(tenant, &ids).await.map_err(Problem::unread)?;
        found.extend(messages.into_iter().filter(|message| wanted(message)));
    }
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|message| message.number);
    Ok((found, next))
}
