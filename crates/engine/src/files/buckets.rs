//! Where objects live: folders on this machine, or an S3 endpoint.

use std::fmt;
use std::path::PathBuf;

use tidegate_core::flow::S3Destination;
use tidegate_core::{ConnectorError, ConnectorErrorKind, ExecutionId, FlowName};

use super::key;
use super::layout::Layout;
use super::local::LocalBuckets;
use super::opened::{Opened, Version};
use super::s3::{S3Buckets, S3Config};
use crate::error::RunError;

/// The buckets that flows read and write.
#[derive(Debug)]
pub enum Buckets {
    /// Folders: each folder below a root is a bucket.
    Local(LocalBuckets),
    /// An S3 endpoint.
    S3(S3Buckets),
}

/// An object of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// Epoch milliseconds of its last change.
    pub changed_ms: i64,
    /// What tells this content from a later one: the endpoint's entity tag, or
    /// the file's number and time. `None` where the endpoint tells none.
    pub tag: Option<String>,
}

/// What went wrong with a bucket or an object; `Display` is for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketError {
    /// There is no such bucket.
    NoSuchBucket(String),
    /// There is no such object: bucket and key.
    NoSuchKey(String, String),
    /// The bucket's name or the key cannot be used; the text says why.
    Invalid(String),
    /// The endpoint refused the credentials or the access.
    Refused(String),
    /// Another object took the key while the old one was read: bucket and key.
    Replaced(String, String),
    /// Reading or writing failed; the text is the system's or the endpoint's.
    Failed(String),
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The words of S3 itself.
            Self::NoSuchBucket(bucket) => {
                write!(f, "The specified bucket does not exist (NoSuchBucket): {bucket}")
            }
            Self::NoSuchKey(bucket, key) => {
                write!(f, "The specified key does not exist (NoSuchKey): {key} in the bucket {bucket}")
            }
            Self::Replaced(bucket, key) => write!(
                f,
                "The object {key:?} in the bucket {bucket} was replaced while it was read. Start the flow again."
            ),
            Self::Invalid(text) | Self::Refused(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for BucketError {}

impl From<BucketError> for ConnectorError {
    fn from(error: BucketError) -> Self {
        let kind = match &error {
            BucketError::NoSuchBucket(_) | BucketError::NoSuchKey(..) => ConnectorErrorKind::NotFound,
            BucketError::Invalid(_) => ConnectorErrorKind::Invalid,
            BucketError::Refused(_) => ConnectorErrorKind::Refused,
            BucketError::Replaced(..) => ConnectorErrorKind::BadAnswer,
            BucketError::Failed(_) => ConnectorErrorKind::Unreachable,
        };
        Self::new(kind, error.to_string())
    }
}

impl BucketError {
    /// The error of a run that reads.
    pub(crate) fn of_source(self) -> RunError {
        RunError::Connector(self.into())
    }

    /// The error of a run that writes.
    pub(crate) fn of_destination(self) -> RunError {
        RunError::Destination(self.to_string())
    }
}

impl Buckets {
    /// Folders below a root, such as `<data-dir>/s3`. A folder that exists is
    /// a bucket; none is made here.
    pub fn local(root: impl Into<PathBuf>) -> Self {
        Self::Local(LocalBuckets::new(root.into()))
    }

    /// An S3 endpoint.
    ///
    /// # Errors
    ///
    /// The configuration cannot work: an endpoint that is no URL, or `http://`
    /// to another machine without leave.
    pub fn s3(config: S3Config) -> Result<Self, BucketError> {
        S3Buckets::new(config).map(Self::S3)
    }

    /// Whether a bucket exists.
    ///
    /// # Errors
    ///
    /// [`BucketError::NoSuchBucket`] when it does not exist;
    /// [`BucketError::Refused`] when an endpoint does not let us list it, which
    /// leaves open whether it may be written.
    pub async fn check(&self, bucket: &str) -> Result<(), BucketError> {
        named(bucket)?;
        match self {
            Self::Local(local) => local.check(bucket).await,
            Self::S3(s3) => s3.check(bucket).await,
        }
    }

    /// The objects below a prefix, in the order of their keys. A prefix is a
    /// folder (`in` and `in/` are the same, and `input/x` is not below it), or
    /// one object's whole key; empty means the whole bucket. Where there is
    /// neither, it is how the names of objects in the folder around it begin
    /// (`in` of `in.csv`), as S3 itself has prefixes. Objects of no length, with
    /// which S3's consoles mark folders, are left out.
    ///
    /// # Errors
    ///
    /// The bucket does not exist or cannot be listed.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, BucketError> {
        let mut objects = self.list_all(bucket, prefix).await?;
        objects.retain(|object| object.size > 0);
        Ok(objects)
    }

    /// The same with the objects of no length: it tells "there is nothing"
    /// from "there are only empty files".
    ///
    /// # Errors
    ///
    /// The bucket does not exist or cannot be listed.
    pub async fn list_all(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, BucketError> {
        named(bucket)?;
        let is_folder = prefix.ends_with('/');
        let prefix = prefix.trim_matches('/');
        if !prefix.is_empty()
            && let Some(why) = key::unusable(prefix)
        {
            return Err(BucketError::Invalid(format!("The prefix {prefix:?} cannot be used: {why}")));
        }
        let mut objects = match self {
            Self::Local(local) => local.list(bucket, prefix).await?,
            Self::S3(s3) => s3.list(bucket, prefix).await?,
        };
        if objects.is_empty() && !prefix.is_empty() && !is_folder {
            objects = match self {
                Self::Local(local) => local.beginning_with(bucket, prefix).await?,
                Self::S3(s3) => s3.beginning_with(bucket, prefix).await?,
            };
        }
        objects.sort();
        Ok(objects)
    }

    /// Whether a flow's output could be written below a destination's prefix:
    /// whether the bucket's name and every key of a run can be used. Nothing
    /// is asked of the bucket; [`Buckets::check`] does that.
    ///
    /// # Errors
    ///
    /// [`BucketError::Invalid`] with the key and what is wrong with it;
    /// [`BucketError::NoSuchBucket`] for a name that no bucket can have.
    pub fn check_output(&self, destination: &S3Destination, flow: &FlowName) -> Result<(), BucketError> {
        named(&destination.bucket)?;
        // Every execution's id is as long as this one, and every moment's text
        // as long as that of the epoch.
        let execution = ExecutionId::new("00000000-0000-0000-0000-000000000000");
        let key = Layout::of(destination, flow, 1, &execution, 0, false).key("", 1);
        match key::unusable(&key) {
            None => Ok(()),
            Some(why) => Err(BucketError::Invalid(format!("The output's key {key:?} cannot be used: {why}"))),
        }
    }

    /// Opens an object for reading, and reads its first bytes. Everything that is
    /// read of it is of one version: of `pinned`, if one is given.
    pub(crate) async fn open(
        &self,
        bucket: &str,
        key: &str,
        pinned: Option<&Version>,
    ) -> Result<Opened, BucketError> {
        named(bucket)?;
        if let Some(why) = key::unusable(key) {
            return Err(BucketError::Invalid(format!("The key {key:?} cannot be used: {why}")));
        }
        let opened = match self {
            Self::Local(local) => local.open(bucket, key).await?,
            Self::S3(s3) => s3.open(bucket, key).await?,
        };
        match pinned {
            Some(pinned) if !pinned.is(&opened.version) => {
                Err(BucketError::Replaced(bucket.to_owned(), key.to_owned()))
            }
            _ => Ok(opened),
        }
    }
}

/// Refuses names that no bucket can have; for S3 they do not exist either.
pub(crate) fn named(bucket: &str) -> Result<(), BucketError> {
    if key::is_bucket_name(bucket) { Ok(()) } else { Err(BucketError::NoSuchBucket(bucket.to_owned())) }
}
