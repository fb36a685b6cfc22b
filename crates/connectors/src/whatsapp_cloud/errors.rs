//! Graph error codes and what they mean for a message: one table for refused sends and failed statuses.
//!
//! The code decides, not the HTTP status: throttling comes as 400 as well as 429.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>

use connector_api::{HttpResponse, SendError};
use domain::delivery::{Reason, ReasonKind};

use super::wire::{Error, Refusal};
use crate::hand_over::{nowhere, retry_after_ms};

/// How long to leave one person alone who was written to too often.
const PAIR_LIMIT_DELAY_MS: i64 = 6_000;

/// Our class of a code, and whether a later try may work.
fn class(code: i64) -> Option<(ReasonKind, bool)> {
    Some(match code {
        4 | 80_007 | 130_429 | 131_048 | 133_016 => (ReasonKind::RateLimited, true),
        131_056 => (ReasonKind::RecipientRateLimited, true),
        1 | 2 | 131_000 | 131_016 | 131_057 | 133_004 => (ReasonKind::ChannelFailure, true),
        0
        | 3
        | 10
        | 33
        | 190
        | 200..=299
        | 368
        | 131_005
        | 131_031
        | 131_037
        | 131_042
        | 131_045
        | 133_010 => (ReasonKind::ChannelBadConfiguration, false),
        131_047 => (ReasonKind::OutsideAllowedWindow, false),
        131_026 => (ReasonKind::RecipientNotReachable, false),
        131_021 | 131_030 => (ReasonKind::RecipientInvalid, false),
        131_050 => (ReasonKind::RecipientOptedOut, false),
        130_472 | 130_497 | 131_049 | 132_007 => (ReasonKind::ChannelRejected, false),
        131_052 | 131_053 => (ReasonKind::MediaUnavailable, false),
        132_000 | 132_001 | 132_005 | 132_012 | 132_015 | 132_016 | 132_018 => {
            (ReasonKind::TemplateUnknown, false)
        }
        100 | 131_008 | 131_009 | 131_051 | 132_068 | 132_069 | 135_000 => {
            (ReasonKind::ContentUnsupported, false)
        }
        _ => return None,
    })
}

/// The reason behind an error object, as the customer sees it.
pub fn reason(error: &Error) -> Reason {
    let kind = class(error.code).map_or(ReasonKind::ChannelRejected, |(kind, _)| kind);
    let details = error.error_data.as_ref().map(|data| data.details.as_str());
    let words = [details.unwrap_or_default(), &error.message, &error.title];
    let description = words.into_iter().find(|text| !text.is_empty());
    Reason {
        kind,
        description: description.unwrap_or("the provider gave no reason").to_owned(),
        channel_code: if error.code == 0 { String::new() } else { error.code.to_string() },
    }
}

/// An object that does not exist, or that this token may not see.
const NO_SUCH_OBJECT: i64 = 100;

/// A refused question for a file's address, or an answer without one.
pub fn refused_file(answer: &HttpResponse) -> SendError {
    let gone = |reason: Reason| SendError::Permanent(Reason { kind: ReasonKind::MediaUnavailable, ..reason });
    match refused(answer) {
        SendError::Permanent(reason) if matches!(answer.status, 404 | 410) => gone(reason),
        SendError::Permanent(reason) if reason.channel_code == NO_SUCH_OBJECT.to_string() => gone(reason),
        SendError::Permanent(_) if answer.status == 200 => nowhere(),
        other => other,
    }
}

/// A refused send.
pub fn refused(answer: &HttpResponse) -> SendError {
    let error = serde_json::from_slice::<Refusal>(&answer.body).unwrap_or_default().error;
    let mut reason = reason(&error);
    let later_works = match class(error.code) {
        Some((_, later_works)) if error.code != 0 => later_works || answer.status >= 500,
        _ => answer.status >= 500 || answer.status == 429,
    };
    if !later_works {
        if error.code == 0 && matches!(answer.status, 401 | 403) {
            reason.kind = ReasonKind::ChannelBadConfiguration;
        }
        return SendError::Permanent(reason);
    }
    let pair_limit = (reason.kind == ReasonKind::RecipientRateLimited).then_some(PAIR_LIMIT_DELAY_MS);
    if answer.status == 429 && pair_limit.is_none() {
        reason.kind = ReasonKind::RateLimited;
    } else if answer.status >= 500 {
        reason.kind = ReasonKind::ChannelFailure;
    }
    SendError::Temporary { reason, retry_after_ms: retry_after_ms(&answer.headers).or(pair_limit) }
}
