//! A stream of record batches as a DataFusion table that is read once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::error::RunError;

/// Batches, or pieces of a file, that wait between two tasks.
pub(crate) const WAITING: usize = 2;

/// Batches on their way into a plan.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, RunError>>;

/// Batches of a source with the number of what each belongs to: an object of
/// the run, from 1 in their order, or a page of an application's answer.
pub(crate) type Parts = BoxStream<'static, Result<(u32, RecordBatch), RunError>>;

/// Reads a stream in a task of its own, a few items ahead of whoever takes
/// them, so that reading and computing share the processors. The task ends
/// with the stream.
pub(crate) fn ahead<T: Send + 'static>(
    mut batches: BoxStream<'static, Result<T, RunError>>,
) -> BoxStream<'static, Result<T, RunError>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(batch) = batches.next().await {
            if sender.send(batch).await.is_err() {
                return;
            }
        }
    }));
    let state = (receiver, Some(task));
    let taken = futures::stream::unfold(state, |(mut receiver, mut task)| async move {
        if let Some(batch) = receiver.recv().await {
            return Some((batch, (receiver, task)));
        }
        // A task that broke off is no end of the source.
        let error = task.take()?.await.err()?;
        let error = RunError::Internal(format!("the reading task ended early: {error}"));
        Some((Err(error), (receiver, None)))
    });
    taken.boxed()
}

/// Wraps a stream; the table can be scanned once, which a run does.
pub(crate) fn table(schema: SchemaRef, batches: Batches) -> PlanResult<StreamingTable> {
    let partition = Once { schema: schema.clone(), batches: Mutex::new(Some(batches)) };
    StreamingTable::try_new(schema, vec![Arc::new(partition)])
}

struct Once {
    schema: SchemaRef,
    batches: Mutex<Option<Batches>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream of record batches")
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let taken = self.batches.lock().unwrap_or_else(PoisonError::into_inner).take();
        let batches = taken.unwrap_or_else(|| {
            let error = RunError::Internal("a source was read twice".to_owned());
            futures::stream::iter([Err(error)]).boxed()
        });
        let schema = self.schema.clone();
        let checked = batches.map(move |batch| {
            let batch = batch?;
            if Arc::ptr_eq(&batch.schema(), &schema) {
                return Ok(batch);
            }
            // A source that breaks its own schema is told here, not deep in a kernel.
            RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(|error| {
                DataFusionError::from(RunError::Internal(format!("the source broke its schema: {error}")))
            })
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), checked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_comes_whole_and_in_order_and_a_break_is_told() {
        let schema: SchemaRef = Arc::new(datafusion::arrow::datatypes::Schema::empty());
        let batch = move |rows: usize| {
            let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
            RecordBatch::try_new_with_options(schema.clone(), Vec::new(), &options).map_err(RunError::from)
        };
        let batches: Vec<_> = (1..=9).map(&batch).collect();
        let read = ahead(futures::stream::iter(batches).boxed());
        let rows: Vec<usize> = read.map(|batch| batch.expect("a batch").num_rows()).collect().await;
        assert_eq!(rows, (1..=9).collect::<Vec<_>>());

        let broken = futures::stream::iter([1, 0]).map(move |rows| batch(1 / rows)).boxed();
        let read: Vec<_> = ahead(broken).collect().await;
        assert_eq!(read.len(), 2);
        assert!(matches!(&read[1], Err(RunError::Internal(text)) if text.contains("ended early")));
    }
}
