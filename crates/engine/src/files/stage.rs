//! Writing a run's output where nobody sees it yet.
//!
//! Files are encoded on a thread of their own while the plan computes the
//! next batch. A local bucket's files lie in the staging area of the same
//! file system; an S3 endpoint's are multipart uploads that are not completed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use object_store::PutPayload;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use serde::{Deserialize, Serialize};
use tidegate_core::connector::Progress;
use tidegate_core::fault;
use tidegate_core::flow::S3Destination;
use tidegate_core::run::{CommitList, CommitStep};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::encode::Encoder;
use super::layout::Layout;
use super::local::failed;
use super::s3;
use crate::error::RunError;
use crate::tasks::Output;

/// The name of the folder of a run's files in its staging folder.
pub(super) const OUTPUT: &str = "out";
/// The name of a run's error file in its staging folder.
const ERRORS: &str = "errors";
/// The name of the list of a run's unfinished uploads in its staging folder.
pub(super) const UPLOADS: &str = "uploads";
/// Bytes of an upload's first parts; an S3 endpoint wants 5 MiB at least.
const PART_SIZE: usize = 8 * 1024 * 1024;
/// Parts of one size; then they double, so that 10,000 of them, the most an
/// upload may have, hold 300 GiB.
const PARTS_OF_A_SIZE: usize = 2_500;

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

/// An upload that is begun, as the staging folder notes it.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
}

/// All that the encoding thread needs.
pub(crate) struct Stage {
    pub place: Place,
    pub errors: Option<Errors>,
    pub layout: Layout,
    pub destination: S3Destination,
    pub columns: Vec<Output>,
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
        let mut open: Option<Encoder<Counted>> = None;
        let mut failed: Option<Sink> = None;
        let mut steps = Vec::new();
        let mut number = 0;
        let target = self.destination.aggregation.target_file_size_mb.filter(|_| self.layout.many);
        loop {
            match batches.blocking_recv() {
                Some(_) if self.cancel.is_cancelled() => return Err(RunError::Cancelled),
                // The sender went away without a word: it has the reason.
                None => return Err(RunError::Cancelled),
                Some(Message::End) => break,
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
                Some(Message::Batch(batch)) if batch.num_rows() == 0 => {}
                Some(Message::Batch(batch)) => {
                    let encoder = match &mut open {
                        Some(encoder) => encoder,
                        None => {
                            number += 1;
                            open.insert(self.begin(number)?)
                        }
                    };
                    encoder.write(&batch)?;
                    let is_full =
                        target.is_some_and(|target| encoder.length() >= target.saturating_mul(1024 * 1024));
                    if is_full && let Some(encoder) = open.take() {
                        steps.extend(encoder.finish()?.sink.finish()?);
                    }
                }
            }
        }
        if let Some(encoder) = open {
            steps.extend(encoder.finish()?.sink.finish()?);
        }
        if matches!(self.place, Place::Local) && number > 0 {
            steps = self.renames(number)?;
        }
        if let (Some(sink), Some(errors)) = (failed, &self.errors) {
            fault::point("errors.ending");
            steps.push(match sink.finish()? {
                Some(step) => step,
                None => CommitStep::Rename {
                    bucket: errors.bucket.clone(),
                    from: format!("{}/{ERRORS}", self.name),
                    to: errors.key.clone(),
                },
            });
        }
        if matches!(self.place, Place::Local) && !steps.is_empty() {
            self.sync_names()?;
        }
        Ok(CommitList { steps })
    }

    /// The names of what is staged are on the disk before there is a list that
    /// counts on them.
    fn sync_names(&self) -> Result<(), RunError> {
        for path in [Some(self.folder.as_path()), self.folder.parent()].into_iter().flatten() {
            sync_folder(path).map_err(|error| failed("sync", path, &error).of_destination())?;
        }
        Ok(())
    }

    fn begin(&self, number: usize) -> Result<Encoder<Counted>, RunError> {
        let sink = match &self.place {
            Place::Local => {
                let folder = self.folder.join(OUTPUT);
                fs::create_dir_all(&folder)
                    .map_err(|error| failed("create", &folder, &error).of_destination())?;
                let path = folder.join(self.layout.file(number));
                let file = fs::File::create(&path)
                    .map_err(|error| failed("create", &path, &error).of_destination())?;
                fault::point("file.begun");
                Sink::Local(file)
            }
            Place::S3(store) => {
                let bucket = &self.destination.bucket;
                Sink::S3(self.begin_upload(store.clone(), bucket, self.layout.key(number))?)
            }
        };
        let counted = Counted { sink, progress: self.progress.clone() };
        Encoder::new(&self.destination, &self.columns, counted)
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
            Place::S3(store) => Ok(Sink::S3(self.begin_upload(store.clone(), bucket, key.clone())?)),
        }
    }

    /// What makes the local files visible: one rename of the folder where it
    /// is the run's own, which shows all files at once.
    fn renames(&self, count: usize) -> Result<Vec<CommitStep>, RunError> {
        let folder = self.folder.join(OUTPUT);
        sync_folder(&folder).map_err(|error| failed("sync", &folder, &error).of_destination())?;
        let step = |from: String, to: String| CommitStep::Rename {
            bucket: self.destination.bucket.clone(),
            from,
            to,
        };
        if self.layout.own_folder {
            return Ok(vec![step(format!("{}/{OUTPUT}", self.name), self.layout.folder.clone())]);
        }
        let file = |number| {
            step(format!("{}/{OUTPUT}/{}", self.name, self.layout.file(number)), self.layout.key(number))
        };
        Ok((1..=count).map(file).collect())
    }

    fn begin_upload(&self, store: Arc<AmazonS3>, bucket: &str, key: String) -> Result<Uploading, RunError> {
        let bucket = bucket.to_owned();
        let explain = |error| s3::explain(&bucket, &key, error).of_destination();
        let path = s3::path(&key).map_err(|error| error.of_destination())?;
        let upload_id = wait(&self.handle, &self.cancel, store.create_multipart(&path))?.map_err(explain)?;
        fault::point("upload.begun");
        let upload = Upload { bucket: bucket.clone(), key: key.clone(), upload_id };
        // From here on, whoever cleans up after a crash can find the upload.
        self.note(&upload)
            .map_err(|error| failed("note an upload in", &self.folder, &error).of_destination())?;
        fault::point("upload.noted");
        Ok(Uploading {
            store,
            path,
            upload,
            buffer: Vec::new(),
            parts: Vec::new(),
            in_flight: None,
            bytes: 0,
            cancel: self.cancel.clone(),
            handle: self.handle.clone(),
        })
    }

    fn note(&self, upload: &Upload) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = fs::File::options().create(true).append(true).open(self.folder.join(UPLOADS))?;
        let mut line = serde_json::to_vec(upload)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_all()?;
        sync_folder(&self.folder)
    }
}

