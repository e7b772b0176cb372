//! Writing a run's output where nobody sees it yet.
//!
//! Files are encoded on a thread of their own while the plan computes the
//! next batch. A local bucket's files lie in the staging area of the same
//! file system; an S3 endpoint's are multipart uploads that are not completed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use object_store::aws::AmazonS3;
use tidegate_core::connector::Progress;
use tidegate_core::fault;
use tidegate_core::flow::S3Destination;
use tidegate_core::run::{CommitList, CommitStep};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::layout::Layout;
use super::local::failed;
use super::shape;
use super::upload::{Target, Uploading};
use super::writer::{Sink, Writer};
use crate::error::RunError;
use crate::tasks::Output;

/// The name of the folder of a run's files in its staging folder.
pub(super) const OUTPUT: &str = "out";
/// The name of a run's error file in its staging folder.
const ERRORS: &str = "errors";

/// What the encoding thread is told.
pub(crate) enum Message {
    /// More rows.
    Batch(RecordBatch),
    /// More lines for the error file.
    Failed(Vec<u8>),
    /// There are no more. Without this word the run has failed elsewhere.
    End,
}

/// Where a run's output is staged.
pub(crate) enum Place {
    /// In a folder of the staging area.
    Local,
    /// At an S3 endpoint.
    S3(Arc<AmazonS3>),
}

/// Where a run's error file goes.
pub(crate) struct Errors {
    pub place: Place,
    pub bucket: String,
    pub key: String,
}

/// All that the encoding thread needs.
pub(crate) struct Stage {
    pub place: Place,
    pub errors: Option<Errors>,
    pub layout: Layout,
    pub destination: S3Destination,
    /// The columns of the batches; the number of the part may follow them.
    pub columns: Vec<Output>,
    /// The names of the columns whose values become folders.
    pub partition: Vec<String>,
    /// The attempt's folder in the staging area.
    pub folder: PathBuf,
    /// The name of that folder, as commit steps spell it.
    pub name: String,
    pub progress: Arc<Progress>,
    pub cancel: CancellationToken,
    pub handle: Handle,
}

impl Stage {
    /// Encodes batches until the end; gives what makes them visible.
    pub(crate) fn run(self, mut batches: mpsc::Receiver<Message>) -> Result<CommitList, RunError> {
        let mut writer = Writer::new(&self);
        let mut failed: Option<Sink> = None;
        loop {
            match batches.blocking_recv() {
                Some(_) if self.cancel.is_cancelled() => return Err(RunError::Cancelled),
                // The sender went away without a word: it has the reason.
                None => return Err(RunError::Cancelled),
                Some(Message::End) => break,
                Some(Message::Batch(batch)) => writer.write(&batch)?,
                Some(Message::Failed(lines)) => {
                    let sink = match &mut failed {
                        Some(sink) => sink,
                        None => failed.insert(self.begin_errors()?),
                    };
                    let mut rest = lines.as_slice();
                    while !rest.is_empty() {
                        rest = &rest[sink.write(rest)?..];
                    }
                    fault::point("errors.written");
                }
            }
        }
        let (mut steps, partitions) = writer.finish()?;
        let output = (self.destination.is_cataloged && !steps.is_empty())
            .then(|| shape::of(&self.destination, &self.columns, &self.partition, &self.layout, partitions));
        if matches!(self.place, Place::Local) && !steps.is_empty() {
            self.sync(steps.len())?;
            if self.layout.own_folder {
                // One rename shows all files at once.
                steps = vec![CommitStep::Rename {
                    bucket: self.destination.bucket.clone(),
                    from: format!("{}/{OUTPUT}", self.name),
                    to: self.layout.folder.clone(),
                }];
            }
        }
        if let (Some(sink), Some(errors)) = (failed, &self.errors) {
            fault::point("errors.ending");
            steps.push(match sink {
                Sink::S3(upload) => upload.finish()?,
                Sink::Local(file) => {
                    file.sync_all()?;
                    CommitStep::Rename {
                        bucket: errors.bucket.clone(),
                        from: format!("{}/{ERRORS}", self.name),
                        to: errors.key.clone(),
                    }
                }
            });
        }
        if matches!(self.place, Place::Local) && !steps.is_empty() {
            self.sync_names()?;
        }
        Ok(CommitList { steps, output })
    }

    /// The names of what is staged are on the disk before there is a list that
    /// counts on them.
    fn sync_names(&self) -> Result<(), RunError> {
        for path in [Some(self.folder.as_path()), self.folder.parent()].into_iter().flatten() {
            sync_folder(path).map_err(|error| failed("sync", path, &error).of_destination())?;
        }
        Ok(())
    }

    /// Begins the error file.
    fn begin_errors(&self) -> Result<Sink, RunError> {
        let Some(Errors { place, bucket, key }) = &self.errors else {
            return Err(RunError::Internal("a record failed and has no error file to go to".to_owned()));
        };
        match place {
            Place::Local => {
                let path = self.folder.join(ERRORS);
                fs::create_dir_all(&self.folder)
                    .and_then(|()| fs::File::create(&path))
                    .map(Sink::Local)
                    .map_err(|error| failed("create", &path, &error).of_destination())
            }
            Place::S3(store) => {
                let (store, bucket, key) = (store.clone(), bucket.clone(), key.clone());
                let target = Target { store, bucket, key, folder: self.folder.clone() };
                Ok(Sink::S3(Box::new(Uploading::begin(target, &self.handle, &self.cancel)?)))
            }
        }
    }

    /// Makes the staged files survive a loss of power.
    fn sync(&self, files: usize) -> Result<(), RunError> {
        let output = self.folder.join(OUTPUT);
        let synced =
            if files > MANY && sync_file_system(&self.folder)? { Ok(()) } else { sync_tree(&output) };
        fault::point("file.synced");
        synced.map_err(|error| failed("sync", &output, &error).of_destination())
    }
}

/// So many files and folders are synced one by one; beyond that it is faster
/// to sync all that their file system has not written yet.
pub(super) const MANY: usize = 32;

/// Syncs the whole file system that a folder lies on; false where that cannot
/// be asked for.
pub(super) fn sync_file_system(folder: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::syncfs(fs::File::open(folder)?)?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        Ok(false)
    }
}

/// Syncs every file and folder below a folder, and itself.
fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Makes the names in a folder survive a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
