//! Forms of what all nouns are made of: numbers, texts, ids, times, bytes, lists, options, pairs.
//!
//! Ids, digests and other bytes are bytes. In JSON, which is only read, they are ULIDs, texts and hex.

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

/// Reads a byte string into what it is turned to.
struct BytesTo<T, F: FnOnce(&[u8]) -> Option<T>>(F, &'static str);

impl<T, F: FnOnce(&[u8]) -> Option<T>> Visitor<'_> for BytesTo<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        (self.0)(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self.1))
    }
}

impl Form for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.to_be_bytes())
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
            return Id::parse(&text).ok_or_else(|| D::Error::custom("not an id"));
        }
        let id = |bytes: &[u8]| bytes.try_into().ok().map(|bytes| Id(u128::from_be_bytes(bytes)));
        deserializer.deserialize_bytes(BytesTo(id, "an id of 16 bytes"))
    }
}

/// Reads a text into what it is turned to, without a copy between.
struct TextTo<T, F: FnOnce(&str) -> T>(F);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for TextTo<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

impl Form for Arc<str> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextTo(|text: &str| Arc::from(text)))
    }
}

impl Form for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextTo(Channel::new))
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

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Json<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Hex(String),
}

impl Form for Vec<u8> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_bytes(BytesTo(|bytes: &[u8]| Some(bytes.to_vec()), "bytes"));
        }
        match <Json<'de> as Deserialize>::deserialize(deserializer)? {
            Json::Text(text) => Ok(text.into_owned().into_bytes()),
            Json::Hex(hex) => hex::decode(hex).map_err(D::Error::custom),
        }
    }
}

/// Digests.
impl Form for [u8; 32] {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let digest = |bytes: &[u8]| bytes.try_into().ok();
            return deserializer.deserialize_bytes(BytesTo(digest, "a digest of 32 bytes"));
        }
        let text = <Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(&*text, &mut digest).map_err(D::Error::custom)?;
        Ok(digest)
    }
}
