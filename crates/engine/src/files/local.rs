//! Folders as buckets.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use tidegate_core::bucket::UNFINISHED;

use super::buckets::{BucketError, Object};
use super::key;
use super::opened::{ObjectBytes, Opened, Store, Version};

/// Bytes that are read from a file at once.
const READ_SIZE: u64 = 512 * 1024;

/// Folders below a root; see [`super::buckets::Buckets::local`].
#[derive(Clone, Debug)]
pub struct LocalBuckets {
    root: PathBuf,
}

impl LocalBuckets {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// A bucket's folder; the name has been checked.
    pub(super) fn folder(&self, bucket: &str) -> PathBuf {
        self.root.join(bucket)
    }

    pub(super) async fn check(&self, bucket: &str) -> Result<(), BucketError> {
        let folder = self.folder(bucket);
        let bucket = bucket.to_owned();
        blocking(move || exists(&folder, &bucket)).await
    }

    pub(super) async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, BucketError> {
        let (folder, bucket, prefix) = (self.folder(bucket), bucket.to_owned(), prefix.to_owned());
        blocking(move || {
            exists(&folder, &bucket)?;
            let start = if prefix.is_empty() { folder.clone() } else { key::below(&folder, &prefix) };
            let mut objects = Vec::new();
            if !lies_below(&start, &folder).map_err(|error| failed("list", &start, &error))? {
                return Ok(objects);
            }
            let metadata = fs::metadata(&start).map_err(|error| failed("list", &start, &error))?;
            if metadata.is_dir() {
                walk(&start, &prefix, &mut objects)?;
            } else if metadata.is_file() {
                objects.push(object(prefix, &metadata));
            }
            Ok(objects)
        })
        .await
    }

    /// The files of one folder whose names begin with the prefix's last part.
    pub(super) async fn beginning_with(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<Object>, BucketError> {
        let (folder, bucket, prefix) = (self.folder(bucket), bucket.to_owned(), prefix.to_owned());
        blocking(move || {
            exists(&folder, &bucket)?;
            let (around, _) = prefix.rsplit_once('/').unwrap_or_default();
            let start = if around.is_empty() { folder.clone() } else { key::below(&folder, around) };
            let mut objects = Vec::new();
            if !lies_below(&start, &folder).map_err(|error| failed("list", &start, &error))?
                || !start.is_dir()
            {
                return Ok(objects);
            }
            entries(&start, around, |key, metadata, _| {
                if metadata.is_file() && key.starts_with(&prefix) {
                    objects.push(object(key, metadata));
                }
                Ok(())
            })?;
            Ok(objects)
        })
        .await
    }

    /// Opens a file and reads its first bytes.
    pub(super) async fn open(&self, bucket: &str, key: &str) -> Result<Opened, BucketError> {
        let folder = self.folder(bucket);
        let path = key::below(&folder, key);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        blocking(move || {
            if !lies_below(&path, &folder).map_err(|error| failed("read", &path, &error))? {
                return Err(BucketError::NoSuchKey(bucket, key));
            }
            let file = fs::File::open(&path).map_err(|error| failed("read", &path, &error))?;
            let metadata = file.metadata().map_err(|error| failed("read", &path, &error))?;
            let version = Version { size: metadata.len(), tag: Some(tag(&metadata)) };
            let file = LocalFile { file, path, bucket, version: version.clone(), key: key.clone() };
            let first = file.read(0..version.size.min(READ_SIZE))?;
            Ok(Opened { key, version, first, encoding: None, store: Store::Local(Arc::new(file)) })
        })
        .await
    }
}

/// A file that is open for reading.
#[derive(Debug)]
pub(super) struct LocalFile {
    file: fs::File,
    path: PathBuf,
    bucket: String,
    key: String,
    version: Version,
}

impl LocalFile {
    /// Reads a range, which lies in the file. A file that has changed since it
    /// was opened is told after the bytes are read, so they are of one version.
    pub(super) fn read(&self, range: Range<u64>) -> Result<Bytes, BucketError> {
        let replaced = || BucketError::Replaced(self.bucket.clone(), self.key.clone());
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut piece = vec![0; length];
        match self.file.read_exact_at(&mut piece, range.start) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(replaced()),
            Err(error) => return Err(failed("read", &self.path, &error)),
        }
        let metadata = self.file.metadata().map_err(|error| failed("read", &self.path, &error))?;
        let now = Version { size: metadata.len(), tag: Some(tag(&metadata)) };
        if self.version.is(&now) { Ok(Bytes::from(piece)) } else { Err(replaced()) }
    }
}

