//! An object that is open for reading: everything that is read of it is of one
//! version.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::buckets::{BucketError, Object};
use super::local::{self, LocalFile};
use super::s3::S3Object;

/// The bytes of an object, in pieces.
pub(super) type ObjectBytes = BoxStream<'static, Result<Bytes, BucketError>>;

/// What tells an object from the one that replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its length in bytes.
    pub size: u64,
    /// See [`Object::tag`].
    pub tag: Option<String>,
}

impl Version {
    /// That of an object as it was listed.
    pub(super) fn of(object: &Object) -> Self {
        Self { size: object.size, tag: object.tag.clone() }
    }

    /// The tag of an object that has a time only.
    pub(super) fn of_time(millis: i64) -> String {
        format!("@{millis}")
    }

    /// Whether both are of the same content, as far as both tell.
    pub(super) fn is(&self, other: &Self) -> bool {
        let tags_agree = match (&self.tag, &other.tag) {
            (Some(one), Some(two)) if one.starts_with('@') == two.starts_with('@') => one == two,
            // A listing and an answer may tell different things.
            _ => true,
        };
        self.size == other.size && tags_agree
    }
}

/// An open object.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Its key.
    pub key: String,
    /// Its version, from which nothing else is read.
    pub version: Version,
    /// Its first bytes: all of a small object.
    pub first: Bytes,
    /// `Content-Encoding`, where it has one.
    pub encoding: Option<String>,
    pub(super) store: Store,
}

/// Where an open object lies.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Local(Arc<LocalFile>),
    S3(Arc<S3Object>),
}

impl Opened {
    /// Reads a range, which lies in the object.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, BucketError> {
        if range.end <= self.first.len() as u64 {
            return Ok(self.first.slice(range.start as usize..range.end as usize));
        }
        match &self.store {
            Store::Local(file) => {
                let file = file.clone();
                local::blocking(move || file.read(range)).await
            }
            Store::S3(object) => object.read(range, &self.version).await,
        }
    }

    /// The object from its beginning, in pieces.
    pub(super) fn into_bytes(mut self) -> ObjectBytes {
        let first = std::mem::take(&mut self.first);
        let at = first.len() as u64;
        let rest = match self.store {
            Store::Local(file) => file.rest(at),
            Store::S3(object) => object.rest(at, self.version),
        };
        futures::stream::iter((!first.is_empty()).then_some(Ok(first))).chain(rest).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_what_both_tell() {
        let version = |size, tag: Option<&str>| Version { size, tag: tag.map(str::to_owned) };
        let cases = [
            (version(1, Some("a")), version(1, Some("a")), true),
            (version(1, Some("a")), version(2, Some("a")), false),
            (version(1, Some("a")), version(1, Some("b")), false),
            (version(1, Some("a")), version(1, None), true),
            (version(1, Some("a")), version(1, Some("@5")), true),
            (version(1, Some("@6")), version(1, Some("@5")), false),
        ];
        for (one, two, expected) in cases {
            assert_eq!((one.is(&two), two.is(&one)), (expected, expected), "{one:?} {two:?}");
        }
    }
}
