//! Handing a message over in one or more parts, and what an HTTP answer means before the provider's own words count.
//!
//! Parts go out in order, each after the one before it was taken, so what is known to be accepted is always a prefix:
//! an earlier attempt's parts are skipped by number. Once a part was taken a throttled successor is waited for here,
//! because giving the whole message back as temporary would send the first parts again. The whole hand-over has the time
//! limit of one answer, so that the core never gives up on it first and forgets which parts were taken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connector_api::{HttpRequest, HttpResponse, Line, OutError, SendError};
use domain::delivery::{Outcome, Reason, ReasonKind};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Longest provider answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How often a part is tried again after earlier parts were taken.
const PART_RETRIES_MAX: u32 = 3;
/// Longest wait before such a repetition.
const PART_RETRY_DELAY_MS_MAX: i64 = 5_000;

/// Beyond the limit, so that the time-out of a single answer is told by who waits for it.
const LAST_ANSWER_GRACE: Duration = Duration::from_secs(4);

/// How the hand-over of one part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    Taken(Arc<str>),
    No(SendError),
    Unknown,
}

/// Hands over parts `done.len()..count`, in order, until one is not taken or the time is over.
pub async fn in_order<'a>(
    done: &[Arc<str>],
    count: usize,
    timeout_ms: u64,
    mut hand: impl FnMut(usize) -> BoxFuture<'a, Handed>,
) -> Outcome {
    let mut parts = done.to_vec();
    let mut retries = 0;
    let limit = Instant::now() + Duration::from_millis(timeout_ms) + LAST_ANSWER_GRACE;
    while parts.len() < count {
        let Ok(handed) = timeout_at(limit, hand(parts.len())).await else {
            return Outcome::Unknown { parts };
        };
        match handed {
            Handed::Taken(id) => parts.push(id),
            Handed::Unknown => return Outcome::Unknown { parts },
            Handed::No(SendError::Temporary { retry_after_ms, .. }) if !parts.is_empty() => {
                if retries == PART_RETRIES_MAX {
                    return Outcome::Unknown { parts };
                }
                retries += 1;
                let delay_ms = retry_after_ms.unwrap_or(1_000).clamp(0, PART_RETRY_DELAY_MS_MAX);
                let again_at = Instant::now() + Duration::from_millis(delay_ms as u64);
                if again_at >= limit {
                    return Outcome::Unknown { parts };
                }
                sleep_until(again_at).await;
            }
            Handed::No(error) => return error.into(),
        }
    }
    Outcome::Accepted { parts }
}

/// Posts JSON.
pub async fn post_json(
    line: &Line,
    url: String,
    mut headers: HeaderMap,
    body: Vec<u8>,
    timeout_ms: u64,
) -> Result<HttpResponse, Handed> {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    call(line, Method::POST, url, headers, body, timeout_ms).await
}

/// Calls the provider; without an answer, says what that means for the part.
pub async fn call(
    line: &Line,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    timeout_ms: u64,
) -> Result<HttpResponse, Handed> {
    let request = HttpRequest {
        method,
        url,
        headers,
        body: Bytes::from(body),
        timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    line.http.call(request).await.map_err(|error| match error {
        OutError::Forbidden(why) => refused(ReasonKind::ChannelBadConfiguration, why),
        OutError::NotSent(why) => {
            let reason = Reason::new(ReasonKind::ChannelFailure, why);
            Handed::No(SendError::Temporary { reason, retry_after_ms: None })
        }
        OutError::NoAnswer(_) | OutError::TooLong => Handed::Unknown,
    })
}

/// The same for a question about a file, which may be asked again whatever became of it.
pub fn unlocated(handed: Handed) -> SendError {
    match handed {
        Handed::No(error) => error,
        Handed::Taken(_) | Handed::Unknown => nowhere(),
    }
}

/// The provider did not say where a file is.
pub fn nowhere() -> SendError {
    let reason = Reason::new(ReasonKind::ChannelFailure, "the provider did not say where the file is");
    SendError::Temporary { reason, retry_after_ms: None }
}

/// A no for good, from ourselves.
pub fn refused(kind: ReasonKind, why: impl Into<String>) -> Handed {
    Handed::No(SendError::Permanent(Reason::new(kind, why)))
}

/// The `Retry-After` header where it holds seconds.
pub fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let seconds: i64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.max(0).saturating_mul(1_000))
}

/// `Bearer` credentials, marked so that no log prints them.
pub fn bearer(token: &str) -> Option<HeaderMap> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
}

/// Cuts a text into pieces of at most `chars_max` characters, at a line or word end where one is near.
pub fn chunks(text: &str, chars_max: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((hard, _)) = rest.char_indices().nth(chars_max) {
        let head = &rest[..hard];
        let soft = head.rfind('\n').or_else(|| head.rfind(' ')).filter(|at| *at > hard / 2);
        let cut = soft.map_or(hard, |at| at + 1);
        pieces.push(rest[..cut].to_owned());
        rest = &rest[cut..];
    }
    pieces.push(rest.to_owned());
    pieces
}
