//! Small pieces of the typed shapes: enums by their spelling, and enum members that may be empty.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no value of a closed enum. The text itself is left out, because it comes from a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a value of {of}")]
pub struct UnknownValue {
    /// Name of the enum.
    pub of: &'static str,
}

/// Reads a closed enum from a string; used by the generated enums.
pub struct FromStrVisitor<T>(PhantomData<T>);

impl<T> FromStrVisitor<T> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: FromStr<Err = UnknownValue>> Visitor<'_> for FromStrVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a closed enum")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// The value of an optional enum member as it was sent: clients such as Terraform send `""` where they mean nothing,
/// and expect to read `""` back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrEmpty<T> {
    /// The empty string.
    Empty,
    /// A value of the enum.
    Value(T),
}

impl<T: Copy> OrEmpty<T> {
    /// The value, if there is one.
    pub const fn get(self) -> Option<T> {
        match self {
            Self::Empty => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<T> From<T> for OrEmpty<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T: Serialize> Serialize for OrEmpty<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_str(""),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::Empty);
        }
        let text: StrDeserializer<'_, D::Error> = text.as_str().into_deserializer();
        T::deserialize(text).map(Self::Value)
    }
}

/// What an optional member means once the empty string counts as absent.
pub trait Known<T> {
    /// The member's value; `None` when it is absent or the empty string.
    fn known(&self) -> Option<T>;
}

impl<T: Copy> Known<T> for Option<OrEmpty<T>> {
    fn known(&self) -> Option<T> {
        self.and_then(OrEmpty::get)
    }
}

impl<'a> Known<&'a str> for &'a Option<String> {
    fn known(&self) -> Option<&'a str> {
        self.as_deref().filter(|text| !text.is_empty())
    }
}
