//! The provider's customers: which accounts exist on each channel, their credentials and their callback addresses.
//!
//! An account is a name and free properties; only its channel knows which properties matter. Order is kept, because
//! the first account is the one a person writes to when nothing else decides.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

pub(crate) struct Account {
    pub id: String,
    pub properties: Map<String, Value>,
}

impl Account {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.properties.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

#[derive(Default)]
pub(crate) struct Accounts {
    by_channel: RwLock<HashMap<&'static str, Vec<Arc<Account>>>>,
}

impl Accounts {
    /// Registers an account, or changes one: given properties replace earlier ones, `null` removes, others stay.
    pub(crate) fn put(&self, channel: &'static str, id: &str, changes: Map<String, Value>) {
        let mut by_channel = self.by_channel.write().unwrap_or_else(PoisonError::into_inner);
        let accounts = by_channel.entry(channel).or_default();
        let known = accounts.iter().position(|account| account.id == id);
        let mut properties = known.map(|at| accounts[at].properties.clone()).unwrap_or_default();
        properties.extend(changes);
        properties.retain(|_, value| !value.is_null());
        let account = Arc::new(Account { id: id.to_owned(), properties });
        match known {
            Some(at) => accounts[at] = account,
            None => accounts.push(account),
        }
    }

    pub(crate) fn get(&self, channel: &'static str, id: &str) -> Option<Arc<Account>> {
        self.with(channel, |accounts| accounts.iter().find(|account| account.id == id).cloned())
    }

    pub(crate) fn all(&self, channel: &'static str) -> Vec<Arc<Account>> {
        self.with(channel, <[_]>::to_vec)
    }

    /// Whom a person writes to: the one asked for, the only one, the one that wrote last, or the first.
    pub(crate) fn choose(
        &self,
        channel: &'static str,
        asked: Option<&str>,
        wrote_last: Option<&str>,
    ) -> Option<Arc<Account>> {
        if let Some(asked) = asked {
            return self.get(channel, asked);
        }
        wrote_last.and_then(|last| self.get(channel, last)).or_else(|| self.all(channel).first().cloned())
    }

    fn with<T>(&self, channel: &'static str, read: impl FnOnce(&[Arc<Account>]) -> T) -> T {
        let by_channel = self.by_channel.read().unwrap_or_else(PoisonError::into_inner);
        read(by_channel.get(channel).map_or(&[], Vec::as_slice))
    }
}
