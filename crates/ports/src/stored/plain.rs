//! Forms of what all nouns are made of: numbers, texts, ids, times, bytes, lists, options, pairs.
//!
//! Ids are written as ULIDs, which a person can grep for. Bytes are written as text where they are text, which
//! stored answers nearly always are, and as hex otherwise.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use domain::channel::{Address, Channel};
use domain::id::*;
use domain::time::Time;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::form::{Form, Read, Written, form};

macro_rules! as_serde_has_it {
    ($($type:ty)*) => {$(impl Form for $type {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Serialize::serialize(self, serializer)
        }
        fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Deserialize::deserialize(deserializer)
        }
    })*};
}

as_serde_has_it! { bool i64 u16 u32 u64 usize String }

/// A type around another with a form, written as that other.
macro_rules! as_its_inside {
    ($($type:ident($inner:ty))*) => {$(impl Form for $type {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Form::serialize(&self.0, serializer)
        }
        fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            <$inner as Form>::deserialize(deserializer).map($type)
        }
    })*};
}

as_its_inside! {
    Time(i64) TenantId(Id) AppId(Id) ContactId(Id) AgentId(Id) ConversationId(Id) MessageId(Id) FileId(Id)
    SubscriptionId(Id) EventId(Id) KeyId(Id) JobId(Id)
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const NO_DIGIT: u8 = 255;

/// The value of each byte as a digit. Rows hold many ids, so reading one is a look-up per digit.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < CROCKFORD.len() {
        digits[CROCKFORD[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

struct IdText;

impl Visitor<'_> for IdText {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id of 26 characters")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id, E> {
        if text.len() != 26 || DIGITS[usize::from(text.as_bytes()[0])] > 7 {
            return Err(E::custom("not an id"));
        }
        let mut bits: u128 = 0;
        for byte in text.bytes() {
            let digit = DIGITS[usize::from(byte)];
            if digit == NO_DIGIT {
                return Err(E::custom("not an id"));
            }
            bits = bits << 5 | u128::from(digit);
        }
        Ok(Id(bits))
    }
}

impl Form for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0u8; 26];
        for (place, byte) in text.iter_mut().enumerate() {
            *byte = CROCKFORD[(self.0 >> (5 * (25 - place))) as usize & 31];
        }
        serializer.serialize_str(std::str::from_utf8(&text).expect("the digits are ASCII"))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdText)
    }
}

impl Form for Arc<str> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Cow<'de, str> as Deserialize>::deserialize(deserializer).map(|text| Arc::from(&*text))
    }
}

impl Form for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Cow<'de, str> as Deserialize>::deserialize(deserializer).map(|text| Channel::new(&text))
    }
}

form! { Address "Address" { channel: Channel, address: Arc<str>; } }

impl<T: Form> Form for Option<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Written).serialize(serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Option<Read<T>> as Deserialize>::deserialize(deserializer).map(|read| read.map(|read| read.0))
    }
}

struct Items<T>(std::marker::PhantomData<T>);

impl<'de, T: Form> Visitor<'de> for Items<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(Read(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list)
    }
}

impl<T: Form> Form for Vec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Written))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(std::marker::PhantomData))
    }
}

impl<A: Form, B: Form> Form for (A, B) {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Written(&self.0), Written(&self.1)).serialize(serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <(Read<A>, Read<B>) as Deserialize>::deserialize(deserializer).map(|(a, b)| (a.0, b.0))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Bytes<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Hex(String),
}

impl Form for Vec<u8> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = match std::str::from_utf8(self) {
            Ok(text) => Bytes::Text(Cow::Borrowed(text)),
            Err(_) => Bytes::Hex(hex::encode(self)),
        };
        bytes.serialize(serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <Bytes<'de> as Deserialize>::deserialize(deserializer)? {
            Bytes::Text(text) => Ok(text.into_owned().into_bytes()),
            Bytes::Hex(hex) => hex::decode(hex).map_err(D::Error::custom),
        }
    }
}

/// Digests.
impl Form for [u8; 32] {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(&*text, &mut digest).map_err(D::Error::custom)?;
        Ok(digest)
    }
}
