//! `GET …/contacts/{contact_id}` and `GET …/contacts`, in order of creation.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::contact::Contact;
use domain::id::Id;
use domain::record::List;
use engine::Page;
use serde_json::{Value, json};

use crate::error::Problem;
use crate::gate::{Caller, Shared};
use crate::page::{Query, token};
use crate::{json as js, print};

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 20;

/// One contact.
pub async fn one(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = Id::parse(&id).ok_or_else(|| Problem::not_found("contact"))?;
    let found = desk.engine.get::<Contact>(caller.tenant, id).await.map_err(Problem::unread)?;
    let contact = found.ok_or_else(|| Problem::not_found("contact"))?;
    Ok(js::ok(&print::contact(&contact)))
}

/// A page of contacts.
pub async fn list(
    State(desk): State<Shared>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(raw.as_deref())?;
    if ["external_id", "channel", "identity"].iter().any(|name| query.get(name).is_some()) {
        return Err(Problem::unimplemented("contacts are listed without filters here"));
    }
    let size = query.size(PAGE_DEFAULT, PAGE_MAX)?;
    let page = Page {
        tenant: caller.tenant,
        list: List::ContactsOfTenant,
        owner: caller.tenant.0,
        after: query.position()?,
        before: None,
        newest_first: false,
        limit: size + 1,
    };
    let mut entries = desk.engine.page(page).await.map_err(Problem::unread)?;
    let more = entries.len() > size;
    entries.truncate(size);
    let next = entries.last().filter(|_| more).map(|(position, _)| *position);
    let ids: Vec<Id> = entries.iter().map(|(_, id)| *id).collect();
    let found = desk.engine.get_all::<Contact>(caller.tenant, &ids).await.map_err(Problem::unread)?;
    let contacts: Vec<Value> = found.iter().map(|contact| print::contact(contact)).collect();
    Ok(js::ok(&json!({"contacts": contacts, "next_page_token": token(next)})))
}
