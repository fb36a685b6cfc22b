//! Signed parts of file links: `<base64>--<40 hex digits>`, as the vendor's clients know them.
//!
//! The base64 holds our own payload in the vendor's envelope; the digits are HMAC-SHA-256 cut to 160 bits. Clients
//! treat all of it as opaque. The purpose keeps a link of one kind from being used as another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::id::{FileId, TenantId};
use domain::time::Time;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Blob,
    Variation,
    /// The short-lived storage link.
    Disk,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Blob => "blob_id",
            Purpose::Variation => "variation",
            Purpose::Disk => "blob_key",
        }
    }
}

/// Signs and verifies.
#[derive(Clone, Copy)]
pub(crate) struct Signer {
    key: [u8; 32],
}

const MAC_BYTES: usize = 20;

impl Signer {
    pub(crate) fn new(key: [u8; 32]) -> Signer {
        Signer { key }
    }

    /// HMAC-SHA-256 of anything under the face's key.
    pub(crate) fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.key, bytes)
    }

    fn sign(&self, purpose: Purpose, message: &str, expires_at: Option<Time>) -> String {
        let exp = expires_at.map(|at| at.0);
        let rails =
            json!({ "_rails": { "message": BASE64.encode(message), "exp": exp, "pur": purpose.as_str() } });
        let payload = BASE64.encode(rails.to_string());
        let mac = hex::encode(&self.digest(payload.as_bytes())[..MAC_BYTES]);
        format!("{payload}--{mac}")
    }

    fn open(&self, purpose: Purpose, signed: &str, now: Time) -> Option<String> {
        let (payload, mac) = signed.split_once("--")?;
        let given = hex::decode(mac).ok()?;
        let own = self.digest(payload.as_bytes());
        if !bool::from(given.as_slice().ct_eq(&own[..MAC_BYTES])) {
            return None;
        }
        let rails: Value = serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()?;
        let rails = rails.get("_rails")?;
        let expired = rails.get("exp").and_then(Value::as_i64).is_some_and(|at| at < now.0);
        if expired || rails.get("pur").and_then(Value::as_str) != Some(purpose.as_str()) {
            return None;
        }
        String::from_utf8(BASE64.decode(rails.get("message")?.as_str()?).ok()?).ok()
    }

    /// A link part that never expires.
    pub(crate) fn blob(&self, tenant: TenantId, file: FileId) -> String {
        self.sign(Purpose::Blob, &format!("{}/{}", tenant.ulid(), file.ulid()), None)
    }

    /// The file behind such a part.
    pub(crate) fn open_blob(&self, signed: &str, now: Time) -> Option<(TenantId, FileId)> {
        parse_pair(&self.open(Purpose::Blob, signed, now)?)
    }

    /// The thumbnail variation, the only one there is.
    pub(crate) fn variation(&self) -> String {
        self.sign(Purpose::Variation, "thumbnail", None)
    }

    /// Whether a part names the thumbnail variation.
    pub(crate) fn is_variation(&self, signed: &str, now: Time) -> bool {
        self.open(Purpose::Variation, signed, now).is_some()
    }

    /// A storage link part.
    pub(crate) fn disk(&self, tenant: TenantId, file: FileId, thumbnail: bool, expires_at: Time) -> String {
        let kind = if thumbnail { "t" } else { "o" };
        self.sign(Purpose::Disk, &format!("{kind}/{}/{}", tenant.ulid(), file.ulid()), Some(expires_at))
    }

    /// What a storage link part names: file, and whether its thumbnail.
    pub(crate) fn open_disk(&self, signed: &str, now: Time) -> Option<(TenantId, FileId, bool)> {
        let message = self.open(Purpose::Disk, signed, now)?;
        let (kind, pair) = message.split_once('/')?;
        let (tenant, file) = parse_pair(pair)?;
        Some((tenant, file, kind == "t"))
    }
}

fn parse_pair(pair: &str) -> Option<(TenantId, FileId)> {
    let (tenant, file) = pair.split_once('/')?;
    Some((TenantId::parse(tenant)?, FileId::parse(file)?))
}

/// HMAC-SHA-256.
pub(crate) fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::Id;

    #[test]
    fn a_link_opens_for_its_purpose_until_it_expires() {
        let signer = Signer::new([7; 32]);
        let (tenant, file) = (TenantId(Id(1)), FileId(Id(2)));
        let blob = signer.blob(tenant, file);
        assert_eq!(signer.open_blob(&blob, Time(9)), Some((tenant, file)));
        assert_eq!(signer.open_disk(&blob, Time(9)), None);
        assert_eq!(Signer::new([8; 32]).open_blob(&blob, Time(9)), None);
        let disk = signer.disk(tenant, file, true, Time(100));
        assert_eq!(signer.open_disk(&disk, Time(100)), Some((tenant, file, true)));
        assert_eq!(signer.open_disk(&disk, Time(101)), None);
    }
}