/// Waits for the network on the encoding thread, until somebody cancels.
fn wait<T>(
    handle: &Handle,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, RunError> {
    handle.block_on(async { cancel.run_until_cancelled(work).await }).ok_or(RunError::Cancelled)
}

/// Makes the names in a folder survive a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Counts what is handed to the destination.
struct Counted {
    sink: Sink,
    progress: Arc<Progress>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.sink.write(bytes)?;
        Progress::add(&self.progress.bytes_written, length as u64);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Sink {
    Local(fs::File),
    S3(Uploading),
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(file) => file.write(bytes),
            Self::S3(upload) => upload.write(bytes).map(|()| bytes.len()).map_err(io::Error::other),
        }
    }

    fn finish(self) -> Result<Option<CommitStep>, RunError> {
        match self {
            Self::Local(file) => {
                file.sync_all()?;
                fault::point("file.synced");
                Ok(None)
            }
            Self::S3(upload) => upload.finish().map(Some),
        }
    }
}

/// A multipart upload with one part in flight while the next is filled.
struct Uploading {
    store: Arc<AmazonS3>,
    path: object_store::path::Path,
    upload: Upload,
    buffer: Vec<u8>,
    parts: Vec<String>,
    in_flight: Option<JoinHandle<object_store::Result<PartId>>>,
    bytes: u64,
    cancel: CancellationToken,
    handle: Handle,
}

impl Uploading {
    fn part_size(&self) -> usize {
        PART_SIZE << (self.parts.len() / PARTS_OF_A_SIZE).min(4)
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), RunError> {
        while !bytes.is_empty() {
            let room = self.part_size().saturating_sub(self.buffer.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if self.buffer.capacity() == 0 {
                self.buffer.reserve_exact(self.part_size());
            }
            self.buffer.extend(now);
            bytes = later;
            if self.buffer.len() >= self.part_size() {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Sends the buffer as the next part, once the one before has arrived.
    fn send(&mut self) -> Result<(), RunError> {
        self.arrive()?;
        let part = std::mem::take(&mut self.buffer);
        self.bytes += part.len() as u64;
        let (store, path, id) = (self.store.clone(), self.path.clone(), self.upload.upload_id.clone());
        let index = self.parts.len();
        self.in_flight = Some(
            self.handle.spawn(async move { store.put_part(&path, &id, index, PutPayload::from(part)).await }),
        );
        Ok(())
    }

    fn arrive(&mut self) -> Result<(), RunError> {
        let Some(mut in_flight) = self.in_flight.take() else { return Ok(()) };
        let arrived = wait(&self.handle, &self.cancel, &mut in_flight).inspect_err(|_| in_flight.abort())?;
        let part = arrived
            .map_err(|error| RunError::Internal(format!("an upload ended early: {error}")))?
            .map_err(|error| s3::explain(&self.upload.bucket, &self.upload.key, error).of_destination())?;
        self.parts.push(part.content_id);
        fault::point("part.arrived");
        Ok(())
    }

    fn finish(mut self) -> Result<CommitStep, RunError> {
        self.arrive()?;
        if !self.buffer.is_empty() || self.parts.is_empty() {
            self.send()?;
            self.arrive()?;
        }
        let Upload { bucket, key, upload_id } = &self.upload;
        Ok(CommitStep::CompleteUpload {
            bucket: bucket.clone(),
            key: key.clone(),
            upload_id: upload_id.clone(),
            parts: std::mem::take(&mut self.parts),
            bytes: self.bytes,
        })
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            in_flight.abort();
        }
    }
}
