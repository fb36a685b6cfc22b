//! Writing a form as CBOR (RFC 8949).
//!
//! What serde calls a struct is a map, its fields in the twin's order, each under its name's number. A variant without
//! content is its name's number, one with content a map of that number to the content. Names without a number are
//! texts. Absence is null; ids and digests are byte strings.

use std::convert::Infallible;
use std::fmt;

use minicbor::Encoder;
use minicbor::encode::Error as EncodeError;
use serde::ser::{Error as _, Impossible, Serialize, Serializer};

use super::names;

/// Why a form was not written: it is none of ours. Memory takes every write.
#[derive(Debug)]
pub struct NotAForm(String);

impl fmt::Display for NotAForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAForm {}

impl serde::ser::Error for NotAForm {
    fn custom<T: fmt::Display>(why: T) -> NotAForm {
        NotAForm(why.to_string())
    }
}

impl From<EncodeError<Infallible>> for NotAForm {
    fn from(error: EncodeError<Infallible>) -> NotAForm {
        NotAForm::custom(error)
    }
}

type Done = Result<(), NotAForm>;

/// Writes behind what the buffer holds.
pub struct Writer<'a>(Encoder<&'a mut Vec<u8>>);

impl<'a> Writer<'a> {
    /// A writer into the buffer.
    pub fn new(buffer: &'a mut Vec<u8>) -> Writer<'a> {
        Writer(Encoder::new(buffer))
    }

    fn name(&mut self, name: &str) -> Done {
        match names::number(name) {
            Some(number) => self.0.u8(number)?,
            None => self.0.str(name)?,
        };
        Ok(())
    }

    /// Opens the map of a variant that has content.
    fn variant(&mut self, name: &str) -> Done {
        self.0.map(1)?;
        self.name(name)
    }
}

macro_rules! as_cbor_has_it {
    ($($method:ident($type:ty) $write:ident;)*) => {$(
        fn $method(self, value: $type) -> Done {
            self.0.$write(value)?;
            Ok(())
        }
    )*};
}

macro_rules! not_in_a_form {
    ($($method:ident($($type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<$ok, NotAForm> {
            Err(NotAForm::custom(concat!(stringify!($method), " is in no form")))
        }
    )*};
}

impl Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = NotAForm;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Impossible<(), NotAForm>;
    type SerializeTupleVariant = Self;
    type SerializeMap = Impossible<(), NotAForm>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn is_human_readable(&self) -> bool {
        false
    }

    as_cbor_has_it! {
        serialize_bool(bool) bool;
        serialize_i8(i8) i8;
        serialize_i16(i16) i16;
        serialize_i32(i32) i32;
        serialize_i64(i64) i64;
        serialize_u8(u8) u8;
        serialize_u16(u16) u16;
        serialize_u32(u32) u32;
        serialize_u64(u64) u64;
        serialize_str(&str) str;
        serialize_bytes(&[u8]) bytes;
    }

    not_in_a_form! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_map(Option<usize>) -> Self::SerializeMap;
    }

    fn serialize_unit(self) -> Done {
        self.0.null()?;
        Ok(())
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Done {
        self.name(name)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Done {
        self.variant(name)?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, NotAForm> {
        let length = length.ok_or_else(|| NotAForm::custom("a list that does not know its length"))?;
        self.0.array(length as u64)?;
        Ok(self)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self, NotAForm> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Self, NotAForm> {
        self.variant(name)?;
        self.serialize_seq(Some(length))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Self, NotAForm> {
        self.0.map(length as u64)?;
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Self, NotAForm> {
        self.variant(name)?;
        self.serialize_struct(name, length)
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),*) => {$(
        impl serde::ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = NotAForm;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                Ok(())
            }
        }
    )*};
}

items! { SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleVariant serialize_field }

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl serde::ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = NotAForm;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
                self.name(name)?;
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                Ok(())
            }
        }
    )*};
}

fields! { SerializeStruct, SerializeStructVariant }
