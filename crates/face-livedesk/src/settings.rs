//! The limits and secrets of this face, every one named. The defaults are those of the reference.

/// What an operator may set.
#[derive(Clone)]
pub struct Settings {
    /// Signs the links under `/rails/active_storage`.
    pub signing_key: [u8; 32],
    /// Messages that one conversation takes in a rolling minute; `None` for no such limit.
    pub throttle_per_conversation_per_minute: Option<u32>,
    /// Characters of a message's text.
    pub content_chars_max: usize,
    /// Characters of a `source_id`.
    pub source_id_chars_max: usize,
    /// Bytes of one file.
    pub attachment_bytes_max: usize,
    /// Files of one message.
    pub attachments_max: usize,
    /// Bytes of one request with files.
    pub request_bytes_max: usize,
    /// Bytes of one request without files.
    pub plain_request_bytes_max: usize,
    /// Pixels of a picture that gets a thumbnail; larger ones are stored without.
    pub thumbnail_source_pixels_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            signing_key: [0; 32],
            throttle_per_conversation_per_minute: Some(200),
            content_chars_max: 150_000,
            source_id_chars_max: 20_000,
            attachment_bytes_max: 40 << 20,
            attachments_max: 15,
            request_bytes_max: 100 << 20,
            plain_request_bytes_max: 2 << 20,
            thumbnail_source_pixels_max: 40_000_000,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("attachments_max", &self.attachments_max).finish_non_exhaustive()
    }
}
