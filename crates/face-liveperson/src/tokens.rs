//! Signed tokens and file URLs, all keyed from the one signing key.
//!
//! Tokens are JWTs under HS256: only this server checks them, so no other algorithm that a token's header might name
//! is considered, `none` and the asymmetric ones included. Times are checked by whoever opens a token, against the
//! engine's clock and without leeway, since the same clock issued them. The vendor's RS256 is a stated deviation.

use domain::time::Time;
use hmac::{Hmac, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A token of these claims.
pub fn sign(key: &[u8; 32], kid: &str, claims: &Value) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key))
        .expect("HS256 signs any JSON under a key of bytes")
}

/// The claims of a token that this key signed; whether its time is over is for the caller to say.
pub fn open(key: &[u8; 32], token: &str) -> Option<Map<String, Value>> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let opened =
        jsonwebtoken::decode::<Map<String, Value>>(token, &DecodingKey::from_secret(key), &validation);
    opened.ok().map(|token| token.claims)
}

/// Whether claims with an `exp` still hold at this moment; its own second is over.
pub fn holds_at(claims: &Map<String, Value>, now: Time) -> bool {
    claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| now.seconds() < exp)
}

/// The token without the optional `Bearer `.
pub fn raw(presented: &str) -> &str {
    let presented = presented.trim();
    match presented.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => token.trim_start(),
        _ => presented,
    }
}

/// The key id of application tokens issued on a day.
pub fn app_kid(now: Time) -> String {
    let day = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
    day.strftime("appjwt-%d-%m-%y").to_string()
}

/// The consumer's participant id: a pure function of account and external id.
pub fn consumer_id(account: &str, external: &str) -> String {
    hex::encode(Sha256::digest(format!("{account}|{external}")))
}

/// SHA-256 of a secret, as credentials keep it.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// A secret that nobody can guess, made from a unique name: 26 characters of lower-case base 32.
pub fn mint_secret(key: &[u8; 32], unique: &str) -> String {
    let bytes = hmac_sha256(key, format!("client-secret {unique}").as_bytes()).finalize().into_bytes();
    bytes
        .iter()
        .take(26)
        .map(|byte| char::from(b"abcdefghijklmnopqrstuv0123456789"[usize::from(byte & 31)]))
        .collect()
}

/// Signs a file URL the way object stores do: HMAC-SHA1 over method, expiry and path.
pub fn file_signature(key: &[u8; 32], method: &str, expires_s: i64, path: &str) -> String {
    let storage = hex::encode(hmac_sha256(key, b"storage").finalize().into_bytes());
    temp_url(storage.as_bytes(), method, expires_s, path)
}

fn temp_url(key: &[u8], method: &str, expires_s: i64, path: &str) -> String {
    hex::encode(hmac_sha1(key, format!("{method}\n{expires_s}\n{path}").as_bytes()))
}

/// HMAC-SHA1, the vendor's choice for webhooks.
pub fn hmac_sha1(key: &[u8], data: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn hmac_sha256(key: &[u8; 32], data: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_consumer_id_is_that_of_the_reference() {
        let id = consumer_id("70000001", "whatsapp:+4915112345678");
        assert_eq!(id, "e229d86a1d8bb801db48445aceaa8cf556914c30d9ea5b37ff8b67a0b6fb0538");
    }

    #[test]
    fn a_file_url_is_signed_like_the_sample() {
        let signature =
            temp_url(b"storage-key", "PUT", 1_700_000_060, "/v1/AUTH_async-images/70000001/abc.PNG");
        assert_eq!(signature, "61bd991c3e8799ac54013018cac145998fe09159");
    }

    #[test]
    fn a_token_opens_with_its_own_key_alone() {
        let token = sign(&[1; 32], "kid", &json!({ "a": 1 }));
        assert_eq!(open(&[1; 32], &token).map(Value::Object), Some(json!({ "a": 1 })));
        assert_eq!(open(&[2; 32], &token), None);
        assert_eq!(open(&[1; 32], &token[..token.len() - 2]), None);
        assert_eq!(open(&[1; 32], "garbage"), None);
    }

    #[test]
    fn no_other_algorithm_is_believed() {
        let claims = json!({ "iss": "Sentinel" });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let unsigned = |algorithm: &str, signature: &str| {
            let header = json!({ "alg": algorithm, "typ": "JWT" });
            format!("{}.{}.{signature}", encode(&header), encode(&claims))
        };
        let genuine = sign(&[1; 32], "kid", &claims);
        let signature = genuine.rsplit('.').next().unwrap_or_default();
        for algorithm in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", ""] {
            assert_eq!(open(&[1; 32], &unsigned(algorithm, "")), None, "{algorithm}");
            assert_eq!(open(&[1; 32], &unsigned(algorithm, signature)), None, "{algorithm}");
        }
        // Signed with the right key, under another algorithm of the same family.
        let header = Header::new(Algorithm::HS512);
        let other = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&[1; 32])).unwrap();
        assert_eq!(open(&[1; 32], &other), None);
    }

    #[test]
    fn a_changed_header_or_claim_breaks_the_token() {
        let token = sign(&[1; 32], "kid", &json!({ "sub": "a" }));
        let parts: Vec<&str> = token.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode(json!({ "sub": "b" }).to_string());
        assert_eq!(open(&[1; 32], &format!("{}.{forged}.{}", parts[0], parts[2])), None);
        assert_eq!(open(&[1; 32], &format!("{}.{}", parts[0], parts[1])), None);
        assert_eq!(open(&[1; 32], &format!("{token}.x")), None);
    }

    #[test]
    fn a_token_holds_until_its_second_and_without_leeway() {
        let claims = |exp: Value| json!({ "exp": exp }).as_object().cloned().unwrap_or_default();
        assert!(holds_at(&claims(json!(10)), Time(9_999)));
        assert!(!holds_at(&claims(json!(10)), Time(10_000)));
        for missing in [json!(null), json!("99"), json!(-1)] {
            assert!(!holds_at(&claims(missing), Time(0)));
        }
    }

    #[test]
    fn bearer_is_optional_and_of_any_case() {
        assert_eq!(raw("bEaReR abc"), "abc");
        assert_eq!(raw("abc"), "abc");
    }
}
