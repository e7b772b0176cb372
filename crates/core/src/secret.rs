//! Values that must never be printed: passwords, tokens, keys.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::Zeroize;

/// A value whose memory can be overwritten before it is given back.
///
/// `serde_json::Value` belongs to another crate and is not `Zeroize`, so this
/// trait covers it together with the plain types.
pub trait Wipe {
    /// Overwrites every secret byte that the value owns.
    fn wipe(&mut self);
}

impl Wipe for String {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl<const N: usize> Wipe for [u8; N] {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Value {
    fn wipe(&mut self) {
        match self {
            Self::String(text) => text.zeroize(),
            Self::Array(items) => items.iter_mut().for_each(Wipe::wipe),
            Self::Object(members) => members.values_mut().for_each(Wipe::wipe),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

/// A secret: it has no `Display` and no `Serialize`, its `Debug` prints
/// `[redacted]`, and its memory is overwritten when it is dropped.
///
/// The only way to the value is [`Secret::expose`] or
/// [`Secret::into_inner`], which makes each use of a secret easy to find.
pub struct Secret<T: Wipe>(Option<T>);

impl<T: Wipe> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Shows the value to the code that needs it.
    pub fn expose(&self) -> &T {
        self.0.as_ref().expect("the value leaves only with `into_inner`")
    }

    /// Gives the value away; from here on the caller is responsible for it.
    pub fn into_inner(mut self) -> T {
        self.0.take().expect("the value leaves only with `into_inner`")
    }
}

impl<T: Wipe + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.as_mut() {
            value.wipe();
        }
    }
}

impl<T: Wipe> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Wipe> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Secrets are compared only in tests and in "has it changed" questions
/// inside the process; comparison with something a caller sent goes through
/// a constant-time function.
impl<T: Wipe + PartialEq> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<'de, T: Wipe + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn wiping_a_document_reaches_every_string() {
        let mut value = serde_json::json!({"a": "s1", "b": [{"c": "s2"}], "d": 1});
        value.wipe();
        assert_eq!(value, serde_json::json!({"a": "", "b": [{"c": ""}], "d": 1}));
    }
}
