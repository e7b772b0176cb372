//! Making staged output visible, and clearing away what will never be.
//!
//! Every step can be done again after a crash at any point: a rename whose
//! source is gone and whose target exists is done, and so is an upload that
//! the endpoint no longer knows while the object has the upload's length.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use object_store::multipart::{MultipartStore as _, PartId};
use tidegate_core::bucket::UNFINISHED;
use tidegate_core::run::{CommitList, CommitStep};
use tidegate_core::{ExecutionId, fault};

use super::buckets::{BucketError, Buckets, named};
use super::key;
use super::local::{LocalBuckets, blocking, failed, lies_below};
use super::s3::{self, S3Buckets};
use super::stage::{MANY, sync_file_system, sync_folder};
use super::upload::{UPLOADS, Upload};

/// Uploads that are completed at once.
const AT_ONCE: usize = 16;

/// The name of an attempt's folder in the staging area.
pub(crate) fn attempt_name(execution: &ExecutionId, attempt: u32) -> String {
    format!("{execution}-{attempt}")
}

/// Carries out a commit list, from its start.
pub(crate) async fn publish(buckets: &Buckets, staging: &Path, list: &CommitList) -> Result<(), BucketError> {
    let mut renames = Vec::new();
    let mut uploads = Vec::new();
    for step in &list.steps {
        match (buckets, step) {
            (Buckets::Local(local), CommitStep::Rename { bucket, from, to }) => {
                renames.push(Rename::new(local, staging, bucket, from, to)?);
            }
            (Buckets::S3(s3), CommitStep::CompleteUpload { bucket, key, upload_id, parts, bytes }) => {
                uploads.push(complete(s3, bucket, key, upload_id, parts, *bytes));
            }
            (_, CommitStep::Rename { bucket, .. } | CommitStep::CompleteUpload { bucket, .. }) => {
                return Err(BucketError::Failed(format!(
                    "The output for the bucket {bucket} was staged elsewhere: the server was started with another place for its buckets. Start it with the former one to finish the run."
                )));
            }
        }
    }
    if !renames.is_empty() {
        blocking(move || rename_all(&renames)).await?;
    }
    futures::stream::iter(uploads).map(Ok).try_for_each_concurrent(AT_ONCE, |upload| upload).await
}

/// A staged file or folder and its place in a bucket.
struct Rename {
    bucket: String,
    root: PathBuf,
    source: PathBuf,
    target: PathBuf,
}

impl Rename {
    fn new(
        local: &LocalBuckets,
        staging: &Path,
        bucket: &str,
        from: &str,
        to: &str,
    ) -> Result<Self, BucketError> {
        named(bucket)?;
        for name in [from, to] {
            if let Some(why) = key::unusable(name) {
                return Err(BucketError::Invalid(format!("The key {name:?} cannot be used: {why}")));
            }
        }
        let root = local.folder(bucket);
        let (source, target) = (key::below(staging, from), key::below(&root, to));
        Ok(Self { bucket: bucket.to_owned(), root, source, target })
    }

    fn parent(&self) -> &Path {
        self.target.parent().unwrap_or(&self.root)
    }

    /// Makes the folders above the target; adds those that have got a new name.
    fn prepare<'a>(&'a self, changed: &mut BTreeSet<&'a Path>) -> Result<(), BucketError> {
        let Self { bucket, root, target, .. } = self;
        if !root.is_dir() {
            return Err(BucketError::NoSuchBucket(bucket.clone()));
        }
        let parent = self.parent();
        let existing = parent.ancestors().find(|folder| folder.exists()).unwrap_or(root);
        if !lies_below(existing, root).map_err(|error| failed("look at", existing, &error))? {
            return Err(BucketError::Invalid(format!(
                "The key {} leads out of its bucket by a link",
                target.display()
            )));
        }
        changed.extend(parent.ancestors().skip(1).take_while(|folder| folder.starts_with(existing)));
        fs::create_dir_all(parent).map_err(|error| failed("create", parent, &error))
    }

    /// Moves the file or folder, unless an earlier try has.
    fn carry_out(&self) -> Result<(), BucketError> {
        let Self { source, target, .. } = self;
        match (source.try_exists(), target.try_exists()) {
            (Ok(true), _) => {
                touch(source).map_err(|error| failed("touch", source, &error))?;
                move_into_place(source, target).map_err(|error| failed("write", target, &error))?;
                fault::point("object.renamed");
                Ok(())
            }
            (Ok(false), Ok(true)) => Ok(()),
            (Ok(false), Ok(false)) => Err(BucketError::Failed(format!(
                "The staged output {} is gone and {} does not exist",
                source.display(),
                target.display()
            ))),
            (Err(error), _) | (_, Err(error)) => Err(failed("look at", source, &error)),
        }
    }
}

