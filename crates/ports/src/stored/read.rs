//! Reading a form from CBOR, as `write` writes it.
//!
//! Texts and bytes are lent, not copied. A number without a name comes from a later program: as a field it is passed
//! over, as a variant it is an error.

use std::fmt;

use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, Visitor};

use super::names;

/// Why bytes are not what they should be.
#[derive(Debug)]
pub struct Misread(String);

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misread {}

impl de::Error for Misread {
    fn custom<T: fmt::Display>(why: T) -> Misread {
        Misread(why.to_string())
    }
}

impl From<DecodeError> for Misread {
    fn from(error: DecodeError) -> Misread {
        Misread::custom(error)
    }
}

/// Reads one value after another.
pub struct Reader<'de>(Decoder<'de>);

impl<'de> Reader<'de> {
    /// A reader from the first byte on.
    pub fn new(bytes: &'de [u8]) -> Reader<'de> {
        Reader(Decoder::new(bytes))
    }

    /// Refuses bytes behind the last value.
    pub fn end(&self) -> Result<(), Misread> {
        let left = self.0.input().len() - self.0.position();
        if left == 0 { Ok(()) } else { Err(Misread::custom(format_args!("{left} bytes too many"))) }
    }

    fn length(length: Option<u64>) -> Result<u64, Misread> {
        length.ok_or_else(|| Misread::custom("a length is missing"))
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Misread;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0.datatype()? {
            Type::Bool => visitor.visit_bool(self.0.bool()?),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => visitor.visit_u64(self.0.u64()?),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => visitor.visit_i64(self.0.i64()?),
            Type::String => visitor.visit_borrowed_str(self.0.str()?),
            Type::Bytes => visitor.visit_borrowed_bytes(self.0.bytes()?),
            Type::Null => {
                self.0.null()?;
                visitor.visit_unit()
            }
            Type::Array => {
                let left = Reader::length(self.0.array()?)?;
                let mut items = Items { reader: self, left };
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Type::Map => {
                let left = Reader::length(self.0.map()?)?;
                let mut items = Items { reader: self, left };
                let value = visitor.visit_map(&mut items)?;
                items.end().map(|()| value)
            }
            other => Err(Misread::custom(format_args!("{other} is in no form"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        if self.0.datatype()? == Type::Null {
            self.0.null()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        let full = self.0.datatype()? == Type::Map;
        if full && self.0.map()? != Some(1) {
            return Err(Misread::custom("a variant of more than one name"));
        }
        visitor.visit_enum(Variant { reader: self, full })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        if self.0.datatype()? == Type::String {
            return visitor.visit_borrowed_str(self.0.str()?);
        }
        match names::name(self.0.u64()?) {
            Some(name) => visitor.visit_borrowed_str(name),
            None => visitor.visit_u64(u64::MAX),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        self.0.skip()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct
    }
}

/// What is left of a list or a map.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: u64,
}

impl Items<'_, '_> {
    fn taken(&mut self) -> bool {
        let some = self.left > 0;
        self.left -= u64::from(some);
        some
    }

    fn end(&self) -> Result<(), Misread> {
        if self.left == 0 { Ok(()) } else { Err(Misread::invalid_length(self.left as usize, &"fewer items")) }
    }
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Misread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misread> {
        self.taken().then(|| seed.deserialize(&mut *self.reader)).transpose()
    }
}

impl<'de> de::MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Misread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misread> {
        self.taken().then(|| seed.deserialize(&mut *self.reader)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misread> {
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant, with content behind its name or without.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    full: bool,
}

impl<'a, 'de> Variant<'a, 'de> {
    fn content(self) -> Result<&'a mut Reader<'de>, Misread> {
        if self.full { Ok(self.reader) } else { Err(Misread::custom("a variant without its content")) }
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Misread;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misread> {
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Misread;

    fn unit_variant(self) -> Result<(), Misread> {
        if self.full { Err(Misread::custom("content where a variant has none")) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misread> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misread> {
        self.content()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        self.content()?.deserialize_any(visitor)
    }
}
