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

use crate::error::RunError;

/// Batches on their way into a plan.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, RunError>>;

/// Batches of a source with the number of what each belongs to: an object of
/// the run, from 1 in their order, or a page of an application's answer.
pub(crate) type Parts = BoxStream<'static, Result<(u32, RecordBatch), RunError>>;

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