/// Carries out all of them. Folders survive a loss of power before anything is
/// moved into them, and what is moved when this ends: also what an earlier try
/// has moved, which may have died before it could see to that.
fn rename_all(renames: &[Rename]) -> Result<(), BucketError> {
    let mut changed = BTreeSet::new();
    for rename in renames {
        rename.prepare(&mut changed)?;
    }
    sync_all(&changed)?;
    for rename in renames {
        fault::point("object.publishing");
        rename.carry_out()?;
        fault::point("object.visible");
    }
    sync_all(&renames.iter().map(Rename::parent).collect())
}

/// Makes the names in some folders of one file system survive a loss of power.
fn sync_all(folders: &BTreeSet<&Path>) -> Result<(), BucketError> {
    if folders.len() > MANY
        && let Some(any) = folders.first()
        && sync_file_system(any).map_err(|error| failed("sync", any, &error))?
    {
        return Ok(());
    }
    folders.iter().try_for_each(|folder| sync_folder(folder).map_err(|error| failed("sync", folder, &error)))
}

fn move_into_place(source: &Path, target: &Path) -> io::Result<()> {
    match fs::rename(source, target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_into_place(source, target),
        result => result,
    }
}

/// Gives the files of a folder the time of now. A file that is moved gets a
/// time for that, and files within a folder that is moved do not: a flow that
/// reads what is new since its last run would pass them over.
fn touch(source: &Path) -> io::Result<()> {
    if !source.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            touch(&entry.path())?;
        } else {
            fs::File::open(entry.path())?.set_modified(SystemTime::now())?;
        }
    }
    Ok(())
}

/// A bucket on another file system: the copy gets its name when it is whole.
fn copy_into_place(source: &Path, target: &Path) -> io::Result<()> {
    if source.is_dir() && target.is_dir() {
        // An earlier try got this far: a run's own folder has its name only when
        // it is whole, and what is left of the source may be no longer.
        return remove(source);
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = target.with_file_name(format!("{UNFINISHED}{name}"));
    remove(&unfinished)?;
    if source.is_dir() {
        copy_folder(source, &unfinished)?;
    } else {
        copy_file(source, &unfinished)?;
    }
    fs::rename(&unfinished, target)?;
    if let Some(parent) = target.parent() {
        sync_folder(parent)?;
    }
    remove(source)
}

/// Copies a folder with all that lies below it.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &copy)?;
        } else {
            copy_file(&entry.path(), &copy)?;
        }
    }
    sync_folder(to)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

async fn complete(
    s3: &S3Buckets,
    bucket: &str,
    key: &str,
    upload_id: &str,
    parts: &[String],
    bytes: u64,
) -> Result<(), BucketError> {
    named(bucket)?;
    fault::point("object.publishing");
    let (store, path) = (s3.store(bucket)?, s3::path(key)?);
    let ids = parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
    let error = match store.complete_multipart(&path, &upload_id.to_owned(), ids).await {
        Ok(_) => {
            fault::point("object.visible");
            return Ok(());
        }
        Err(error) => error,
    };
    // A try before this one may have completed it, with or without an answer.
    match store.head(&path).await {
        Ok(meta) if meta.size == bytes => Ok(()),
        _ => Err(s3::explain(bucket, key, error)),
    }
}

