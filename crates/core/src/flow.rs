//! What a flow is to the engine: where from, where to, and the tasks between.

use serde::{Deserialize, Serialize};

use crate::connection::ConnectorType;
use crate::id::{ConnectionName, FlowName};
use crate::schedule::PullWindow;
use crate::task::{OnBadValue, Policies, Task};

/// A flow, ready to run. It is derived from the definition as the caller sent
/// it; the definition itself is what is stored and described.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSpec {
    /// The flow's name; part of every output key.
    pub name: FlowName,
    /// From 1; one more after each change of the mapping.
    pub schema_version: u32,
    /// Where the records come from.
    pub source: SourceSpec,
    /// Where they go.
    pub destination: S3Destination,
    /// What happens between, in the order in which it was sent.
    pub tasks: Vec<Task>,
    /// What becomes of values that do not convert and of missing fields.
    pub policies: Policies,
    /// Where records go that are left out because of a value.
    pub errors: ErrorHandling,
}

impl FlowSpec {
    /// The source fields that the tasks name and that are not among `known`,
    /// each once, in the order of the tasks.
    pub fn unknown_fields(&self, known: &[&str]) -> Vec<&str> {
        let mut fields = crate::task::source_fields(&self.tasks);
        fields.retain(|field| !known.contains(field));
        fields
    }
}

/// `errorHandlingConfig`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorHandling {
    /// `bucketName`; without one no error file is written.
    pub bucket: Option<String>,
    /// `bucketPrefix`, as it was sent.
    pub prefix: String,
    /// `failOnFirstDestinationError`
    pub fail_on_first: bool,
}

impl ErrorHandling {
    /// The tag that names the error file's bucket, or bucket and prefix
    /// (`bucket/prefix`): a destination in S3 has no `errorHandlingConfig`.
    pub const TAG: &'static str = "tidegate:error-bucket";

    /// Reads the value of [`Self::TAG`].
    pub fn from_tag(value: &str) -> Self {
        let (bucket, prefix) = value.split_once('/').unwrap_or((value, ""));
        Self {
            bucket: (!bucket.is_empty()).then(|| bucket.to_owned()),
            prefix: prefix.to_owned(),
            fail_on_first: false,
        }
    }

    /// What becomes of a bad value when the flow does not say: the record goes
    /// to the error file if there is one to go to, and else the run ends.
    pub const fn default_for_bad_values(&self) -> OnBadValue {
        if self.fail_on_first || self.bucket.is_none() { OnBadValue::Fail } else { OnBadValue::Drop }
    }
}

/// A flow's source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSpec {
    /// An application behind a connection.
    Connection {
        /// The connector.
        connector_type: ConnectorType,
        /// The connection that opens it.
        connection: ConnectionName,
        /// The entity, in the connector's words.
        entity: String,
        /// `paginationConfig.maxPageSize`
        page_size: Option<u32>,
        /// `parallelismConfig.maxParallelism`
        parallelism: Option<u32>,
    },
    /// Files below a prefix of a bucket.
    S3(S3Source),
    /// Whatever is delivered to the flow; the source itself is not asked.
    Events {
        /// The connector whose events they are.
        connector_type: ConnectorType,
        /// The connection that the flow names, where its type has connections.
        connection: Option<ConnectionName>,
        /// What they are about, in the connector's words.
        entity: String,
    },
}

/// Files as a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Source {
    /// The bucket.
    pub bucket: String,
    /// The prefix, as it was sent.
    pub prefix: String,
    /// `s3InputFileType`; CSV when it is absent.
    pub format: InputFormat,
    /// Of an incremental run: only objects that were last changed in this
    /// window. `None` in a flow's definition.
    pub changed: Option<PullWindow>,
}

/// `s3InputFileType`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InputFormat {
    /// With a header row.
    #[default]
    Csv,
    /// JSON Lines.
    Json,
}

/// Files as a destination.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct S3Destination {
    /// The bucket.
    pub bucket: String,
    /// The prefix, as it was sent.
    pub prefix: String,
    /// `fileType`; JSON when it is absent.
    pub format: OutputFormat,
    /// `preserveSourceDataTyping`: Parquet keeps types when true, and holds
    /// texts only when false or absent.
    pub preserve_source_data_typing: Option<bool>,
    /// `prefixConfig`
    pub layout: Layout,
    /// `aggregationConfig`
    pub aggregation: Aggregation,
    /// Whether the output is registered in a data catalog.
    pub is_cataloged: bool,
}

/// `fileType`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OutputFormat {
    /// RFC 4180 with a header row.
    Csv,
    /// One JSON object a line.
    #[default]
    Json,
    /// Apache Parquet.
    Parquet,
}

/// `prefixConfig`: what stands between the flow's name and the file's.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Layout {
    /// `prefixType`
    pub prefix_type: Option<PrefixType>,
    /// `prefixFormat`
    pub prefix_format: Option<PrefixFormat>,
    /// `pathPrefixHierarchy`, in the order in which it was sent.
    pub hierarchy: Vec<PathPrefix>,
}

/// `prefixType`: where the run's time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixType {
    /// Into the file's name.
    Filename,
    /// Into the path.
    Path,
    /// Into both.
    PathAndFilename,
}

/// `prefixFormat`: how fine the run's time is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PrefixFormat {
    Year,
    Month,
    Day,
    Hour,
    Minute,
}

/// `pathPrefixHierarchy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPrefix {
    /// `EXECUTION_ID`
    ExecutionId,
    /// `SCHEMA_VERSION`
    SchemaVersion,
}

/// `aggregationConfig`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Aggregation {
    /// `aggregationType` is `SingleFile`.
    pub single_file: bool,
    /// `aggregationType` is `None`, which is more than no type at all.
    pub per_input: bool,
    /// `targetFileSize`, in MB.
    pub target_file_size_mb: Option<u64>,
}

/// How a run's records are parted into files, within each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCount {
    /// One file, whatever its size.
    One,
    /// Files of about so many bytes.
    OfSize(u64),
    /// One for each input file, or page of an application's answer.
    PerInput,
}

impl Aggregation {
    /// What the two settings say together. AppFlow knows a target size only
    /// beside `None`. Without any setting it is one file.
    pub const fn files(self) -> FileCount {
        match self {
            Self { single_file: true, .. } => FileCount::One,
            Self { target_file_size_mb: Some(size), .. } => FileCount::OfSize(size.saturating_mul(1 << 20)),
            Self { per_input: true, .. } => FileCount::PerInput,
            _ => FileCount::One,
        }
    }
}

/// What a flow may be doing (`FlowStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the model's")]
pub enum FlowStatus {
    Active,
    Deprecated,
    Deleted,
    Draft,
    Errored,
    Suspended,
}

impl FlowStatus {
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Deprecated => "Deprecated",
            Self::Deleted => "Deleted",
            Self::Draft => "Draft",
            Self::Errored => "Errored",
            Self::Suspended => "Suspended",
        }
    }

    /// Reads the wire's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Deprecated, Self::Deleted, Self::Draft, Self::Errored, Self::Suspended]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}
