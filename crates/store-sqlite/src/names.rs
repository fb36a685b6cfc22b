//! How keys, ids and lists are spelled in the tables and in the journal.
//! These spellings are part of the file format: they never change without a migration.

use std::hash::{BuildHasher as _, Hasher as _};
use std::ops::Deref;
use std::sync::LazyLock;

use bytes::Bytes;
use domain::id::Id;
use domain::record::{Key, Kind, List, Name};
use ports::{Error, ErrorKind};

const ID: u8 = 0;
const TEXT: u8 = 1;
/// Behind every name that is an id, and before every other.
pub const BEHIND_IDS: &[u8] = &[TEXT];

/// A kind's table.
pub fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::Tenant => "row_tenant",
        Kind::App => "row_app",
        Kind::Agent => "row_agent",
        Kind::Credential => "row_credential",
        Kind::Subscription => "row_subscription",
        Kind::Cursor => "row_cursor",
        Kind::Contact => "row_contact",
        Kind::Conversation => "row_conversation",
        Kind::Message => "row_message",
        Kind::Content => "row_content",
        Kind::File => "row_file",
        Kind::Consent => "row_consent",
        Kind::Pointer => "row_pointer",
        Kind::Counter => "row_counter",
        Kind::EarlyReceipts => "row_early_receipts",
        Kind::RecipientMemory => "row_recipient_memory",
        Kind::Once => "row_once",
        Kind::Parked => "row_parked",
        Kind::Callback => "row_callback",
        Kind::CallbackPage => "row_callback_page",
    }
}

/// A kind's number in the journal.
pub fn kind(kind: Kind) -> u8 {
    match kind {
        Kind::Tenant => 1,
        Kind::App => 2,
        Kind::Agent => 3,
        Kind::Credential => 4,
        Kind::Subscription => 5,
        Kind::Cursor => 6,
        Kind::Contact => 7,
        Kind::Conversation => 8,
        Kind::Message => 9,
        Kind::Content => 10,
        Kind::File => 11,
        Kind::Consent => 12,
        Kind::Pointer => 13,
        Kind::Counter => 14,
        Kind::EarlyReceipts => 15,
        Kind::RecipientMemory => 16,
        Kind::Once => 17,
        Kind::Parked => 18,
        Kind::Callback => 19,
        Kind::CallbackPage => 20,
    }
}

/// A kind by its number.
pub fn read_kind(number: u8) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|own| kind(*own) == number)
}

/// A list's number.
pub fn list(list: List) -> i64 {
    match list {
        List::MessagesOfConversation => 1,
        List::ConversationsOfContact => 2,
        List::ConversationsOfApp => 3,
        List::ContactsOfTenant => 4,
        List::DialogOfConversation => 5,
        List::ConversationsOfTenant => 6,
    }
}

/// Positions of the log that one row of `event_page` stands for.
pub const PAGE_POSITIONS: i64 = 64;

/// The page of the log that a position stands on.
pub fn event_page(position: i64) -> i64 {
    position / PAGE_POSITIONS
}

/// An id's bytes, in the order of ids.
pub fn id(id: Id) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// An id from its bytes.
pub fn read_id(bytes: [u8; 16]) -> Id {
    Id(u128::from_be_bytes(bytes))
}

/// A name's bytes, ordered as the tables order them. Most names are ids, and need no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spelled {
    Id([u8; ID_BYTES]),
    Text(Bytes),
}

/// A name that is an id.
const ID_BYTES: usize = 17;

impl Spelled {
    /// Before every name: each begins with a byte.
    pub const FIRST: Spelled = Spelled::Text(Bytes::new());

    pub fn of(name: &Name) -> Spelled {
        match name {
            Name::Id(own) => {
                let mut bytes = [ID; ID_BYTES];
                bytes[1..].copy_from_slice(&id(*own));
                Spelled::Id(bytes)
            }
            Name::Text(text) => Spelled::Text([&[TEXT], text.as_bytes()].concat().into()),
        }
    }
}

impl From<Bytes> for Spelled {
    fn from(bytes: Bytes) -> Spelled {
        match <[u8; ID_BYTES]>::try_from(&*bytes) {
            Ok(id) if id[0] == ID => Spelled::Id(id),
            _ => Spelled::Text(bytes),
        }
    }
}

impl Deref for Spelled {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Spelled::Id(bytes) => bytes,
            Spelled::Text(bytes) => bytes,
        }
    }
}

/// What a name says, without whether it is an id or a text.
pub fn without_tag(name: &[u8]) -> &[u8] {
    name.split_first().map_or(name, |(_, rest)| rest)
}

/// A row's place as a number, another one in each life of the program. What a name is, id or text, is no part of it.
pub fn hash(kind: Kind, tenant: [u8; 16], without_tag: &[u8]) -> u64 {
    static HASHES: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);
    let mut hasher = HASHES.build_hasher();
    hasher.write_u8(self::kind(kind));
    hasher.write(&tenant);
    hasher.write(without_tag);
    hasher.finish()
}

/// The same of a key.
pub fn hash_of(key: &Key) -> u64 {
    let tenant = id(key.tenant.0);
    match &key.name {
        Name::Id(own) => hash(key.kind, tenant, &id(*own)),
        Name::Text(text) => hash(key.kind, tenant, text.as_bytes()),
    }
}

/// The id that a name is, if it is one.
pub fn id_in(name: &[u8]) -> Option<u128> {
    let (&ID, id) = name.split_first()? else { return None };
    Some(u128::from_be_bytes(id.try_into().ok()?))
}

/// A name from its bytes.
pub fn read_name(bytes: &[u8]) -> Result<Name, Error> {
    let read = match bytes.split_first() {
        Some((&ID, rest)) => rest.try_into().ok().map(|bytes| Name::Id(read_id(bytes))),
        Some((&TEXT, rest)) => std::str::from_utf8(rest).ok().map(|text| Name::Text(text.into())),
        _ => None,
    };
    read.ok_or_else(|| Error::new(ErrorKind::Corrupt, "a stored row's name cannot be understood"))
}

/// Numbers beyond what SQLite holds stand for the largest it holds.
pub fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit as SQLite takes it, where a negative one would mean none.
pub fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
