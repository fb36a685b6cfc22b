//! Contacts: people, known by one or more identities. They belong to the tenant, not to an app.

use crate::channel::{Address, Channel};
use crate::id::{AppId, ContactId, TenantId};
use crate::time::Time;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub tenant: TenantId,
    /// Small integer for the agent face.
    pub number: u64,
    pub display_name: String,
    pub email: String,
    pub phone: String,
    pub external_id: String,
    pub language: String,
    pub avatar_url: String,
    /// Free text or JSON as the business wrote it.
    pub metadata: String,
    /// Channels in the order the person prefers; may be empty.
    pub channel_priority: Vec<Channel>,
    pub identities: Vec<Identity>,
    /// Profile and engagement attributes as JSON objects in the consumer face's own words, merged as they come.
    pub profile: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// An address of a contact, as one app may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub address: Address,
    /// Set where the channel scopes its addresses to one app.
    pub app: Option<AppId>,
}

impl Contact {
    /// The addresses that `app` may use, in the order they became known.
    pub fn identities_for(&self, app: AppId) -> impl Iterator<Item = &Identity> {
        self.identities.iter().filter(move |identity| identity.app.is_none_or(|own| own == app))
    }
}
