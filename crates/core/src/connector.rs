//! What a connector is: the traits that each folder of `connectors` implements.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::connection::OpenConnection;
use crate::entity::{EntityField, EntityGroup};
use crate::error::ConnectorError;
use crate::plan::ReadRequest;

/// The arrow field metadata key that marks a text column which holds one JSON
/// value a row, unparsed (Arrow's canonical extension type `arrow.json`).
/// Nested values travel this way, so that nothing of them is lost.
pub const EXTENSION_NAME: &str = "ARROW:extension:name";
/// The value of [`EXTENSION_NAME`] for JSON texts.
pub const JSON_EXTENSION: &str = "arrow.json";
/// The arrow field metadata key that says what the texts of a column stand
/// for, so that filters compare them by value: one of the constants below.
/// Without it texts compare byte by byte.
pub const TEXT_MEANING: &str = "tidegate.text";
/// Of [`TEXT_MEANING`]: JSON numbers of any length; they compare exactly.
pub const NUMBER_TEXT: &str = "number";
/// Of [`TEXT_MEANING`]: GUIDs, which are equal whatever their letters' case.
pub const GUID_TEXT: &str = "guid";
/// Of [`TEXT_MEANING`]: points in time in ISO 8601 and UTC, such as
/// `9999-12-31T23:59:59.999999900Z`: nanoseconds in years that a timestamp of
/// 64 bits does not hold.
pub const MOMENT_TEXT: &str = "moment";

/// What a live check did, in one sentence for people, such as
/// "GET https://host/$metadata answered 200 as user ALICE".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The sentence; it holds no secret.
    pub did: String,
}

/// A connector whose reader exists. Those without one are descriptions only.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Proves that the connection's address answers and accepts its credentials.
    async fn check(&self, connection: &OpenConnection) -> Result<CheckReport, ConnectorError>;

    /// Lists the entities below a path; `None` is the top.
    async fn list_entities(
        &self,
        connection: &OpenConnection,
        path: Option<&str>,
    ) -> Result<Vec<EntityGroup>, ConnectorError>;

    /// Describes the fields of an entity.
    async fn describe_entity(
        &self,
        connection: &OpenConnection,
        entity: &str,
    ) -> Result<Vec<EntityField>, ConnectorError>;

    /// Opens a scan: reads what is needed to know the schema, and returns a
    /// stream that reads the rest as it is polled (that is the back-pressure).
    async fn scan(
        &self,
        connection: &OpenConnection,
        request: ReadRequest,
        progress: Arc<Progress>,
    ) -> Result<Scan, ConnectorError>;

    /// Ends what a flow that followed an entity's changes keeps alive at the
    /// source (a delta queue that fills up with nobody to empty it). It is called
    /// when the flow is deleted, with the cursor of its last successful run;
    /// `None` says that the flow began to follow the changes and has none yet.
    /// A source that keeps nothing does nothing.
    async fn end_subscription(
        &self,
        _connection: &OpenConnection,
        _entity: &str,
        _cursor: Option<&str>,
    ) -> Result<(), ConnectorError> {
        Ok(())
    }
}

/// Where the next run goes on, told by a scan once it has ended whole.
#[derive(Clone, Debug, Default)]
pub struct CursorCell(Arc<OnceLock<String>>);

impl CursorCell {
    /// Tells the cursor; only the first one counts.
    pub fn set(&self, cursor: String) {
        // A second cursor of one scan would be a contradiction; the first is kept.
        let _ = self.0.set(cursor);
    }

    /// The cursor. `None` before the stream has ended, after one that ended with
    /// an error or was dropped, and of a source that has no cursors.
    pub fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// An open scan.
pub struct Scan {
    /// The columns, in the order of the request's fields.
    pub schema: SchemaRef,
    /// For each filter of the request, whether the source evaluates it exactly;
    /// the engine evaluates the others (and may evaluate all).
    pub pushed: Vec<bool>,
    /// Record batches of that schema.
    pub batches: BoxStream<'static, Result<RecordBatch, ConnectorError>>,
    /// Where the next run goes on: filled when `batches` has ended without an
    /// error. Clone it before the stream is handed on, and keep its cursor only
    /// together with the records.
    pub next_cursor: CursorCell,
}

/// What a run has done so far; shared by the source, the engine and whoever
/// watches. Counters only grow.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records that the source has delivered.
    pub records_read: AtomicU64,
    /// Bytes that the source has delivered, as they came (bodies, files).
    pub bytes_read: AtomicU64,
    /// Files that have been read to their end; 0 of a source that has none.
    pub files_read: AtomicU64,
    /// Records that have passed the filters and validations: those written and
    /// those that failed.
    pub records_processed: AtomicU64,
    /// Records that the filters left out; counted when the source has ended.
    pub records_filtered: AtomicU64,
    /// Records that a validation, or a bad value, left out for good.
    pub records_dropped: AtomicU64,
    /// Records that were left out because of a bad value and went to the error
    /// file.
    pub records_failed: AtomicU64,
    /// Records that were handed to the destination.
    pub records_written: AtomicU64,
    /// Bytes that were handed to the destination.
    pub bytes_written: AtomicU64,
    /// Files that were written, the error file apart; they may not be visible yet.
    pub files_written: AtomicU64,
    /// Records that the source expects to deliver, if it knows; 0 otherwise.
    pub records_expected: AtomicU64,
    /// The most pages that were in flight at once.
    pub parallel_processes: AtomicU64,
    /// The most records that one page held.
    pub max_page_size: AtomicU64,
    notes: Mutex<Vec<String>>,
}

impl Progress {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// Raises a counter to at least a value.
    pub fn raise(counter: &AtomicU64, value: u64) {
        counter.fetch_max(value, Ordering::Relaxed);
    }

    /// Reads a counter.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Whether the counts of a run that has ended well add up: every record
    /// read is written, filtered, dropped or failed.
    pub fn adds_up(&self) -> bool {
        let parts =
            [&self.records_written, &self.records_filtered, &self.records_dropped, &self.records_failed];
        Self::get(&self.records_read) == parts.into_iter().map(Self::get).sum::<u64>()
    }

    /// Adds a sentence that the run's record will carry, such as why pages are
    /// read one after the other; the same one twice in a row counts once.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        let mut notes = self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if notes.last() != Some(&text) {
            notes.push(text);
        }
    }

    /// The sentences so far.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
