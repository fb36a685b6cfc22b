//! Stored files as downloads: of a sniffed type, with `nosniff` and a sandboxing policy, so that an uploaded file is
//! never active content of our origin. A file that a person sent may still be at its provider: its download waits a
//! little, then says when to come back.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::tenant::{File, Presence};
use engine::{Engine, Rendering};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands unescaped in a file name as a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// How long a download waits for bytes that are still at the provider, in milliseconds.
pub const FETCH_AWAITED_MS: i64 = 8_000;
/// When to come back for them, in seconds.
pub const RETRY_AFTER_S: &str = "5";
/// How a picture of that type begins; thumbnails that do not are JPEG.
const PNG: &[u8] = b"\x89PNG";
const POLICY: &str = "default-src 'none'; sandbox";

/// A file name as a segment of a path.
pub fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// Answers with the bytes of a file, or the one range that the headers ask for. 503 with `Retry-After` while they are
/// still at the provider, 410 when it does not give them, 404 when they are gone.
pub async fn serve(engine: &Engine, file: &File, thumbnail: bool, headers: &HeaderMap) -> Response {
    match engine.file(file.tenant, file.id, FETCH_AWAITED_MS).await {
        Ok(Some(file)) => match &file.presence {
            Presence::Stored => stored(engine, &file, thumbnail, headers).await,
            Presence::Awaited(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_S)]).into_response()
            }
            Presence::Lost(_) => StatusCode::GONE.into_response(),
        },
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, "a file's row could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn stored(engine: &Engine, file: &File, thumbnail: bool, headers: &HeaderMap) -> Response {
    let rendering = if thumbnail { Rendering::Thumbnail } else { Rendering::Original };
    let bytes = match engine.file_bytes(file.tenant, file.id, rendering).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, "a file could not be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let mime = if !thumbnail {
        passive(&file.mime)
    } else if bytes.starts_with(PNG) {
        "image/png"
    } else {
        "image/jpeg"
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
