//! Tenants: the wall around everything, and the names by which each face calls the same tenant.

use crate::content::Face;
use crate::delivery::Reason;
use crate::id::{AgentId, AppId, FileId, KeyId, TenantId};
use crate::time::Time;

/// One customer. Every key, row, job and event carries its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    /// The agent face's small account number, unique on the server.
    pub account_number: u64,
    /// The consumer face's account id (site id), unique on the server.
    pub site_id: String,
    /// The business face's project id is the tenant id as a UUID; nothing else is stored for it.
    pub disabled: bool,
}

/// One credential of a tenant for one face. The secret is kept as a digest; where a face signs with it, the sealed
/// secret itself is kept too.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    pub id: KeyId,
    pub tenant: TenantId,
    pub face: Face,
    pub app: Option<AppId>,
    /// The agent who acts when this credential is used.
    pub agent: Option<AgentId>,
    /// The half that may be shown: key id, client id, login; for bearer tokens the hex of the token's SHA-256.
    pub public: String,
    /// SHA-256 of the secret half; all zero for bearer tokens.
    pub secret_digest: [u8; 32],
    /// The secret itself, where a face signs with it. Secret: encrypted at rest.
    pub secret: Option<String>,
    pub name: String,
    pub revoked: bool,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).field("face", &self.face).finish_non_exhaustive()
    }
}

/// A file: bytes live in the object store under `id`, this row says what they are and whether they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub id: FileId,
    pub tenant: TenantId,
    /// Small integer for the agent face.
    pub number: u64,
    pub name: String,
    /// By content, not by name.
    pub mime: String,
    pub size: u64,
    /// Pixels, for images.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub sha256: [u8; 32],
    /// Whether a thumbnail is stored beside it.
    pub thumbnail: bool,
    pub created_at: Time,
    pub presence: Presence,
}

/// Whether a file's bytes are here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// They are stored durably.
    #[default]
    Stored,
    /// They are still to be fetched from the provider. Type and size are what it said of them; there is no digest.
    Awaited(Awaited),
    /// The provider does not give them: they never come.
    Lost(Reason),
}

/// What is known of bytes that are still at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// `Media::url` as the connector read it. It means something to that connector alone and is shown to nobody.
    pub reference: String,
    /// How often it was tried in vain.
    pub tries: u32,
}

/// Characters of a file's name.
pub const FILE_NAME_CHARS_MAX: usize = 255;

/// The base name of what somebody called a file, without control characters; `None` where nothing is left of it.
pub fn file_name(given: &str) -> Option<String> {
    let base = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = base.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARS_MAX).collect();
    let names = !name.trim().is_empty() && name != "." && name != "..";
    names.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_paths_and_control_characters() {
        assert_eq!(file_name("a/b\\c\u{7}.png").as_deref(), Some("c.png"));
        assert_eq!(file_name(&"x".repeat(300)).map(|name| name.len()), Some(FILE_NAME_CHARS_MAX));
        for nothing in ["", " ", "..", "a/", "\n"] {
            assert_eq!(file_name(nothing), None, "{nothing:?}");
        }
    }
}
