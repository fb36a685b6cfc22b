//! Records and their keys: the rows that commands read and write through a view.
//!
//! A key is tenant, kind and name. Pointers make lookups and uniqueness plain rows: the active conversation of an
//! app and contact, an identity's contact, a provider id's message. What is numbered stands in a list at that number.

use std::sync::Arc;

use crate::agent::Agent;
use crate::app::App;
use crate::channel::Address;
use crate::consent::Consent;
use crate::contact::Contact;
use crate::content::{Content, Face};
use crate::conversation::Conversation;
use crate::delivery::Receipt;
use crate::id::{AppId, ContactId, Id, TenantId};
use crate::message::Message;
use crate::once::Once;
use crate::subscription::{Callback, CallbackPage, Cursor, Parked, Subscription};
use crate::tenant::{Credential, File, Tenant};
use crate::time::Time;

/// Names one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub tenant: TenantId,
    pub kind: Kind,
    pub name: Name,
}

/// The part of a key that is unique within tenant and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    Id(Id),
    Text(Arc<str>),
}

/// A pointer to an entity, with the attempt it belongs to where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub target: Id,
    /// For provider ids: the attempt's number. Otherwise 0.
    pub attempt: u32,
}

/// The last number drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter(pub u64);

/// Receipts for a provider id that nobody has claimed yet; kept 72 hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyReceipts {
    pub receipts: Vec<Receipt>,
    pub expires_at: Time,
}

/// What is remembered for a recipient identity in dispatch mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientMemory {
    pub metadata: Option<String>,
    pub correlation_id: String,
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident($entity:ty)),* $(,)?) => {
        /// The kinds of rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind),* }

        /// Any row's content.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Record { $($kind(Arc<$entity>)),* }

        impl Kind {
            /// All kinds, in declaration order.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// The kind's name.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind)),* }
            }
        }

        impl Record {
            /// Which kind this is.
            pub fn kind(&self) -> Kind {
                match self { $(Record::$kind(_) => Kind::$kind),* }
            }
        }

        $(impl Entity for $entity {
            const KIND: Kind = Kind::$kind;
            fn wrap(entity: Arc<Self>) -> Record { Record::$kind(entity) }
            fn unwrap(record: &Record) -> Option<Arc<Self>> {
                match record { Record::$kind(entity) => Some(Arc::clone(entity)), _ => None }
            }
        })*
    };
}

/// A noun that is stored as a row of its own kind.
pub trait Entity: Sized {
    /// Its kind.
    const KIND: Kind;
    /// As any row.
    fn wrap(entity: Arc<Self>) -> Record;
    /// From any row, if it is of this kind.
    fn unwrap(record: &Record) -> Option<Arc<Self>>;
}

records! {
    Tenant(Tenant),
    App(App),
    Agent(Agent),
    Credential(Credential),
    Subscription(Subscription),
    Cursor(Cursor),
    Contact(Contact),
    Conversation(Conversation),
    Message(Message),
    /// Erasable; named by its message's id.
    Content(Content),
    File(File),
    Consent(Consent),
    Pointer(Pointer),
    Counter(Counter),
    EarlyReceipts(EarlyReceipts),
    RecipientMemory(RecipientMemory),
    Once(Once),
    Parked(Parked),
    Callback(Callback),
    CallbackPage(CallbackPage),
}

impl Key {
    /// The row of an entity by its id.
    pub fn id<E: Entity>(tenant: TenantId, id: Id) -> Key {
        Key { tenant, kind: E::KIND, name: Name::Id(id) }
    }

    /// The row of an entity by a composed name.
    pub fn text<E: Entity>(tenant: TenantId, name: &str) -> Key {
        Key { tenant, kind: E::KIND, name: Name::Text(Arc::from(name)) }
    }

    /// The same, the name put together: a command names dozens of rows, and most of their names are short enough to take
    /// memory once.
    fn joined<E: Entity>(tenant: TenantId, parts: &[&str]) -> Key {
        let (mut short, mut length) = ([0; NAME_SHORT], 0);
        for part in parts {
            if let Some(room) = short.get_mut(length..length + part.len()) {
                room.copy_from_slice(part.as_bytes());
            }
            length += part.len();
        }
        let name = short.get(..length).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.map_or_else(|| Arc::from(parts.concat()), Arc::from);
        Key { tenant, kind: E::KIND, name: Name::Text(name) }
    }

    /// Pointer: the active conversation of app and contact.
    pub fn active_conversation(tenant: TenantId, app: AppId, contact: ContactId) -> Key {
        Key::joined::<Pointer>(tenant, &["active/", &app.spelled(), "/", &contact.spelled()])
    }

    /// Pointer: the contact behind an address; `app` where the channel scopes addresses to apps.
    pub fn identity(tenant: TenantId, app: Option<AppId>, address: &Address) -> Key {
        let app = app.map(AppId::spelled);
        let scope = app.as_deref().unwrap_or_default();
        let parts = ["identity/", scope, "/", address.channel.as_str(), "/", &address.address];
        Key::joined::<Pointer>(tenant, &parts)
    }

