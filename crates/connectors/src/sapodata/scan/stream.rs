//! The stream between the task that reads and whoever consumes.

use std::future::Future;

use arrow_array::RecordBatch;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tidegate_core::{ConnectorError, ConnectorErrorKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many batches wait between the two; with more, reading pauses.
const WAITING: usize = 2;
/// The most rows of one batch.
const MAX_ROWS: usize = 8_192;

/// Where a reader puts its batches.
#[derive(Clone)]
pub(super) struct Out(mpsc::Sender<RecordBatch>);

impl Out {
    /// Hands over a batch, in parts of at most 8,192 rows, and waits while the
    /// consumer is behind. An error means that nobody consumes any more.
    pub(super) async fn send(&self, batch: &RecordBatch) -> Result<(), ConnectorError> {
        let mut from = 0;
        while from < batch.num_rows() {
            let rows = (batch.num_rows() - from).min(MAX_ROWS);
            let part = batch.slice(from, rows);
            self.0.send(part).await.map_err(|_| {
                ConnectorError::new(ConnectorErrorKind::Cancelled, "nobody reads the records any more")
            })?;
            from += rows;
        }
        Ok(())
    }
}

/// A task that ends when its handle is dropped.
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// What it came to. A task that panicked is an error, never an end of data.
    pub(super) async fn join(&mut self) -> Result<T, ConnectorError> {
        (&mut self.0).await.map_err(|error| {
            ConnectorError::new(
                ConnectorErrorKind::BadAnswer,
                format!("reading stopped unexpectedly: {error}"),
            )
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a reader in a task of its own; its batches, then its error if it has
/// one, are the stream. Dropping the stream ends the task.
pub(super) fn start<F>(read: impl FnOnce(Out) -> F) -> BoxStream<'static, Result<RecordBatch, ConnectorError>>
where
    F: Future<Output = Result<(), ConnectorError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    let task = Task::spawn(read(Out(sender)));
    stream::unfold(Some((receiver, task)), |state| async move {
        let (mut receiver, mut task) = state?;
        if let Some(batch) = receiver.recv().await {
            return Some((Ok(batch), Some((receiver, task))));
        }
        match task.join().await.and_then(|end| end) {
            Ok(()) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}
