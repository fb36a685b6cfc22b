//! The signature of a callback: HMAC-SHA256 over body, nonce and timestamp, in base64 with padding.
//!
//! Signed with the webhook's secret, or with the app's secret for overridden callback URLs; unsigned without one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Seal;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// What one SDK takes as the name of the algorithm.
const ALGORITHM: &str = "HmacSHA256";

pub fn headers(seal: &Seal<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let own = Some(seal.subscription.secret.as_str());
    let of_app = seal.app.and_then(|app| app.override_callback_secret.as_deref());
    let secret = if seal.overridden { of_app } else { own };
    let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
        return headers;
    };
    let timestamp = seal.now.seconds().to_string();
    let signature = sign(secret, seal.body, seal.nonce, &timestamp);
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put("x-sinch-webhook-signature", &signature);
    put("x-sinch-webhook-signature-nonce", seal.nonce);
    put("x-sinch-webhook-signature-timestamp", &timestamp);
    put("x-sinch-webhook-signature-algorithm", ALGORITHM);
    headers
}

fn sign(secret: &str, body: &[u8], nonce: &str, timestamp: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is taken");
    for part in [body, b".", nonce.as_bytes(), b".", timestamp.as_bytes()] {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_vectors_hold() {
        assert_eq!(sign("k", b"{}", "n", "1"), "NRFg52xMLXbxK/dR52eo5MgZb/E1l2Ln9le+UBKKjwQ=");
        let body = concat!(
            r#"{"app_id":"01HZ0Y6Q3D9A7B5C1E2F4G6H8J","accepted_time":"2025-03-04T05:06:07.123Z","#,
            r#""event_time":"2025-03-04T05:06:06Z","project_id":"demo-project","message_delivery_report":{"#,
            r#""message_id":"01HZ0Y7M2K4N6P8R0S2T4V6W8X","conversation_id":"","status":"DELIVERED","#,
            r#""channel_identity":{"channel":""#,
            "SMS",
            r#"","identity":"46701234567","app_id":""},"contact_id":"","metadata":"order-17","#,
            r#""processing_mode":"DISPATCH"},"message_metadata":"","correlation_id":""}"#,
        );
        let signature = sign("pepper-and-salt", body.as_bytes(), "01HZ0Y8A1B2C3D4E5F6G7H8J9K", "1741064767");
        assert_eq!(signature, "9EpyVbqWvB+FKifrKVPo/bJAVyT2/g3fnBg4crOKbco=");
    }
}