    /// Pointer: the message and attempt behind a provider's id, newest wins.
    pub fn provider_id(tenant: TenantId, app: AppId, channel: &str, provider_id: &str) -> Key {
        Key::joined::<Pointer>(tenant, &[&app.spelled(), "/", channel, "/", provider_id])
    }

    /// Receipts that came before the provider id was known.
    pub fn early_receipts(tenant: TenantId, app: AppId, channel: &str, provider_id: &str) -> Key {
        Key::joined::<EarlyReceipts>(tenant, &[&app.spelled(), "/", channel, "/", provider_id])
    }

    /// Pointer: the inbound message already made of a provider's message id.
    pub fn inbound_source(tenant: TenantId, app: AppId, channel: &str, source: &str) -> Key {
        Key::joined::<Pointer>(tenant, &["inbound/", &app.spelled(), "/", channel, "/", source])
    }

    /// The stored answer for an idempotency key of one face.
    pub fn once(tenant: TenantId, face: Face, key: &str) -> Key {
        Key::text::<Once>(tenant, &format!("{face:?}/{key}"))
    }

    /// The tenant's counter of small numbers for `what`.
    pub fn counter(tenant: TenantId, what: &str) -> Key {
        Key::text::<Counter>(tenant, what)
    }

    /// How many of an app's messages wait to be handed over.
    pub fn queue(tenant: TenantId, app: AppId) -> Key {
        Key::joined::<Counter>(tenant, &["queue/", &app.spelled()])
    }

    /// An address's standing with an app.
    pub fn consent(tenant: TenantId, app: AppId, address: &Address) -> Key {
        Key::recipient::<Consent>(tenant, app, address)
    }

    /// What dispatch mode remembers of an address.
    pub fn recipient_memory(tenant: TenantId, app: AppId, address: &Address) -> Key {
        Key::recipient::<RecipientMemory>(tenant, app, address)
    }

    fn recipient<E: Entity>(tenant: TenantId, app: AppId, address: &Address) -> Key {
        Key::joined::<E>(tenant, &[&app.spelled(), "/", address.channel.as_str(), "/", &address.address])
    }
}

/// Bytes of a composed name up to which it is put together without memory of its own.
const NAME_SHORT: usize = 160;

/// An ordered list of ids that a face pages through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Owner: conversation. Position: number.
    MessagesOfConversation,
    /// What the consumer face counts. Owner: conversation. Position: sequence.
    DialogOfConversation,
    /// Owner: contact. Position: number.
    ConversationsOfContact,
    /// Owner: app. Position: number.
    ConversationsOfApp,
    /// Owner: tenant. Position: number.
    ConversationsOfTenant,
    /// Owner: tenant. Position: number.
    ContactsOfTenant,
}

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    pub tenant: TenantId,
    pub list: List,
    pub owner: Id,
    pub position: u64,
    pub target: Id,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores keep these names: a row is found by the name that an earlier program gave it.
    #[test]
    fn a_composed_name_is_spelled_as_it_always_was() {
        let (tenant, app) = (TenantId(Id(1)), AppId(Id(0x0190_1234_5678_7abc_8def_0123_4567_89ab)));
        let address = Address::new("SMS", "46700000001");
        let key = |key: Key| match key.name {
            Name::Text(name) => name.to_string(),
            Name::Id(id) => panic!("{id:?} is no composed name"),
        };
        let of_app = "01J0938NKRFAY8VVR14D2PF2DB";
        let named = [
            (
                Key::active_conversation(tenant, app, ContactId(Id(33))),
                "active/APP/00000000000000000000000011",
            ),
            (Key::identity(tenant, None, &address), "identity//SMS/46700000001"),
            (Key::identity(tenant, Some(app), &address), "identity/APP/SMS/46700000001"),
            (Key::provider_id(tenant, app, "SMS", "p/1"), "APP/SMS/p/1"),
            (Key::early_receipts(tenant, app, "SMS", "p/1"), "APP/SMS/p/1"),
            (Key::inbound_source(tenant, app, "SMS", "p/1"), "inbound/APP/SMS/p/1"),
            (Key::queue(tenant, app), "queue/APP"),
            (Key::consent(tenant, app, &address), "APP/SMS/46700000001"),
            (Key::recipient_memory(tenant, app, &address), "APP/SMS/46700000001"),
        ];
        for (row, name) in named {
            assert_eq!(key(row), name.replace("APP", of_app));
        }
    }

    #[test]
    fn a_composed_name_of_any_length_is_whole() {
        for length in [0, NAME_SHORT - 3, NAME_SHORT - 2, NAME_SHORT - 1, NAME_SHORT, 2 * NAME_SHORT] {
            let long = "é".repeat(length);
            let composed = Key::joined::<Counter>(TenantId(Id(1)), &["a", &long, "b", &long, "c"]);
            assert_eq!(composed.name, Name::Text(format!("a{long}b{long}c").into()), "{length}");
            let ended = Key::joined::<Counter>(TenantId(Id(1)), &["a", &"x".repeat(length), "b"]);
            assert_eq!(ended.name, Name::Text(format!("a{}b", "x".repeat(length)).into()), "{length}");
        }
    }
}
