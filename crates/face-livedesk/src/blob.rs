//! Serving files: lasting links answer 302 to a link that expires; that one gives the bytes. Reference section 14.
//!
//! Unlike the vendor, everything goes out as a download of its sniffed type, with `nosniff` and a sandboxing policy:
//! an uploaded file is never active content of our origin.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::id::{FileId, TenantId};
use domain::tenant::File;
use face_kit::files::{segment, serve};
use http::{HeaderMap, StatusCode, header};

use crate::routes::Desk;

/// How long a storage link lives.
const DISK_LINK_S: i64 = 300;

/// A bad signature and a file that is gone look alike.
fn gone() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

pub(crate) async fn redirect(
    State(desk): State<Desk>,
    Path((signed, _)): Path<(String, String)>,
) -> Response {
    to_disk(&desk, &signed, false).await
}

pub(crate) async fn thumbnail(
    State(desk): State<Desk>,
    Path((signed, variation, _)): Path<(String, String, String)>,
) -> Response {
    if !desk.signer.is_variation(&variation, desk.engine.now()) {
        return gone();
    }
    to_disk(&desk, &signed, true).await
}

async fn to_disk(desk: &Desk, signed: &str, thumbnail: bool) -> Response {
    let now = desk.engine.now();
    let Some((tenant, id)) = desk.signer.open_blob(signed, now) else {
        return gone();
    };
    let Some(file) = row(desk, tenant, id).await.filter(|file| file.thumbnail || !thumbnail) else {
        return gone();
    };
    let key = desk.signer.disk(tenant, id, thumbnail, now.plus_s(DISK_LINK_S));
    let location =
        format!("{}/rails/active_storage/disk/{key}/{}", desk.engine.base_url(), segment(&file.name));
    let cache = format!("max-age={DISK_LINK_S}, private");
    (StatusCode::FOUND, [(header::LOCATION, location), (header::CACHE_CONTROL, cache)]).into_response()
}

pub(crate) async fn disk(
    State(desk): State<Desk>,
    Path((key, _)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match desk.signer.open_disk(&key, desk.engine.now()) {
        Some((tenant, file, thumbnail)) => send(&desk, tenant, file, thumbnail, &headers).await,
        None => gone(),
    }
}

pub(crate) async fn proxy(
    State(desk): State<Desk>,
    Path((signed, _)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match desk.signer.open_blob(&signed, desk.engine.now()) {
        Some((tenant, file)) => send(&desk, tenant, file, false, &headers).await,
        None => gone(),
    }
}

pub(crate) async fn proxy_thumbnail(
    State(desk): State<Desk>,
    Path((signed, variation, _)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let now = desk.engine.now();
    match desk.signer.open_blob(&signed, now).filter(|_| desk.signer.is_variation(&variation, now)) {
        Some((tenant, file)) => send(&desk, tenant, file, true, &headers).await,
        None => gone(),
    }
}

async fn row(desk: &Desk, tenant: TenantId, id: FileId) -> Option<std::sync::Arc<File>> {
    match desk.engine.get::<File>(tenant, id.0).await {
        Ok(file) => file,
        Err(error) => {
            tracing::error!(%error, "a file's row could not be read");
            None
        }
    }
}

async fn send(desk: &Desk, tenant: TenantId, id: FileId, thumbnail: bool, headers: &HeaderMap) -> Response {
    match row(desk, tenant, id).await {
        Some(file) => serve(&desk.engine, &file, thumbnail, headers).await,
        None => gone(),
    }
}
