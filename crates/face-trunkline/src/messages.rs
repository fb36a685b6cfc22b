//! `GET /trunkline/v1/messages/{id}`: one message as it stands now.
//!
//! The id is a ULID or a UUID. Erased content is `null`; everything else stays.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use domain::content::{Content, text};
use domain::id::{Id, MessageId};
use domain::message::{Author, Direction, Message};
use domain::tenant::File;
use engine::{Engine, domain};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::error::{Refusal, unavailable};
use crate::{files, print};

/// Answers with the message.
pub(crate) async fn read(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let message = find(&engine, caller, &id).await?;
    let content = engine.get::<Content>(caller.tenant, message.id.0).await.map_err(unavailable)?;
    let media = content.as_ref().map(|content| content.body.media()).unwrap_or_default();
    let ids: Vec<Id> = media.into_iter().filter_map(|media| media.file.map(|file| file.0)).collect();
    let rows = engine.get_all::<File>(caller.tenant, &ids).await.map_err(unavailable)?;
    let files = rows.iter().map(|file| files::printed(file, engine.links(), engine.now())).collect();
    Ok(Json(printed(&message, content.as_deref(), files)))
}

/// The caller's own message of that id. What cannot be an id does not exist either.
pub(crate) async fn find(engine: &Engine, caller: Caller, id: &str) -> Result<Arc<Message>, Refusal> {
    let id = Id::parse(id).ok_or(Refusal::NoSuchMessage)?;
    let found = engine.get::<Message>(caller.tenant, id).await.map_err(unavailable)?;
    found.ok_or(Refusal::NoSuchMessage)
}

pub(crate) fn printed(message: &Message, content: Option<&Content>, files: Vec<Value>) -> Value {
    let delivery = message.delivery.as_ref();
    json!({
        "id": message.id.ulid(),
        "uuid": message.id.uuid(),
        "app": message.app.ulid(),
        "conversation": message.conversation.map(|id| id.ulid()),
        "contact": message.contact.map(|id| id.ulid()),
        "direction": match message.direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        },
        "author": match message.author {
            Author::Contact => "contact",
            Author::Agent(_) => "agent",
            Author::App => "app",
            Author::System => "system",
        },
        "private": message.private,
        "accepted_at": print::time(message.accepted_at),
        "to_or_from": message.address.as_ref().map(print::address),
        "reply_to": message.reply_to.map(MessageId::ulid),
        "text": content.map(|content| text::render(&content.body)),
        "files": files,
        "metadata": message.metadata,
        "status": print::status(message.status()),
        "reason": delivery.and_then(|delivery| delivery.reason.as_ref()).map(print::reason),
        "plan": delivery.map(|delivery| delivery.plan.iter().map(print::address).collect::<Vec<_>>()),
        "attempts": delivery.map_or(0, |delivery| delivery.attempts.len()),
        "expires_at": delivery.map(|delivery| print::time(delivery.expires_at)),
    })
}
