//! `GET /trunkline/v1/files/{tenant}/{file}?expires=…&signature=…`: a stored file for whoever holds a signed link.
//!
//! Links are made by the engine for channels that fetch media and for callbacks. A wrong signature, a link that ended
//! and a file that is gone look alike.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::id::{FileId, Id, TenantId};
use domain::tenant::File;
use engine::{Engine, domain};
use http::HeaderMap;
use serde::Deserialize;

use crate::error::{Refusal, unavailable};

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
    let row = engine.get::<File>(tenant, file.0).await.map_err(unavailable)?.ok_or(Refusal::NoSuchFile)?;
    Ok(face_kit::files::serve(&engine, &row, false, &headers).await)
}
