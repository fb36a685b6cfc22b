//! Links to stored files for those who hold no key of ours: channels that fetch media, subscribers of callbacks.
//!
//! A link names tenant and file, says when it ends, and is signed; nothing else opens it.

use std::fmt;
use std::sync::Arc;

use domain::id::{FileId, TenantId};
use domain::time::Time;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// How long a link lives, in seconds: as long as a callback may be retried.
const LINK_S: i64 = 7 * 24 * 3600;
/// Where links stand; the server's own face answers there.
pub const FILES_PATH: &str = "/trunkline/v1/files";

/// Makes links and opens them.
#[derive(Clone)]
pub struct FileLinks {
    base_url: Arc<str>,
    key: [u8; 32],
}

impl fmt::Debug for FileLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLinks").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl FileLinks {
    /// Links on the server that is reached at `base_url`, signed with `key`.
    pub fn new(base_url: Arc<str>, key: [u8; 32]) -> FileLinks {
        FileLinks { base_url, key }
    }

    /// Where this server is reached, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A link that lives for seven days from `from`. Callbacks count from their event, so that every try carries the
    /// same bytes.
    pub fn url(&self, tenant: TenantId, file: FileId, from: Time) -> String {
        let expires = from.plus_s(LINK_S).seconds();
        let signature = hex::encode(self.mac(tenant, file, expires).finalize().into_bytes());
        let (tenant, file) = (tenant.uuid(), file.uuid());
        format!("{}{FILES_PATH}/{tenant}/{file}?expires={expires}&signature={signature}", self.base_url)
    }

    /// Whether a link with this end (seconds since 1970) and signature (hex) opens the file now.
    pub fn opens(&self, tenant: TenantId, file: FileId, expires: i64, signature: &str, now: Time) -> bool {
        let signature = hex::decode(signature).unwrap_or_default();
        now.seconds() <= expires && self.mac(tenant, file, expires).verify_slice(&signature).is_ok()
    }

    fn mac(&self, tenant: TenantId, file: FileId, expires: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(b"trunkline file link\0");
        mac.update(&tenant.0.0.to_be_bytes());
        mac.update(&file.0.0.to_be_bytes());
        mac.update(&expires.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;

    use super::*;

    const TENANT: TenantId = TenantId(Id(1));
    const FILE: FileId = FileId(Id(2));

    fn parts(url: &str) -> (i64, String) {
        let (expires, signature) = url.split_once("?expires=").unwrap().1.split_once("&signature=").unwrap();
        (expires.parse().unwrap(), signature.to_owned())
    }

    #[test]
    fn a_link_opens_its_own_file_until_it_ends() {
        let links = FileLinks::new(Arc::from("http://here"), [7; 32]);
        let now = Time(1_700_000_000_000);
        let url = links.url(TENANT, FILE, now);
        assert!(url.starts_with("http://here/trunkline/v1/files/"), "{url}");
        let (expires, signature) = parts(&url);
        assert!(links.opens(TENANT, FILE, expires, &signature, now.plus_s(LINK_S)));
        assert!(!links.opens(TENANT, FILE, expires, &signature, now.plus_s(LINK_S + 1)));
    }

    #[test]
    fn a_link_opens_no_other_file_tenant_time_or_server() {
        let links = FileLinks::new(Arc::from("http://here"), [7; 32]);
        let now = Time(1_700_000_000_000);
        let (expires, signature) = parts(&links.url(TENANT, FILE, now));
        assert!(!links.opens(TENANT, FileId(Id(3)), expires, &signature, now));
        assert!(!links.opens(TenantId(Id(3)), FILE, expires, &signature, now));
        assert!(!links.opens(TENANT, FILE, expires + 1, &signature, now));
        assert!(!links.opens(TENANT, FILE, expires, "", now));
        let other = FileLinks::new(Arc::from("http://here"), [8; 32]);
        assert!(!other.opens(TENANT, FILE, expires, &signature, now));
    }
}
