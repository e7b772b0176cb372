//! Uploads to an S3 endpoint that nobody sees before they are completed.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::PutPayload;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use serde::{Deserialize, Serialize};
use tidegate_core::fault;
use tidegate_core::run::CommitStep;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::local::{blocking, failed};
use super::s3;
use super::stage::sync_folder;
use crate::error::RunError;

/// The name of the list of a run's unfinished uploads in its staging folder.
pub(super) const UPLOADS: &str = "uploads";
/// Bytes of an upload's first parts; an S3 endpoint wants 5 MiB at least.
const PART_SIZE: usize = 8 * 1024 * 1024;
/// Parts of one size; then they double, so that 10,000 of them, the most an
/// upload may have, hold 300 GiB.
const PARTS_OF_A_SIZE: usize = 2_500;

/// Files that are uploaded at once.
const AT_ONCE: usize = 8;

/// The size of an upload's next part.
fn part_size(parts: usize) -> usize {
    PART_SIZE << (parts / PARTS_OF_A_SIZE).min(4)
}

/// An upload that is begun, as the staging folder notes it.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
}

/// An object that shall be written, and where uploads to it are noted.
#[derive(Clone)]
pub(super) struct Target {
    pub store: Arc<AmazonS3>,
    pub bucket: String,
    pub key: String,
    /// The attempt's folder in the staging area.
    pub folder: PathBuf,
}

impl Target {
    fn explain(&self, error: object_store::Error) -> RunError {
        s3::explain(&self.bucket, &self.key, error).of_destination()
    }

    fn path(&self) -> Result<object_store::path::Path, RunError> {
        s3::path(&self.key).map_err(|error| error.of_destination())
    }

    /// Begins an upload in a task that nobody breaks off: what it has begun, it
    /// notes, or aborts when the run was cancelled meanwhile.
    async fn begin(&self, cancel: &CancellationToken) -> Result<Upload, RunError> {
        let (target, cancel) = (self.clone(), cancel.clone());
        let begun = tokio::spawn(async move {
            let upload = target.create(&cancel).await?;
            target.unless_cancelled(&cancel, upload.upload_id.clone()).await?;
            Ok(upload)
        });
        begun.await.map_err(ended_early)?
    }

    /// Aborts an upload that has come too late.
    async fn unless_cancelled(&self, cancel: &CancellationToken, id: String) -> Result<(), RunError> {
        if !cancel.is_cancelled() {
            return Ok(());
        }
        if let Err(error) = self.store.abort_multipart(&self.path()?, &id).await {
            tracing::warn!(bucket = self.bucket, key = self.key, %error, "an upload of a cancelled run could not be aborted");
        }
        Err(RunError::Cancelled)
    }

    /// Creates an upload and notes it. Once it is noted, whoever cleans up after
    /// a crash can find it.
    async fn create(&self, cancel: &CancellationToken) -> Result<Upload, RunError> {
        let upload_id =
            self.store.create_multipart(&self.path()?).await.map_err(|error| self.explain(error))?;
        fault::point("upload.begun");
        // A note would make the folder anew that a cancelled run has removed.
        self.unless_cancelled(cancel, upload_id.clone()).await?;
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        let (upload, folder) = (Upload { bucket, key, upload_id }, self.folder.clone());
        let noted = blocking(move || {
            note(&folder, &upload).map_err(|error| failed("note an upload in", &folder, &error))?;
            fault::point("upload.noted");
            Ok(upload)
        });
        noted.await.map_err(|error| error.of_destination())
    }

    /// Uploads a file and removes it.
    pub(super) async fn upload_file(
        self,
        file: PathBuf,
        cancel: &CancellationToken,
    ) -> Result<CommitStep, RunError> {
        let (path, upload) = (self.path()?, self.begin(cancel).await?);
        let mut open = fs::File::open(&file).map_err(|error| unread(&file, &error))?;
        let (mut parts, mut bytes) = (Vec::new(), 0);
        loop {
            let (mut part, size) = (Vec::new(), part_size(parts.len()) as u64);
            let read = tokio::task::spawn_blocking(move || {
                (&mut open).take(size).read_to_end(&mut part).map(|_| (open, part))
            });
            let read = read.await.map_err(ended_early)?;
            let part;
            (open, part) = read.map_err(|error| unread(&file, &error))?;
            // An object without content has one part without any.
            if part.is_empty() && !parts.is_empty() {
                break;
            }
            let (length, index) = (part.len() as u64, parts.len());
            let put = self.store.put_part(&path, &upload.upload_id, index, PutPayload::from(part)).await;
            parts.push(put.map_err(|error| self.explain(error))?.content_id);
            fault::point("part.arrived");
            bytes += length;
            if length < size {
                break;
            }
        }
        drop(open);
        let removed = fs::remove_file(&file);
        removed.map_err(|error| failed("remove", &file, &error).of_destination())?;
        let Upload { bucket, key, upload_id } = upload;
        Ok(CommitStep::CompleteUpload { bucket, key, upload_id, parts, bytes })
    }
}

