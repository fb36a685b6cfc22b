//! `command_status` of a refused submit as our classes. Vendor codes (0x400 and up) are permanent.
//! SMPP 3.4, table 5-2; 5.0 adds 0x100 and up.

use connector_api::SendError;
use domain::delivery::{Reason, ReasonKind};

const THROTTLE_DELAY_MS: i64 = 1_000;
const QUEUE_FULL_DELAY_MS: i64 = 30_000;

pub fn refused(status: u32) -> SendError {
    let reason = |kind, words: &str| Reason {
        kind,
        description: words.to_owned(),
        channel_code: format!("0x{status:08X}"),
    };
    let later =
        |kind, words, retry_after_ms| SendError::Temporary { reason: reason(kind, words), retry_after_ms };
    let never = |kind, words| SendError::Permanent(reason(kind, words));
    match status {
        0x58 => later(ReasonKind::RateLimited, "the message center throttles", Some(THROTTLE_DELAY_MS)),
        0x14 => later(ReasonKind::RateLimited, "the message queue is full", Some(QUEUE_FULL_DELAY_MS)),
        0x04 | 0x05 => later(ReasonKind::ChannelFailure, "the bind is not in the right state", None),
        0x08 | 0x64 | 0x66 | 0x102 => later(ReasonKind::ChannelFailure, "the message center failed", None),
        0x45 | 0xff => later(ReasonKind::ChannelFailure, "the message center could not take it", None),
        0x0b => never(ReasonKind::RecipientInvalid, "invalid destination address"),
        0x50 | 0x51 => never(ReasonKind::RecipientInvalid, "invalid destination type or plan"),
        0xfe => never(ReasonKind::RecipientNotReachable, "delivery failed"),
        0x0a | 0x48 | 0x49 => never(ReasonKind::ChannelBadConfiguration, "invalid source address"),
        0x0d | 0x0e | 0x0f | 0x15 | 0x53 | 0x100 | 0x101 | 0x103 => {
            never(ReasonKind::ChannelBadConfiguration, "the account may not do this")
        }
        0x01 | 0x61 | 0x62 | 0x63 | 0x104 | 0xc0..=0xc4 => {
            never(ReasonKind::ContentUnsupported, "the message center does not take this message")
        }
        _ => never(ReasonKind::ChannelRejected, "the message center refused"),
    }
}
