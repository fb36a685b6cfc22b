//! Our own callbacks: each event of the log as the event list shows it, signed as Standard Webhooks says
//! (https://www.standardwebhooks.com, version 1).
//!
//! Body: `{"type": KIND, "timestamp": TIME, "data": EVENT}`. A message's event carries the message as well. Headers:
//! `webhook-id` is the event's id and stays the same at each try, `webhook-timestamp` is in seconds,
//! `webhook-signature` is `v1,` and the Base64 of HMAC-SHA256 over `id.timestamp.body`; while a secret is being
//! replaced there are two of them, separated by a space.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::content::Face;
use domain::event::{Event, Fact};
use domain::subscription::Subscription;
use domain::tenant::File;
use engine::{Dialect, Facts, Patience, Rendered, Seal, Verdict, domain};
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sha2::Sha256;

use crate::{cursor, files, messages, print};

/// What a secret begins with when the rest is Base64 of the key.
pub(crate) const SECRET_PREFIX: &str = "whsec_";
/// Hears everything but what becomes of callbacks, which must be asked for by name.
pub(crate) const EVERYTHING: &str = "ALL";

const TIMEOUT_MS: u64 = 15_000;
const MINUTE_MS: i64 = 60_000;
/// Before the second, third, … try.
const DELAYS_MS: [i64; 8] = [
    5_000,
    30_000,
    2 * MINUTE_MS,
    10 * MINUTE_MS,
    30 * MINUTE_MS,
    60 * MINUTE_MS,
    2 * 60 * MINUTE_MS,
    4 * 60 * MINUTE_MS,
];
const GIVE_UP_AFTER_MS: i64 = 3 * 24 * 60 * MINUTE_MS;

/// The dialect of this face.
pub struct Trunkline;

impl Dialect for Trunkline {
    fn face(&self) -> Face {
        Face::Trunkline
    }

    fn hears(&self, subscription: &Subscription, event: &Event) -> bool {
        let kind = print::kind(&event.fact);
        let named = subscription.triggers.iter().any(|trigger| trigger == kind);
        let all = subscription.triggers.iter().any(|trigger| trigger == EVERYTHING);
        match callbacks_of(&event.fact) {
            // One's own dead letter, told to oneself, would become the next.
            Some(about) => named && about != subscription.id,
            None => named || all,
        }
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let mut data = print::event(&facts.event, &cursor::write(facts.log, facts.event.position));
        if let Some(message) = &facts.message {
            // Links count from the event, so that they are the same at each try.
            let file = |file: &Arc<File>| files::printed(file, &facts.links, facts.event.at);
            let files = facts.files.iter().map(file).collect();
            data["message_now"] = messages::printed(message, facts.content.as_deref(), files);
        }
        let body = json!({
            "type": print::kind(&facts.event.fact),
            "timestamp": print::time(facts.event.at),
            "data": data,
        });
        Some(Rendered { body: Bytes::from(body.to_string()), target: None, headers: HeaderMap::new() })
    }

    fn seal(&self, seal: &Seal<'_>) -> HeaderMap {
        let id = seal.event.id.ulid();
        let timestamp = (seal.now.0 / 1_000).to_string();
        let secrets = [Some(seal.subscription.secret.as_str()), seal.subscription.previous_secret(seal.now)];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
        let signatures: Vec<String> =
            secrets.map(|secret| sign(secret, &id, &timestamp, seal.body)).collect();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signatures.join(" ")),
        ];
        let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
        headers
            .filter_map(|(name, value)| {
                Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
            })
            .collect()
    }

    fn verdict(&self, status: u16) -> Verdict {
        match status {
            200..=299 => Verdict::Delivered,
            410 => Verdict::GiveUp,
            _ => Verdict::Again,
        }
    }

    fn patience(&self, _: &Subscription) -> Patience {
        Patience {
            delays_ms: DELAYS_MS.to_vec(),
            give_up_after_ms: GIVE_UP_AFTER_MS,
            tries_max: 0,
            timeout_ms: TIMEOUT_MS,
            per_second_per_app: 0,
        }
    }
}

/// The subscription whose callbacks the fact is about.
fn callbacks_of(fact: &Fact) -> Option<domain::id::SubscriptionId> {
    match fact {
        Fact::DeadLetter { subscription, .. }
        | Fact::SubscriptionDisabled { subscription }
        | Fact::EndpointDisabled { subscription, .. }
        | Fact::ReplayOrdered { subscription, .. } => Some(*subscription),
        _ => None,
    }
}

fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let coded = secret.strip_prefix(SECRET_PREFIX).and_then(|coded| STANDARD.decode(coded).ok());
    let key = coded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    let mac =
        mac.chain_update(id).chain_update(".").chain_update(timestamp).chain_update(".").chain_update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_specifications_example_is_signed_alike() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, timestamp) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let signed = sign(secret, id, timestamp, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
