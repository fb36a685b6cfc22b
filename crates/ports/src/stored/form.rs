//! The trait by which a noun of the domain becomes JSON and back, and the macros that write its twin.
//!
//! `form!` takes the noun, its name as text (serde's `remote` wants it so) and its fields with their types: those
//! before the semicolon are always written, those after it only when they differ from their default, those after a
//! second one never: they are known in memory alone, or stand beside the bytes. A field that is missing, misspelled or
//! of another type than the noun's does not compile.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something with a stored form.
pub trait Form: Sized {
    /// Writes it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Reads it.
    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Lends a form to serde for writing.
pub struct Written<'a, T>(pub &'a T);

impl<T: Form> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Form::serialize(self.0, serializer)
    }
}

/// Lets serde read a form.
pub struct Read<T>(pub T);

impl<'de, T: Form> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Read)
    }
}

/// For serde's `with`.
pub fn serialize<T: Form, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.serialize(serializer)
}

/// For serde's `with`.
pub fn deserialize<'de, T: Form, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}

/// For serde's `skip_serializing_if`.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The body shared by both macros: hands the noun to its twin.
macro_rules! through_twin {
    ($noun:ident) => {
        impl crate::stored::form::Form for $noun {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Twin::serialize(self, serializer)
            }
            fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Twin::deserialize(deserializer)
            }
        }
    };
}

macro_rules! form {
    ($noun:ident $name:tt { $($field:ident: $type:ty),*; $($lean:ident: $lean_type:ty),* $(,)?
        $(; $($unkept:ident: $unkept_type:ty),* $(,)?)?
    }) => {
        const _: () = {
            #[derive(serde::Serialize, serde::Deserialize)]
            #[serde(remote = $name)]
            struct Twin {
                $(#[serde(with = "crate::stored::form")] $field: $type,)*
                $(
                    #[serde(
                        with = "crate::stored::form",
                        default,
                        skip_serializing_if = "crate::stored::form::is_default"
                    )]
                    $lean: $lean_type,
                )*
                $($(#[serde(skip)] $unkept: $unkept_type,)*)?
            }
            crate::stored::form::through_twin!($noun);
        };
    };
}

macro_rules! form_enum {
    ($noun:ident $name:tt { $(
        $variant:ident $(($($inner:ty),+))? $({ $($field:ident: $type:ty),* $(,)? })?
    ),* $(,)? }) => {
        const _: () = {
            #[derive(serde::Serialize, serde::Deserialize)]
            #[serde(remote = $name)]
            enum Twin {
                $($variant
                    $(($(#[serde(with = "crate::stored::form")] $inner),+))?
                    $({ $(#[serde(with = "crate::stored::form")] $field: $type),* })?
                ),*
            }
            crate::stored::form::through_twin!($noun);
        };
    };
}

pub(crate) use {form, form_enum, through_twin};