impl LocalFile {
    /// The file from a place on, in pieces.
    pub(super) fn rest(self: Arc<Self>, at: u64) -> ObjectBytes {
        let pieces = futures::stream::try_unfold(at, move |at| {
            let file = self.clone();
            let end = file.version.size.min(at + READ_SIZE);
            async move {
                if at >= end {
                    return Ok(None);
                }
                Ok(Some((blocking(move || file.read(at..end)).await?, end)))
            }
        });
        pieces.boxed()
    }
}

/// Runs file work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BucketError> + Send + 'static,
) -> Result<T, BucketError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(BucketError::Failed(format!("The file work ended early: {error}"))),
    }
}

fn exists(folder: &Path, bucket: &str) -> Result<(), BucketError> {
    if folder.is_dir() { Ok(()) } else { Err(BucketError::NoSuchBucket(bucket.to_owned())) }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> BucketError {
    BucketError::Failed(format!("Could not {what} {}: {error}", path.display()))
}

/// Whether a path exists and lies below a folder, links followed: a link could
/// lead out of the bucket.
pub(super) fn lies_below(path: &Path, folder: &Path) -> io::Result<bool> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path.starts_with(fs::canonicalize(folder)?)),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Collects the files below a folder.
fn walk(folder: &Path, prefix: &str, objects: &mut Vec<Object>) -> Result<(), BucketError> {
    entries(folder, prefix, |key, metadata, path| {
        if metadata.is_dir() {
            walk(path, &key, objects)?;
        } else if metadata.is_file() {
            objects.push(object(key, metadata));
        }
        Ok(())
    })
}

/// Shows the entries of a folder that can be keys, or folders of keys. Symbolic
/// links are not followed: a link could also lead round in a circle.
fn entries(
    folder: &Path,
    prefix: &str,
    mut show: impl FnMut(String, &fs::Metadata, &Path) -> Result<(), BucketError>,
) -> Result<(), BucketError> {
    let entries = fs::read_dir(folder).map_err(|error| failed("list", folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed("list", folder, &error))?;
        // A name that is no text cannot be a key.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = key::join([prefix, &name]);
        if name.starts_with(UNFINISHED) || key::unusable(&key).is_some() {
            continue;
        }
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Deleted since the folder was read.
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(failed("list", &entry.path(), &error)),
        };
        show(key, &metadata, &entry.path())?;
    }
    Ok(())
}

/// An object is changed when its file comes to be at its key: a file that is
/// written elsewhere and then moved here keeps the time of its content, but not
/// that of its entry. (Files within a folder that is moved keep both; whoever
/// publishes a folder gives them the time of then.)
fn object(key: String, metadata: &fs::Metadata) -> Object {
    let changed_ms = metadata.ctime().saturating_mul(1_000).saturating_add(metadata.ctime_nsec() / 1_000_000);
    Object { key, size: metadata.len(), changed_ms, tag: Some(tag(metadata)) }
}

/// What tells the content of a file from a later one. The time of its entry is
/// no part of it: that one also changes when the file loses its name, and a
/// file that is open stays what it is.
fn tag(metadata: &fs::Metadata) -> String {
    format!("{}-{}-{}", metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}
