//! Serving files: lasting links answer 302 to a link that expires; that one gives the bytes. Reference section 14.
//!
//! Unlike the vendor, everything goes out as a download of its sniffed type, with `nosniff` and a sandboxing policy:
//! an uploaded file is never active content of our origin.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::id::{FileId, TenantId};
use domain::tenant::File;
use engine::Rendering;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::attachment::segment;
use crate::routes::Desk;

/// How long a storage link lives.
const DISK_LINK_S: i64 = 300;
const POLICY: &str = "default-src 'none'; sandbox";

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
        Some((tenant, file, thumbnail)) => serve(&desk, tenant, file, thumbnail, &headers).await,
        None => gone(),
    }
}

pub(crate) async fn proxy(
    State(desk): State<Desk>,
    Path((signed, _)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match desk.signer.open_blob(&signed, desk.engine.now()) {
        Some((tenant, file)) => serve(&desk, tenant, file, false, &headers).await,
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
        Some((tenant, file)) => serve(&desk, tenant, file, true, &headers).await,
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

async fn serve(desk: &Desk, tenant: TenantId, id: FileId, thumbnail: bool, headers: &HeaderMap) -> Response {
    let Some(file) = row(desk, tenant, id).await else {
        return gone();
    };
    let rendering = if thumbnail { Rendering::Thumbnail } else { Rendering::Original };
    let bytes = match desk.engine.file_bytes(tenant, id, rendering).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return gone(),
        Err(error) => {
            tracing::error!(%error, "a file could not be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let mime = if !thumbnail {
        passive(&file.mime)
    } else if file.mime == "image/jpeg" {
        "image/jpeg"
    } else {
        "image/png"
    };
    let disposition = format!("attachment; filename*=UTF-8''{}", segment(&file.name));
    let mut response = ranged(bytes, headers);
    let own = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, mime),
        (header::CONTENT_DISPOSITION, disposition.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::ACCEPT_RANGES, "bytes"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            own.insert(name, value);
        }
    }
    response
}

/// Types that browsers execute go out as octets.
fn passive(mime: &str) -> &str {
    let active = ["html", "xml", "svg", "javascript"].iter().any(|word| mime.contains(word));
    if active { "application/octet-stream" } else { mime }
}

/// The whole, or the one range that was asked for.
fn ranged(bytes: Bytes, headers: &HeaderMap) -> Response {
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(spec) = asked.and_then(|asked| asked.strip_prefix("bytes=")).filter(|spec| !spec.contains(','))
    else {
        return bytes.into_response();
    };
    let total = bytes.len();
    match range(spec, total) {
        Some((first, last)) => {
            let value = format!("bytes {first}-{last}/{total}");
            let part = bytes.slice(first..=last);
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, value)], part).into_response()
        }
        None => {
            let value = format!("bytes */{total}");
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, value)]).into_response()
        }
    }
}

fn range(spec: &str, total: usize) -> Option<(usize, usize)> {
    let (first, last) = spec.split_once('-')?;
    let end = total.checked_sub(1)?;
    if first.is_empty() {
        let suffix: usize = last.parse().ok().filter(|suffix| *suffix > 0)?;
        return Some((total.saturating_sub(suffix), end));
    }
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { end } else { last.parse::<usize>().ok()?.min(end) };
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clipped_or_refused() {
        assert_eq!(range("0-3", 10), Some((0, 3)));
        assert_eq!(range("8-99", 10), Some((8, 9)));
        assert_eq!(range("-4", 10), Some((6, 9)));
        assert_eq!(range("10-", 10), None);
        assert_eq!(range("-0", 10), None);
        assert_eq!(range("0-", 0), None);
    }
}
