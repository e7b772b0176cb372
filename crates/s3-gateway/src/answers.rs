//! The pieces that answers are made of: conditions, bodies, pages.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use crate::folders::{changed, tag};
use crate::listing::{Entry, Listing};

/// What stays as it is in the URL encoding of keys.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Entries of a page of a listing.
const MOST_KEYS: i32 = 1000;

/// Bytes that are read from a file at once.
const PIECE: u64 = 256 * 1024;

/// The conditions of a read.
pub(crate) struct Conditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// Whether they hold.
    pub fn check(self, metadata: &Metadata) -> S3Result<()> {
        let (now, at) = (tag(metadata), whole_seconds(metadata));
        let same = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(tag) => tag.value() == now.value(),
        };
        // A condition about the tag goes before the one about the time.
        let changed = match (&self.if_match, self.if_unmodified_since) {
            (Some(condition), _) => !same(condition),
            (None, Some(time)) => at > time,
            (None, None) => false,
        };
        if changed {
            return Err(s3_error!(PreconditionFailed));
        }
        let unchanged = match (&self.if_none_match, self.if_modified_since) {
            (Some(condition), _) => same(condition),
            (None, Some(time)) => at <= time,
            (None, None) => false,
        };
        if unchanged { Err(s3_error!(NotModified)) } else { Ok(()) }
    }
}

/// The time of change as the header `Last-Modified` has it.
fn whole_seconds(metadata: &Metadata) -> Timestamp {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The bytes of a part of a file, in pieces.
pub(crate) fn body(file: File, start: u64, end: u64) -> StreamingBlob {
    let file = Arc::new(file);
    StreamingBlob::wrap(stream::try_unfold(start, move |at| {
        let file = Arc::clone(&file);
        async move {
            if at >= end {
                return Ok::<_, io::Error>(None);
            }
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; usize::try_from(PIECE.min(end - at)).unwrap_or_default()];
                file.read_exact_at(&mut piece, at).map(|()| piece)
            });
            let piece = read.await.map_err(io::Error::other)??;
            let next = at + piece.len() as u64;
            Ok(Some((Bytes::from(piece), next)))
        }
    }))
}

pub(crate) fn length(bytes: u64) -> Option<i64> {
    i64::try_from(bytes).ok()
}

/// The bucket and the key of what is copied.
pub(crate) fn source(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket { bucket, key, .. } => Ok((bucket.to_string(), key.to_string())),
        _ => Err(s3_error!(NotImplemented, "Only objects of this server's buckets are copied")),
    }
}

/// Where a page goes on, as a token.
pub(crate) fn token(entry: &Entry) -> String {
    let kind = match entry {
        Entry::Object(..) => 'o',
        Entry::Prefix(_) => 'p',
    };
    URL_SAFE_NO_PAD.encode(format!("{kind}{}", entry.name()))
}

/// What a token says: after which name, and beyond which prefix.
pub(crate) fn read_token(token: &str) -> S3Result<(String, Option<String>)> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let name = text.as_deref().and_then(|text| text.strip_prefix(['o', 'p'])).map(str::to_owned);
    match (text, name) {
        (Some(text), Some(name)) => {
            let beyond = text.starts_with('p').then(|| name.clone());
            Ok((name, beyond))
        }
        _ => Err(s3_error!(InvalidArgument, "The continuation token is incorrect")),
    }
}

pub(crate) fn encoded(text: &str, encoding: Option<&EncodingType>) -> String {
    match encoding {
        Some(_) => utf8_percent_encode(text, PLAIN).to_string(),
        None => text.to_owned(),
    }
}

/// The objects and the prefixes of a page, on the wire.
pub(crate) fn contents(listing: &Listing, encoding: Option<&EncodingType>) -> (ObjectList, CommonPrefixList) {
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    for entry in &listing.entries {
        let name = Some(encoded(entry.name(), encoding));
        match entry {
            Entry::Object(_, metadata) => objects.push(Object {
                key: name,
                e_tag: Some(tag(metadata)),
                last_modified: Some(changed(metadata)),
                size: length(metadata.len()),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Object::default()
            }),
            Entry::Prefix(_) => prefixes.push(CommonPrefix { prefix: name }),
        }
    }
    (objects, prefixes)
}

pub(crate) fn most_keys(asked: Option<i32>) -> S3Result<i32> {
    match asked.unwrap_or(MOST_KEYS) {
        asked if asked < 0 => Err(s3_error!(InvalidArgument, "max-keys must not be negative")),
        asked => Ok(asked.min(MOST_KEYS)),
    }
}

/// The type of every object: a folder keeps none.
pub(crate) fn binary() -> ContentType {
    "binary/octet-stream".to_owned()
}
