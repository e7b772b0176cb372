//! Runs (executions) of a flow: what is queued, what they did, how they ended.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flow::OutputFormat;
use crate::id::{ExecutionId, FlowName};
use crate::schedule::{DueTicks, PullMode, PullWindow};

/// What a run is doing. The wire knows no "queued": a queued run and one that
/// publishes are told as `InProgress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// Waiting for a worker.
    Queued,
    /// A worker holds its lease and reads, computes and uploads.
    Running,
    /// Everything is uploaded and the commit list is recorded; whoever holds
    /// the lease completes the list, and nobody starts the run again.
    Publishing,
    /// Ended well.
    Successful,
    /// Ended with an error; nothing of it is visible.
    Error,
    /// Somebody asked to cancel it, and it has not stopped yet.
    CancelStarted,
    /// Ended because somebody cancelled it.
    Canceled,
}

impl RunStatus {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Publishing,
        Self::Successful,
        Self::Error,
        Self::CancelStarted,
        Self::Canceled,
    ];

    /// The spelling in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Publishing => "Publishing",
            Self::Successful => "Successful",
            Self::Error => "Error",
            Self::CancelStarted => "CancelStarted",
            Self::Canceled => "Canceled",
        }
    }

    /// The wire's spelling (`ExecutionStatus`).
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Queued | Self::Running | Self::Publishing => "InProgress",
            ended => ended.as_str(),
        }
    }

    /// Reads the store's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the run has ended.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Successful | Self::Error | Self::Canceled)
    }
}

/// What a run counted; at the end of a successful run the records read are
/// those written, filtered, dropped and failed together; see [`crate::connector::Progress`] for the meanings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the meanings are those of `Progress`")]
pub struct RunCounts {
    pub records_read: u64,
    pub records_processed: u64,
    pub records_filtered: u64,
    pub records_dropped: u64,
    pub records_failed: u64,
    pub records_written: u64,
    pub bytes_processed: u64,
    pub bytes_written: u64,
    pub files_written: u64,
    pub parallel_processes: u64,
    pub max_page_size: u64,
    pub files_read: u64,
    /// Sentences about how the run went, such as why pages were read in turn.
    pub notes: Vec<String>,
    /// What was registered in a data catalog, or was not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub catalog: Vec<CatalogDetail>,
}

/// Who asked for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RunTrigger {
    /// A person or a program, by StartFlow.
    #[default]
    OnDemand,
    /// The flow's schedule.
    Scheduled,
    /// The source.
    Event,
}

impl RunTrigger {
    /// The wire's spelling (`TriggerType`), which is also the store's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "OnDemand",
            Self::Scheduled => "Scheduled",
            Self::Event => "Event",
        }
    }

    /// Reads that spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::OnDemand, Self::Scheduled, Self::Event].into_iter().find(|trigger| trigger.as_str() == text)
    }
}

/// What was asked of one run only, beside what the flow says: an extension of
/// the service's StartFlow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunOptions {
    /// Pull the records of this window; it moves no cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<PullWindow>,
    /// Filter tasks, as they stand on the wire, that hold for this run as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Value>,
    /// Pull like this, whatever the flow's schedule says. An incremental run
    /// without filters of its own moves the flow's cursor as a scheduled one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<PullMode>,
}

/// How far a flow has pulled: where its next incremental run goes on. It moves
/// only together with the records that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlowCursor {
    /// The end of the last successful run's window, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_end_ms: Option<i64>,
    /// The source's own cursor, in the connector's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_link: Option<String>,
}

/// A run as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its identifier; part of the output's keys.
    pub id: ExecutionId,
    /// The flow.
    pub flow: FlowName,
    /// Who asked for it.
    pub trigger: RunTrigger,
    /// The ticks that it stands for, if the schedule asked for it.
    pub ticks: Option<DueTicks>,
    /// The window that it pulls, once it has begun and if it has one.
    pub window: Option<PullWindow>,
    /// What was asked of this run only.
    pub options: RunOptions,
    /// The number of the last event in the flow's inbox that it takes, once it
    /// has begun and if it takes any: the same for all attempts.
    pub event_mark: Option<i64>,
    /// What it is doing.
    pub status: RunStatus,
    /// How many times a worker has taken it: the fencing number of its lease.
    pub attempt: u32,
    /// Epoch milliseconds at which it was asked for.
    pub started_at_ms: i64,
    /// Epoch milliseconds of its last change.
    pub updated_at_ms: i64,
    /// What it counted so far.
    pub counts: RunCounts,
    /// The error in full, if it ended with one.
    pub error: Option<String>,
    /// The commit list, while the run publishes.
    pub commit: Option<CommitList>,
}

/// The objects of a run that are uploaded and not yet visible (promise 3).
/// Completing it is idempotent: whoever takes over a publishing run completes
/// it from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitList {
    /// In the order in which they become visible.
    pub steps: Vec<CommitStep>,
    /// What the output is like, if a catalog wants to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputShape>,
}

/// What a run's output is like: what a data catalog tells its readers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputShape {
    /// The version of the flow's schema that the run had.
    pub schema_version: u32,
    /// The bucket.
    pub bucket: String,
    /// The format of the files.
    pub format: OutputFormat,
    /// The columns of the files, in their order.
    pub columns: Vec<OutputColumn>,
    /// The folder of all runs of this schema version; no slash at its end.
    pub base: String,
    /// The folder of the run's files, or of its partitions.
    pub folder: String,
    /// What the folders between the two stand for, such as `year`.
    pub path_keys: Vec<String>,
    /// The fields whose values are folders below that, from the outermost.
    pub keys: Vec<String>,
    /// The folders of the partitions, `Key=value/…`, as they are spelled.
    pub partitions: Vec<String>,
}

/// A column of a run's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputColumn {
    /// The field of the destination.
    pub name: String,
    /// Its type in the words of Hive, which catalogs use.
    pub hive_type: String,
}

/// What became of one table of a data catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CatalogDetail {
    /// The table.
    pub table: String,
    /// What became of the table itself.
    pub tables: Registration,
    /// What became of its partitions.
    pub partitions: Registration,
}

/// What became of a registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Registration {
    /// How many things were created or updated.
    pub count: u64,
    /// Why it did not succeed, if so.
    pub error: Option<String>,
}

/// One step that makes output visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum CommitStep {
    /// A local bucket: a staged folder (or file) is renamed into its place.
    Rename {
        /// The bucket.
        bucket: String,
        /// Where it lies, relative to the bucket's staging area.
        from: String,
        /// The key (or key prefix) that it becomes.
        to: String,
    },
    /// An S3 endpoint: a multipart upload is completed.
    CompleteUpload {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The upload's id.
        upload_id: String,
        /// The tags of the parts, in order.
        parts: Vec<String>,
        /// The object's length in bytes, which tells a completed upload apart
        /// from a lost one.
        bytes: u64,
    },
}
