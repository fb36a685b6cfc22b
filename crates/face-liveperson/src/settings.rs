//! What the operator decides about this face, and the limits that the vendor's documentation names.
//! The signing key must survive restarts: consumer tokens never expire.

/// Settings of the face.
#[derive(Clone)]
pub struct Settings {
    /// Lifetime of an AppJWT.
    pub app_token_lifetime_s: u64,
    /// Public TLS `host:port` that the domain lookup names; the request's own host when absent.
    pub public_authority: Option<String>,
    /// Port of the TLS listener, named with the request's own host; the request's own port when absent.
    pub tls_port: Option<u16>,
    /// CREATEs and SENDs of an account in a second; `None` for no such limit.
    pub requests_per_second_max: Option<u32>,
    /// Signs AppJWTs, ConsumerJWSs, admin bearers and file URLs.
    pub signing_key: [u8; 32],
    /// Largest uploaded file, in bytes.
    pub file_bytes_max: usize,
    /// Lifetime of an upload or download URL.
    pub file_url_lifetime_s: u64,
    /// Lifetime of the links by which webhooks name files: as long as a webhook may be repeated.
    pub webhook_file_url_lifetime_s: u64,
}

impl Settings {
    /// The documented defaults under this key.
    pub fn new(signing_key: [u8; 32]) -> Settings {
        Settings {
            app_token_lifetime_s: 3600,
            public_authority: None,
            requests_per_second_max: None,
            tls_port: None,
            signing_key,
            file_bytes_max: 5 * 1024 * 1024,
            file_url_lifetime_s: 60,
            webhook_file_url_lifetime_s: 259_200,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("app_token_lifetime_s", &self.app_token_lifetime_s)
            .field("public_authority", &self.public_authority)
            .finish_non_exhaustive()
    }
}

/// Bytes of a JSON request body that are read at all.
pub(crate) const BODY_BYTES_MAX: usize = 128 * 1024;
/// Characters of one request element, files aside.
pub(crate) const ELEMENT_CHARS_MAX: usize = 5000;
/// Bytes of a file's preview.
pub(crate) const PREVIEW_BYTES_MAX: usize = 30 * 1024;
/// Files of one message.
pub(crate) const FILES_MAX: usize = 15;
/// Elements of one CREATE.
pub(crate) const BATCH_ELEMENTS_MAX: usize = 100;
/// Characters of an external consumer id.
pub(crate) const EXT_CONSUMER_ID_CHARS_MAX: usize = 512;
/// Lifetime of an admin bearer.
pub(crate) const BEARER_LIFETIME_S: i64 = 28_800;
/// File types that may be uploaded.
pub(crate) const FILE_TYPES: [&str; 10] =
    ["JPG", "JPEG", "PNG", "GIF", "IMG", "TXT", "PDF", "DOCX", "PPTX", "XLSX"];
