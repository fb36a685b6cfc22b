//! Secrets at rest: stored forms seal the secret fields of records with it, and open them when reading.
//! In memory secrets stand open.

use crate::Error;

/// Seals and opens small secrets.
pub trait Vault: Send + Sync {
    /// The sealed form, printable. `context` binds it to its row: opening under another context fails.
    fn seal(&self, context: &str, secret: &str) -> String;
    /// The secret again.
    fn open(&self, context: &str, sealed: &str) -> Result<String, Error>;
}
