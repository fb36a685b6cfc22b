//! Bot API refusals as our classes: `error_code` first, the description only where the code says too little, because
//! its wording changes between server versions.

use connector_api::{HttpResponse, SendError};
use domain::delivery::{Reason, ReasonKind};

use super::wire::Answer;
use crate::hand_over::{nowhere, retry_after_ms};

/// Words of a 400 that tell its class.
const WORDS: [(&str, ReasonKind); 9] = [
    ("chat not found", ReasonKind::RecipientNotReachable),
    ("user not found", ReasonKind::RecipientNotReachable),
    ("peer_id_invalid", ReasonKind::RecipientInvalid),
    ("http url", ReasonKind::MediaUnavailable),
    ("wrong file identifier", ReasonKind::MediaUnavailable),
    ("web page content", ReasonKind::MediaUnavailable),
    ("webpage_", ReasonKind::MediaUnavailable),
    ("file is too big", ReasonKind::MediaUnavailable),
    ("migrate", ReasonKind::RecipientInvalid),
];

/// A file that cannot be fetched now is refused in the same words as one that does not exist.
const PERHAPS_LATER: &str = "temporarily unavailable";

/// A refused `getFile`, or an answer without a path.
pub fn refused_file(answer: &HttpResponse) -> SendError {
    match refused(answer) {
        SendError::Permanent(_) if answer.status == 200 => nowhere(),
        SendError::Permanent(reason) if reason.description.to_lowercase().contains(PERHAPS_LATER) => {
            let reason = Reason { kind: ReasonKind::MediaUnavailable, ..reason };
            SendError::Temporary { reason, retry_after_ms: None }
        }
        SendError::Permanent(reason) if reason.kind == ReasonKind::ContentUnsupported => {
            SendError::Permanent(Reason { kind: ReasonKind::MediaUnavailable, ..reason })
        }
        other => other,
    }
}

pub fn refused(answer: &HttpResponse) -> SendError {
    let told = serde_json::from_slice::<Answer<serde_json::Value>>(&answer.body).ok();
    let code = told
        .as_ref()
        .map(|told| told.error_code)
        .filter(|code| *code != 0)
        .unwrap_or_else(|| i64::from(answer.status));
    let words = told.as_ref().map_or("", |told| told.description.as_str());
    let reason = |kind| Reason { kind, description: words.to_owned(), channel_code: code.to_string() };
    match code {
        429 => {
            let told_ms = told.as_ref().and_then(|told| told.parameters.retry_after);
            let retry_after_ms = told_ms
                .map(|seconds| seconds.max(0).saturating_mul(1_000))
                .or_else(|| retry_after_ms(&answer.headers));
            SendError::Temporary { reason: reason(ReasonKind::RateLimited), retry_after_ms }
        }
        500.. => SendError::Temporary {
            reason: reason(ReasonKind::ChannelFailure),
            retry_after_ms: retry_after_ms(&answer.headers),
        },
        401 | 404 | 409 => SendError::Permanent(reason(ReasonKind::ChannelBadConfiguration)),
        403 if words.to_lowercase().contains("blocked by the user") => {
            SendError::Permanent(reason(ReasonKind::RecipientOptedOut))
        }
        403 => SendError::Permanent(reason(ReasonKind::RecipientNotReachable)),
        _ => {
            let lower = words.to_lowercase();
            let known = WORDS.iter().find(|(part, _)| lower.contains(part));
            SendError::Permanent(reason(known.map_or(ReasonKind::ContentUnsupported, |(_, kind)| *kind)))
        }
    }
}
