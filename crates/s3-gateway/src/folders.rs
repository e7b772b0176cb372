//! Files as objects: found within their bucket, replaced whole.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use s3s::dto::{ETag, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use tidegate_core::bucket::UNFINISHED;

use crate::conditions::WriteConditions;
use crate::names;
use crate::turns::Turns;

/// The folder of what is still being sent, beside the buckets. No bucket can
/// have its name.
const UPLOADS: &str = ".uploads";

/// How long an upload in parts may lie unfinished.
const UPLOAD_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// After how long without a change a file on its way into a bucket is a leftover
/// of a process that ended.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// How often a folder that vanished meanwhile is made anew.
const TRIES: u32 = 3;

/// Folders below a root.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    /// Held by whoever changes what is at a key, from the look at what is there
    /// to the change itself. Nothing slow is done meanwhile.
    changing: Arc<Mutex<()>>,
    /// Who may change an upload in parts.
    pub turns: Turns,
}

/// A file that will become an object; it is removed if it does not.
#[derive(Debug)]
pub(crate) struct Unplaced {
    pub path: PathBuf,
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        // It has become an object, or is worthless.
        let _ = fs::remove_file(&self.path);
    }
}

impl Folders {
    /// Opens the root, and clears away what earlier processes left unfinished.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        let uploads = root.join(UPLOADS);
        fs::create_dir_all(&uploads)?;
        for entry in fs::read_dir(&uploads)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let age = metadata.modified()?.elapsed().unwrap_or_default();
            if metadata.is_file() {
                fs::remove_file(entry.path())?;
            } else if age > UPLOAD_AGE {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self { root, changing: Arc::default(), turns: Turns::default() })
    }

    /// The folders that are buckets, in the order of their names, with the
    /// time of their last change.
    pub fn buckets(&self) -> S3Result<Vec<(String, SystemTime)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A link to a folder is a bucket, too: the operator has put it there.
            let Ok(metadata) = fs::metadata(entry.path()) else { continue };
            if metadata.is_dir() && names::is_bucket(&name) {
                found.push((name, metadata.modified().map_err(failed)?));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The folder of a bucket that exists.
    pub fn bucket(&self, name: &str) -> S3Result<PathBuf> {
        let folder = self.root.join(name);
        if names::is_bucket(name) && folder.is_dir() { Ok(folder) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Makes a bucket.
    pub fn create_bucket(&self, name: &str) -> S3Result<()> {
        if !names::is_bucket(name) {
            return Err(s3_error!(InvalidBucketName));
        }
        match fs::create_dir(self.root.join(name)) {
            Ok(()) => sync(&self.root),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(s3_error!(BucketAlreadyOwnedByYou))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes a bucket without objects.
    pub fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let _changing = self.change();
        let folder = self.bucket(name)?;
        if fs::symlink_metadata(&folder).map_err(failed)?.is_symlink() {
            return Err(s3_error!(
                InvalidRequest,
                "The bucket is a link to a folder elsewhere: only who has put it there can remove it"
            ));
        }
        remove_empty(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => s3_error!(BucketNotEmpty),
            _ => failed(error),
        })?;
        sync(&self.root)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        // There is nothing behind the lock that could be half done.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object's file, open: what is read from it stays the same, whatever
    /// comes to be at its key.
    pub fn find(&self, bucket: &str, key: &str) -> S3Result<(File, Metadata)> {
        let folder = self.bucket(bucket)?;
        // What cannot be a key is nobody's.
        names::check_key(key).map_err(|_| s3_error!(NoSuchKey))?;
        let path = folder.join(key);
        if !lies_below(&path, &folder).map_err(failed)? {
            return Err(s3_error!(NoSuchKey));
        }
        let absent = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => s3_error!(NoSuchKey),
            _ => failed(error),
        };
        // Looked at first: to open a pipe is to wait for its other end.
        if !fs::metadata(&path).map_err(absent)?.is_file() {
            return Err(s3_error!(NoSuchKey));
        }
        let file = File::open(&path).map_err(absent)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_file() { Ok((file, metadata)) } else { Err(s3_error!(NoSuchKey)) }
    }

    /// A new file for what is being sent.
    pub fn unplaced(&self) -> S3Result<(File, Unplaced)> {
        let path = self.uploads().join(format!("put-{}", uuid::Uuid::new_v4()));
        let file = File::options().read(true).write(true).create_new(true).open(&path).map_err(failed)?;
        Ok((file, Unplaced { path }))
    }

    /// The folder of all uploads.
    pub fn uploads(&self) -> PathBuf {
        self.root.join(UPLOADS)
    }

    /// The folder of an upload in parts.
    pub fn upload(&self, id: &str) -> S3Result<PathBuf> {
        let number = uuid::Uuid::parse_str(id).map_err(|_| s3_error!(NoSuchUpload))?;
        Ok(self.uploads().join(number.to_string()))
    }

    /// Whether an object can come to be at a key.
    pub fn check_place(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        let folder = self.bucket(bucket)?;
        names::check_key(key)?;
        let path = folder.join(key);
        let there = |path: &&Path| path.symlink_metadata().is_ok();
        let existing = path.ancestors().skip(1).find(there).unwrap_or(&folder);
        if !lies_below(existing, &folder).map_err(failed)? {
            return Err(s3_error!(InvalidArgument, "The key leads out of its bucket by a link"));
        }
        if !existing.is_dir() {
            return Err(s3_error!(
                InvalidRequest,
                "The key lies below another object: a bucket is a folder, and a file has no files in it"
            ));
        }
        Ok(path)
    }

    /// Whether the conditions of a change hold now. They are checked again when
    /// it happens; this spares a client from sending in vain.
    pub fn check_conditions(&self, bucket: &str, key: &str, conditions: &WriteConditions) -> S3Result<()> {
        if conditions.is_empty() {
            return Ok(());
        }
        match self.find(bucket, key) {
            Ok((_, metadata)) => conditions.check(Some(&metadata)),
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => conditions.check(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a file that is whole the object at a key, if the conditions hold.
    pub fn place(
        &self,
        unplaced: Unplaced,
        file: &File,
        bucket: &str,
        key: &str,
        conditions: &WriteConditions,
    ) -> S3Result<Metadata> {
        file.sync_all().map_err(failed)?;
        let (mut unplaced, mut tries) = (unplaced, 0);
        let (path, metadata) = loop {
            tries += 1;
            let changing = self.change();
            self.check_conditions(bucket, key, conditions)?;
            let path = self.make_way(bucket, key)?;
            match fs::rename(&unplaced.path, &path) {
                Ok(()) => {
                    let metadata = fs::symlink_metadata(&path).map_err(failed)?;
                    break (path, metadata);
                }
                // A bucket on another file system: the copy, which takes its
                // time, is made without the lock.
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices && tries < TRIES => {
                    drop(changing);
                    unplaced = beside(&unplaced.path, &path).map_err(failed)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {}
                Err(error) => return Err(failed(error)),
            }
        };
        // New folders have to be found again after a crash, up to the bucket's.
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root)) {
            sync(folder)?;
            if folder.parent() == Some(&self.root) {
                break;
            }
        }
        Ok(metadata)
    }

    /// Makes the folders that a key needs, and takes away the empty ones in its place.
    fn make_way(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        let path = self.check_place(bucket, key)?;
        fs::create_dir_all(path.parent().unwrap_or(&self.root)).map_err(failed)?;
        let Ok(there) = fs::symlink_metadata(&path) else { return Ok(path) };
        if there.is_dir() {
            // Folders without objects are nothing to S3.
            remove_empty(&path).map_err(|error| match error.kind() {
                io::ErrorKind::DirectoryNotEmpty => s3_error!(
                    InvalidRequest,
                    "There are objects below this key: a bucket is a folder, and a folder cannot be a file"
                ),
                _ => failed(error),
            })?;
        } else if there.is_symlink() && path.is_dir() {
            return Err(s3_error!(InvalidRequest, "There is a link to a folder at this key"));
        }
        Ok(path)
    }

    /// Removes an object, if it is there and the conditions hold.
    pub fn delete(&self, bucket: &str, key: &str, conditions: &WriteConditions) -> S3Result<()> {
        let folder = self.bucket(bucket)?;
        let path = folder.join(key);
        let changing = self.change();
        self.check_conditions(bucket, key, conditions)?;
        if names::check_key(key).is_err() || !lies_below(&path, &folder).map_err(failed)? || path.is_dir() {
            return Ok(());
        }
        match fs::remove_file(&path) {
            Ok(()) => {
                drop(changing);
                sync(path.parent().unwrap_or(&folder))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// The tag of an object's content: another one after each replacement. It is
/// no hash, so it looks like that of an upload in parts, which nobody takes for one.
pub(crate) fn tag(metadata: &Metadata) -> ETag {
    let (inode, seconds, nanos) = (metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
    ETag::Strong(format!("{inode:x}{seconds:x}{nanos:08x}{:x}-1", metadata.len()))
}

/// When an object came to be at its key: the time that flows go by, too.
pub(crate) fn changed(metadata: &Metadata) -> Timestamp {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
}

/// An error of the system; its text may have paths, so it is for the log.
pub(crate) fn failed(error: io::Error) -> S3Error {
    tracing::error!(%error, "A local bucket could not be read or written.");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            s3_error!(InternalError, "The disk of the buckets is full")
        }
        _ => {
            s3_error!(InternalError, "The bucket's folder could not be read or written; see the server's log")
        }
    }
}

/// Whether a path exists and lies below a folder, links followed.
fn lies_below(path: &Path, folder: &Path) -> io::Result<bool> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path.starts_with(fs::canonicalize(folder)?)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Removes a folder and the folders in it, if there is no file anywhere but
/// leftovers. It looks first, so that a folder which stays keeps what it has.
fn remove_empty(folder: &Path) -> io::Result<()> {
    let mut leftovers = Vec::new();
    let folders = look(folder, false, &mut leftovers)?;
    leftovers.iter().try_for_each(fs::remove_file)?;
    // What came meanwhile keeps its folder: a folder with something in it is not removed.
    folders.iter().try_for_each(fs::remove_dir)
}

/// A folder and the folders in it, the innermost first; an error if there is a
/// file that is no leftover. A run's unfinished folder is one with all its files.
fn look(folder: &Path, unfinished: bool, leftovers: &mut Vec<PathBuf>) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: links are not followed.
        let metadata = entry.metadata()?;
        let unfinished =
            unfinished || entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
        if metadata.is_dir() {
            folders.extend(look(&entry.path(), unfinished, leftovers)?);
        } else if unfinished && metadata.modified()?.elapsed().unwrap_or_default() > LEFTOVER_AGE {
            leftovers.push(entry.path());
        } else {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
    }
    folders.push(folder.to_owned());
    Ok(folders)
}

/// Copies a file to beside its place on another file system.
pub(crate) fn beside(from: &Path, to: &Path) -> io::Result<Unplaced> {
    // Whatever fails from here on, no half of a file stays.
    let copy = Unplaced { path: to.with_file_name(format!("{UNFINISHED}{}", uuid::Uuid::new_v4())) };
    fs::copy(from, &copy.path)?;
    File::open(&copy.path)?.sync_all()?;
    Ok(copy)
}

/// Makes the names in a folder last.
pub(crate) fn sync(folder: &Path) -> S3Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Another request has removed the folder, and with it what was to be kept.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(failed),
    }
}
