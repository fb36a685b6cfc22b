//! The one 128-bit, time-ordered id that names every entity, and its two renderings.
//!
//! An id is a UUIDv7 in its bits. One face prints it as a UUID, another as a 26-character ULID
//! (Crockford base 32): two spellings of the same number. Distinct types keep ids of different nouns apart.

use std::fmt::Write as _;
use std::ops::Deref;

/// The bare 128 bits behind every typed id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Twenty-six upper-case characters of Crockford base 32.
#[derive(Clone, Copy, Debug)]
pub struct Ulid([u8; 26]);

impl Deref for Ulid {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the characters of base 32 are ASCII")
    }
}

impl Id {
    /// The ULID, spelled where it stands.
    pub fn spelled(self) -> Ulid {
        let (mut text, mut bits) = ([0; 26], self.0);
        for character in text.iter_mut().rev() {
            *character = CROCKFORD[bits as usize & 31];
            bits >>= 5;
        }
        Ulid(text)
    }

    /// The ULID as text of its own.
    pub fn ulid(self) -> String {
        String::from(&*self.spelled())
    }

    /// The lower-case hyphenated form, `8-4-4-4-12`.
    pub fn uuid(self) -> String {
        let bits = self.0;
        let mut text = String::with_capacity(36);
        let _ = write!(
            text,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            (bits >> 96) as u32,
            (bits >> 80) as u16,
            (bits >> 64) as u16,
            (bits >> 48) as u16,
            bits as u64 & 0xffff_ffff_ffff
        );
        text
    }

    /// Reads either rendering; `None` for anything else.
    pub fn parse(text: &str) -> Option<Id> {
        match text.len() {
            26 => Self::parse_ulid(text),
            36 => Self::parse_uuid(text),
            _ => None,
        }
    }

    fn parse_ulid(text: &str) -> Option<Id> {
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            let value = CROCKFORD.iter().position(|c| *c == byte.to_ascii_uppercase())? as u128;
            if place == 0 && value > 7 {
                return None;
            }
            bits = bits << 5 | value;
        }
        Some(Id(bits))
    }

    fn parse_uuid(text: &str) -> Option<Id> {
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            if matches!(place, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            bits = bits << 4 | u128::from((byte as char).to_digit(16)?);
        }
        Some(Id(bits))
    }
}

/// Where commands draw new ids from; the engine hands in a source that is time-ordered and unique.
pub trait IdSource {
    /// An id larger than every earlier one of this source.
    fn next_id(&mut self) -> Id;
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Id);

        impl $name {
            /// The ULID, spelled where it stands.
            pub fn spelled(self) -> Ulid { self.0.spelled() }
            /// The ULID rendering.
            pub fn ulid(self) -> String { self.0.ulid() }
            /// The UUID rendering.
            pub fn uuid(self) -> String { self.0.uuid() }
            /// Reads either rendering.
            pub fn parse(text: &str) -> Option<Self> { Id::parse(text).map(Self) }
        }
    )*};
}

typed_ids! {
    /// The wall around everything one customer owns.
    TenantId,
    /// What a business connects: credentials, channels, policies.
    AppId,
    /// A person, known by one or more identities.
    ContactId,
    /// Somebody, or some program, that answers.
    AgentId,
    /// One thread between an app and a contact.
    ConversationId,
    /// One piece of content in the order.
    MessageId,
    /// One stored file.
    FileId,
    /// Somebody who wants to hear events.
    SubscriptionId,
    /// One fact in the log.
    EventId,
    /// One credential.
    KeyId,
    /// One thing to do later.
    JobId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_renderings_read_back_to_the_same_bits() {
        for bits in [0, 1, u128::MAX, 0x0190_1234_5678_7abc_8def_0123_4567_89ab] {
            let id = Id(bits);
            assert_eq!(Id::parse(&id.ulid()), Some(id));
            assert_eq!(Id::parse(&id.uuid()), Some(id));
        }
    }

    #[test]
    fn a_ulid_that_overflows_128_bits_is_no_id() {
        assert_eq!(Id::parse("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), None);
    }
}
