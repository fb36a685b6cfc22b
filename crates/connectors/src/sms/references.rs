//! Our tokens behind the 16-bit references that travel with submits and come back in receipts.
//!
//! A reference joins a receipt to a submit whose answer never came. It is therefore kept only until the answer is
//! there, and believed only for the same account and recipient: centers outlive us, and their receipts may carry
//! numbers of an earlier run. The numbers themselves are the bound: the oldest gives way when they come around.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(PartialEq, Eq)]
struct Open {
    account: Arc<str>,
    recipient: Arc<str>,
    token: Arc<str>,
}

/// Submits without an answer, by reference.
pub struct References {
    next: AtomicU16,
    open: Mutex<HashMap<u16, Open>>,
}

impl Default for References {
    /// Starts anywhere, so that runs differ.
    fn default() -> References {
        let start = RandomState::new().hash_one(0_u8) as u16;
        References { next: AtomicU16::new(start), open: Mutex::default() }
    }
}

impl References {
    fn all(&self) -> MutexGuard<'_, HashMap<u16, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reference for a submit that is about to go.
    pub fn open(&self, account: &Arc<str>, recipient: &Arc<str>, token: &Arc<str>) -> u16 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Open { account: account.clone(), recipient: recipient.clone(), token: token.clone() };
        self.all().insert(number, entry);
        number
    }

    /// The answer is there: receipts are joined by the center's id from now on.
    pub fn settle(&self, number: u16, token: &str) {
        let mut all = self.all();
        if all.get(&number).is_some_and(|open| &*open.token == token) {
            all.remove(&number);
        }
    }

    /// Whose submit a receipt speaks of.
    pub fn token(&self, number: u16, account: &str, recipient: &str) -> Option<Arc<str>> {
        let all = self.all();
        let open = all.get(&number)?;
        (&*open.account == account && &*open.recipient == recipient).then(|| open.token.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_speaks_for_its_account_and_recipient_until_answered() {
        let references = References::default();
        let [account, to, token, later] = ["acme", "447700900123", "T/1", "T/2"].map(Arc::<str>::from);
        let number = references.open(&account, &to, &token);
        assert_eq!(references.token(number, "acme", "447700900123"), Some(token.clone()));
        assert_eq!(references.token(number, "acme", "447700900124"), None);
        assert_eq!(references.token(number, "other", "447700900123"), None);
        references.settle(number, "T/2");
        assert!(
            references.token(number, "acme", "447700900123").is_some(),
            "another's answer settles nothing"
        );
        references.settle(number, "T/1");
        assert_eq!(references.token(number, "acme", "447700900123"), None);
        for _ in 0..=u16::MAX {
            references.open(&account, &to, &later);
        }
        assert_eq!(references.all().len(), 1 << 16);
    }
}