/// Clears away the staged output of some of an execution's attempts. Uploads
/// that were begun are aborted, but for those that a list has completed.
pub(crate) async fn discard(
    buckets: &Buckets,
    staging: &Path,
    execution: &ExecutionId,
    wanted: impl Fn(u32) -> bool,
    completed: &CommitList,
) -> Result<(), BucketError> {
    for (folder, attempt) in attempts(staging, execution).await? {
        if wanted(attempt) {
            fault::point("attempt.discarding");
            discard_folder(buckets, folder, completed).await?;
        }
    }
    Ok(())
}

/// The folders of an execution's attempts.
async fn attempts(staging: &Path, execution: &ExecutionId) -> Result<Vec<(PathBuf, u32)>, BucketError> {
    let prefix = format!("{execution}-");
    let mut found = all_attempts(staging).await?;
    found.retain(|(_, name)| name.starts_with(&prefix));
    let number = |(path, name): (PathBuf, String)| Some((path, name[prefix.len()..].parse().ok()?));
    Ok(found.into_iter().filter_map(number).collect())
}

/// Every folder of the staging area, with its name.
pub(crate) async fn all_attempts(staging: &Path) -> Result<Vec<(PathBuf, String)>, BucketError> {
    let staging = staging.to_owned();
    blocking(move || {
        let entries = match fs::read_dir(&staging) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &staging, &error)),
        };
        let name = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            Some((entry.path(), entry.file_name().into_string().ok()?))
        };
        Ok(entries.filter_map(name).collect())
    })
    .await
}

/// Aborts the uploads that a staging folder notes, then removes it.
pub(crate) async fn discard_folder(
    buckets: &Buckets,
    folder: PathBuf,
    completed: &CommitList,
) -> Result<(), BucketError> {
    let is_completed = |id: &str| {
        completed
            .steps
            .iter()
            .any(|step| matches!(step, CommitStep::CompleteUpload { upload_id, .. } if upload_id == id))
    };
    let notes = blocking({
        let path = folder.join(UPLOADS);
        move || match fs::read(&path) {
            Ok(notes) => Ok(notes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed("read", &path, &error)),
        }
    })
    .await?;
    if let Buckets::S3(s3) = buckets {
        // A last line may be torn; its upload was never used.
        let uploads = notes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        for Upload { bucket, key, upload_id } in uploads {
            if is_completed(&upload_id) {
                continue;
            }
            let (store, path) = (s3.store(&bucket)?, s3::path(&key)?);
            fault::point("upload.aborting");
            match store.abort_multipart(&path, &upload_id).await {
                // Completed or aborted before.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => match s3::explain(&bucket, &key, error) {
                    BucketError::NoSuchBucket(_) => {}
                    error if error.to_string().contains("NoSuchUpload") => {}
                    error => return Err(error),
                },
            }
        }
    }
    blocking(move || remove(&folder).map_err(|error| failed("remove", &folder, &error))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_folder_is_copied_once_however_often_it_is_tried() {
        let place = tempfile::tempdir().unwrap();
        let (source, target) = (place.path().join("staged"), place.path().join("shown"));
        fs::create_dir_all(source.join("deep")).unwrap();
        fs::write(source.join("a"), "1").unwrap();
        fs::write(source.join("deep/b"), "2").unwrap();
        copy_into_place(&source, &target).unwrap();
        assert!(!source.exists());
        // Whoever died while the source was removed finds a part of it.
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("a"), "1").unwrap();
        copy_into_place(&source, &target).unwrap();
        assert!(!source.exists());
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "1");
        assert_eq!(fs::read_to_string(target.join("deep/b")).unwrap(), "2");
    }

    #[test]
    fn what_becomes_visible_with_its_folder_is_new() {
        let place = tempfile::tempdir().unwrap();
        let source = place.path().join("staged");
        fs::create_dir_all(source.join("deep")).unwrap();
        for name in ["a", "deep/b"] {
            fs::write(source.join(name), name).unwrap();
            let file = fs::File::open(source.join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let begun = SystemTime::now() - std::time::Duration::from_secs(2);
        touch(&source).unwrap();
        for name in ["a", "deep/b"] {
            assert!(fs::metadata(source.join(name)).unwrap().modified().unwrap() > begun, "{name}");
        }
    }
}
