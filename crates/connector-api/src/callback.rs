//! A provider's callback before and after its signature was checked.
//!
//! [`Genuine`] has no public constructor: it comes out of the checks in this file alone, so a connector that
//! forgets the signature does not compile.

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What a provider posted, unread.
#[derive(Clone, Debug)]
pub struct Callback {
    pub headers: HeaderMap,
    /// The raw query string, without `?`.
    pub query: String,
    pub body: Bytes,
}

/// A callback whose sender proved itself.
#[derive(Debug)]
pub struct Genuine<'r>(&'r Callback);

/// The sender did not prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

impl Genuine<'_> {
    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }
}

impl Callback {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Checks an HMAC-SHA256 of the raw body, sent as lower-case hex behind `prefix`.
    pub fn signed_sha256_hex(&self, header: &str, prefix: &str, secret: &str) -> Result<Genuine<'_>, Forged> {
        let given = self.header(header).and_then(|value| value.strip_prefix(prefix)).ok_or(Forged)?;
        let given = hex::decode(given).map_err(|_| Forged)?;
        if secret.is_empty() {
            return Err(Forged);
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| Forged)?;
        mac.update(&self.body);
        mac.verify_slice(&given).map_err(|_| Forged)?;
        Ok(Genuine(self))
    }

    /// Checks a shared token sent in a header, in constant time.
    pub fn token(&self, header: &str, token: &str) -> Result<Genuine<'_>, Forged> {
        let given = self.header(header).ok_or(Forged)?;
        if same_secret(given, token) { Ok(Genuine(self)) } else { Err(Forged) }
    }
}

/// Whether a secret was given right, in a time that does not tell where it differs. No secret is never right.
pub fn same_secret(given: &str, secret: &str) -> bool {
    !secret.is_empty() && bool::from(given.as_bytes().ct_eq(secret.as_bytes()))
}