fn unread(file: &Path, error: &io::Error) -> RunError {
    failed("read", file, error).of_destination()
}

fn ended_early(error: tokio::task::JoinError) -> RunError {
    RunError::Internal(format!("an upload ended early: {error}"))
}

fn note(folder: &Path, upload: &Upload) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = fs::File::options().create(true).append(true).open(folder.join(UPLOADS))?;
    let mut line = serde_json::to_vec(upload)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_all()?;
    sync_folder(folder)
}

/// Waits for the network on the encoding thread, until somebody cancels.
fn wait<T>(
    handle: &Handle,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, RunError> {
    handle.block_on(async { cancel.run_until_cancelled(work).await }).ok_or(RunError::Cancelled)
}

/// A multipart upload with one part in flight while the next is filled.
pub(super) struct Uploading {
    target: Target,
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
    /// Begins an upload.
    pub(super) fn begin(
        target: Target,
        handle: &Handle,
        cancel: &CancellationToken,
    ) -> Result<Self, RunError> {
        Ok(Self {
            upload: wait(handle, cancel, target.begin(cancel))??,
            path: target.path()?,
            target,
            buffer: Vec::new(),
            parts: Vec::new(),
            in_flight: None,
            bytes: 0,
            cancel: cancel.clone(),
            handle: handle.clone(),
        })
    }

    fn part_size(&self) -> usize {
        part_size(self.parts.len())
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), RunError> {
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
        let (store, path, id) = (self.target.store.clone(), self.path.clone(), self.upload.upload_id.clone());
        let index = self.parts.len();
        self.in_flight = Some(
            self.handle.spawn(async move { store.put_part(&path, &id, index, PutPayload::from(part)).await }),
        );
        Ok(())
    }

    fn arrive(&mut self) -> Result<(), RunError> {
        let Some(mut in_flight) = self.in_flight.take() else { return Ok(()) };
        let arrived = wait(&self.handle, &self.cancel, &mut in_flight).inspect_err(|_| in_flight.abort())?;
        let part = arrived.map_err(ended_early)?.map_err(|error| self.target.explain(error))?;
        self.parts.push(part.content_id);
        fault::point("part.arrived");
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<CommitStep, RunError> {
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

/// Files on their way to an endpoint, a few at once.
pub(super) struct Queue {
    under_way: VecDeque<JoinHandle<Result<CommitStep, RunError>>>,
    done: Vec<CommitStep>,
    cancel: CancellationToken,
    handle: Handle,
}

impl Queue {
    pub(super) fn new(handle: &Handle, cancel: &CancellationToken) -> Self {
        let (under_way, done) = (VecDeque::new(), Vec::new());
        Self { under_way, done, cancel: cancel.child_token(), handle: handle.clone() }
    }

    /// Begins to upload a file; waits for an earlier one if there are enough.
    pub(super) fn push(&mut self, target: Target, file: PathBuf) -> Result<(), RunError> {
        if self.under_way.len() >= AT_ONCE {
            self.arrive()?;
        }
        let cancel = self.cancel.clone();
        self.under_way.push_back(self.handle.spawn(async move {
            cancel.run_until_cancelled(target.upload_file(file, &cancel)).await.ok_or(RunError::Cancelled)?
        }));
        Ok(())
    }

    fn arrive(&mut self) -> Result<(), RunError> {
        if let Some(next) = self.under_way.pop_front() {
            self.done.push(self.handle.block_on(next).map_err(ended_early)??);
        }
        Ok(())
    }

    /// Waits for all; the steps in the order of the files.
    pub(super) fn finish(mut self) -> Result<Vec<CommitStep>, RunError> {
        while !self.under_way.is_empty() {
            self.arrive()?;
        }
        Ok(std::mem::take(&mut self.done))
    }
}

impl Drop for Queue {
    /// What is under way is left off; an upload that is just being begun is
    /// aborted by the task that begins it.
    fn drop(&mut self) {
        self.cancel.cancel();
        for left in self.under_way.drain(..) {
            drop(self.handle.block_on(left));
        }
    }
}
