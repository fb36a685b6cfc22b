//! `GET /trunkline/v1/files/{tenant}/{file}?expires=…&signature=…`: a stored file for whoever holds a signed link.
//!
//! Links are made by the engine for channels that fetch media, for callbacks and for messages as this face shows them. A
//! wrong signature, a link that ended and a file that is gone look alike. A file that a person sent may still be at its
//! provider: the answer waits a little for it, then says when to come back.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::id::{FileId, Id, TenantId};
use domain::tenant::{File, Presence};
use domain::time::Time;
use engine::{Engine, FileLinks, domain};
use face_kit::files::FETCH_AWAITED_MS;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Refusal, unavailable};
use crate::print;

/// What opens a link.
#[derive(Deserialize)]
pub(crate) struct Opening {
    #[serde(default)]
    expires: String,
    #[serde(default)]
    signature: String,
}

/// Answers with the bytes, as a download.
pub(crate) async fn read(
    State(engine): State<Engine>,
    Path((tenant, file)): Path<(String, String)>,
    Query(opening): Query<Opening>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (Some(tenant), Some(file), Ok(expires)) =
        (Id::parse(&tenant), Id::parse(&file), opening.expires.parse())
    else {
        return Err(Refusal::NoSuchFile);
    };
    let (tenant, file) = (TenantId(tenant), FileId(file));
    if !engine.links().opens(tenant, file, expires, &opening.signature, engine.now()) {
        return Err(Refusal::NoSuchFile);
    }
    let row = engine.file(tenant, file, FETCH_AWAITED_MS).await.map_err(unavailable)?;
    let row = row.ok_or(Refusal::NoSuchFile)?;
    match &row.presence {
        Presence::Stored => Ok(face_kit::files::serve(&engine, &row, false, &headers).await),
        Presence::Awaited(_) => Err(Refusal::FileAwaited),
        Presence::Lost(_) => Err(Refusal::FileLost),
    }
}

/// A message's file, with a link that lives from a moment on.
pub(crate) fn printed(file: &File, links: &FileLinks, from: Time) -> Value {
    let (state, reason) = match &file.presence {
        Presence::Stored => ("stored", Value::Null),
        Presence::Awaited(_) => ("awaited", Value::Null),
        Presence::Lost(reason) => ("lost", print::reason(reason)),
    };
    json!({
        "id": file.id.ulid(),
        "name": file.name,
        "type": file.mime,
        "size": file.size,
        "state": state,
        "reason": reason,
        "url": links.url(file.tenant, file.id, from),
    })
}
