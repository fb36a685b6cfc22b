//! Tenants: the wall around everything, and the names by which each face calls the same tenant.

use crate::content::Face;
use crate::id::{AgentId, AppId, KeyId, TenantId};

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

/// A stored file: bytes live in the object store under `id`, this row says what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub id: crate::id::FileId,
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
    pub created_at: crate::time::Time,
}
