//! Once at the door: the record that lets a repeated request get its first answer again.

use crate::time::Time;

/// The stored answer of a request that carried an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// SHA-256 of the canonical command.
    pub fingerprint: [u8; 32],
    pub status: u16,
    pub body: Vec<u8>,
    pub expires_at: Time,
}
