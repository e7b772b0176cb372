//! One execution of a flow, as one story: open, lower, stream, stage; later
//! publish, or discard.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::optimizer::Optimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt as _;
use tidegate_core::connector::{Progress, Scan};
use tidegate_core::flow::{FileCount, FlowSpec, OutputFormat, SourceSpec};
use tidegate_core::run::CommitList;
use tidegate_core::task::{OnMissingField, Task};
use tidegate_core::{ExecutionId, fault};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::RunError;
use crate::files::buckets::{BucketError, Buckets};
use crate::files::events_in::{self, EventSource};
use crate::files::layout::Layout;
use crate::files::source::Wanted;
use crate::files::stage::{Errors, Message, Place, Stage};
use crate::files::{key, publish, source};
use crate::plan::{self, Execution, Rows};
use crate::table::ahead;
use crate::tasks::{self, Typing};

/// Rows of a batch between the plan's operators.
const BATCH_ROWS: usize = 8_192;
/// Batches that wait for the encoding thread: while a row group is compressed
/// and written, the plan shall find something to do.
const BATCHES_TO_ENCODE: usize = 6;

/// Fields of a source's records, all together, that a run takes at most: the
/// time to plan them grows with their square.
const MOST_FIELDS: usize = 10_000;

/// What an engine works with.
#[derive(Debug)]
pub struct EngineConfig {
    /// The buckets of sources and destinations.
    pub buckets: Buckets,
    /// The staging area; for local buckets it must lie on their file system,
    /// beside them: `<data-dir>/s3/.staging`.
    pub staging: PathBuf,
    /// Memory, in bytes, that the operators of all runs may hold together. A
    /// run's own buffers (about 60 MiB at most, 120 MiB with many partitions)
    /// come on top.
    pub memory_limit: usize,
}

/// The engine: it stages, publishes and discards the output of runs.
#[derive(Debug, Clone)]
pub struct Engine {
    buckets: Arc<Buckets>,
    staging: Arc<PathBuf>,
    session: Arc<Session>,
}

/// DataFusion's context, which has no Debug of its own.
struct Session(SessionContext);

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a DataFusion session")
    }
}

/// Which run it is, and which attempt at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunIdentity {
    /// The execution; part of the output's keys.
    pub execution: ExecutionId,
    /// The number of the attempt, from 1: its staged files are its own.
    pub attempt: u32,
    /// Epoch milliseconds at which the run was asked for; part of keys, the
    /// same for all attempts.
    pub started_at_ms: i64,
}

/// Where a run's records come from.
pub enum SourceInput {
    /// A connector's scan. It counts what it reads in the run's progress.
    Scan(Scan),
    /// The files that the flow's source names; the engine reads them.
    Files,
    /// What was delivered to the flow.
    Events(EventSource),
}

/// What a flow wants of its source's lines.
fn wanted(spec: &FlowSpec) -> Wanted {
    if spec.tasks.contains(&Task::Passthrough) {
        return Wanted::Lines;
    }
    let request = plan::read_request(spec);
    Wanted::Fields { names: request.fields, skip_missing: request.skip_missing }
}

impl Engine {
    /// An engine over buckets.
    ///
    /// # Errors
    ///
    /// The operators' runtime cannot be made.
    pub fn new(config: EngineConfig) -> Result<Self, RunError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(config.memory_limit)))
            .build_arc()?;
        // One partition: a run is a pipeline whose two ends already have a
        // thread each, and rows keep the source's order.
        let settings = SessionConfig::new().with_target_partitions(1).with_batch_size(BATCH_ROWS);
        // Filters that no record can pass must not take the source out of the plan: what
        // a run has read and left out is part of its record.
        let mut rules = Optimizer::new().rules;
        rules.retain(|rule| rule.name() != "eliminate_filter");
        let state = SessionStateBuilder::new()
            .with_config(settings)
            .with_runtime_env(runtime)
            .with_optimizer_rules(rules)
            .build();
        Ok(Self {
            buckets: Arc::new(config.buckets),
            staging: Arc::new(config.staging),
            session: Arc::new(Session(SessionContext::new_with_state(state))),
        })
    }

    /// The buckets, for the checks of CreateFlow.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Reads, computes and stages: when it returns, everything is written and
    /// synced and nothing is visible. A run without records stages nothing and
    /// gives an empty list. On an error nothing of the attempt stays behind.
    ///
    /// Staged output of earlier attempts at the run is cleared away first.
    /// Cancelling ends the work within about a second.
    ///
    /// # Errors
    ///
    /// [`RunError`]; its text is the run's record.
    pub async fn stage(
        &self,
        spec: &FlowSpec,
        source: SourceInput,
        run: &RunIdentity,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> Result<CommitList, RunError> {
        let result = self.try_stage(spec, source, run, progress, cancel).await;
        if result.is_err()
            && let Err(error) = self.discard(run).await
        {
            tracing::warn!(execution = %run.execution, %error, "staged output could not be cleared away");
        }
        result
    }

    async fn try_stage(
        &self,
        spec: &FlowSpec,
        source: SourceInput,
        run: &RunIdentity,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> Result<CommitList, RunError> {
        let opening = self.open(spec, source, run, &progress);
        let Some(opened) = cancel.run_until_cancelled(opening).await.ok_or(RunError::Cancelled)?? else {
            return Ok(CommitList::default());
        };
        let (mut execution, mut stage) = opened;
        fault::point("source.opened");
        stage.cancel = cancel.clone();
        let (to_stage, batches) = mpsc::channel(BATCHES_TO_ENCODE);
        let staging = tokio::task::spawn_blocking(move || stage.run(batches));

        let pump = async {
            while let Some(rows) = execution.rows.next().await {
                let Rows { good, failed } = rows?;
                fault::point("batch.read");
                let written = good.num_rows() as u64;
                if !failed.is_empty() && to_stage.send(Message::Failed(failed)).await.is_err() {
                    return Ok(());
                }
                if to_stage.send(Message::Batch(good)).await.is_err() {
                    // The encoding thread has ended; it has the reason.
                    return Ok(());
                }
                Progress::add(&progress.records_written, written);
                let processed =
                    Progress::get(&progress.records_written) + Progress::get(&progress.records_failed);
                Progress::raise(&progress.records_processed, processed);
            }
            Progress::add(&progress.records_filtered, execution.filtered());
            drop(to_stage.send(Message::End).await);
            Ok(())
        };
        let pumped: Result<(), RunError> =
            cancel.run_until_cancelled(pump).await.unwrap_or(Err(RunError::Cancelled));
        drop((to_stage, execution));
        // The thread is waited for in any case: what it staged is cleared
        // away only when it writes no more.
        let staged = staging
            .await
            .map_err(|error| RunError::Internal(format!("the encoding thread ended early: {error}")))?;
        let list = pumped.and(staged)?;
        fault::point("output.staged");
        if !progress.adds_up() {
            // Nothing is visible yet, and a result that nobody can account for shall never be.
            return Err(RunError::Internal(format!("the counts of the run do not add up: {progress:?}")));
        }
        Ok(list)
    }

    /// Everything up to the first record. `None` when there is nothing to read.
    async fn open(
        &self,
        spec: &FlowSpec,
        source: SourceInput,
        run: &RunIdentity,
        progress: &Arc<Progress>,
    ) -> Result<Option<(Execution, Stage)>, RunError> {
        let layout = Layout::new(spec, &run.execution, run.started_at_ms);
        if let Some(why) = key::unusable(&layout.key("", 1)) {
            return Err(RunError::Destination(format!(
                "The output's key {:?} cannot be used: {why}",
                layout.key("", 1)
            )));
        }
        let place = self.place(&spec.destination.bucket).await?;
        let errors = match &spec.errors.bucket {
            None => None,
            Some(bucket) => Some(Errors {
                place: self.place(bucket).await?,
                bucket: bucket.clone(),
                key: key::join([
                    spec.errors.prefix.as_str(),
                    spec.name.as_str(),
                    "errors",
                    run.execution.as_str(),
                ]),
            }),
        };
        let is_older = |attempt| attempt <= run.attempt;
        // It would be a pity about the run: its end, and each start of the server, try again.
        if let Err(error) =
            publish::discard(&self.buckets, &self.staging, &run.execution, is_older, &CommitList::default())
                .await
        {
            tracing::warn!(execution = %run.execution, %error, "what earlier attempts have staged could not be cleared away");
        }
        let mut policies = spec.policies;
        let (schema, parts, typing) = match (source, &spec.source) {
            (SourceInput::Scan(scan), _) => {
                // Each batch of a scan is a page.
                let pages = scan.batches.zip(futures::stream::iter(1..));
                let parts = pages.map(|(batch, number)| Ok((number, batch?))).boxed();
                (scan.schema, ahead(parts), Typing::Typed)
            }
            (SourceInput::Events(events), _) => {
                // An event tells what has changed, and which events share a run is chance.
                policies.on_missing_field = OnMissingField::Null;
                match events_in::open(&events, wanted(spec), progress.clone()).await? {
                    Some(source::Records { schema, parts, typing }) => (schema, parts, typing),
                    None => return Ok(None),
                }
            }
            (SourceInput::Files, SourceSpec::S3(files)) => {
                match source::open(self.buckets.clone(), files, wanted(spec), progress.clone()).await? {
                    Some(source::Records { schema, parts, typing }) => (schema, parts, typing),
                    None => return Ok(None),
                }
            }
            (SourceInput::Files, SourceSpec::Connection { .. } | SourceSpec::Events { .. }) => {
                return Err(RunError::Internal(
                    "a flow that reads no files was started without its records".to_owned(),
                ));
            }
        };
        if schema.fields().len() > MOST_FIELDS {
            return Err(RunError::Task(format!(
                "The source's records have {} fields together, and a run takes {MOST_FIELDS} at most. Name the fields \
                 that are wanted in a projection, or have the source nest them",
                schema.fields().len()
            )));
        }
        let types_moments = spec.destination.format == OutputFormat::Parquet
            && spec.destination.preserve_source_data_typing == Some(true);
        let options = plan::Options {
            has_error_file: spec.errors.bucket.is_some(),
            tell_parts: layout.files == FileCount::PerInput,
        };
        let (session, tasks, progress_of_plan) = (self.session.clone(), spec.tasks.clone(), progress.clone());
        let handle = Handle::current();
        // Planning thousands of fields takes a second: calls of the API do not wait for it.
        let planned = tokio::task::spawn_blocking(move || {
            let mut lowered = tasks::lower(&tasks, policies, &schema, typing)?;
            if types_moments {
                lowered.type_moments();
            }
            let partition = lowered.partition.clone();
            let plan = plan::execute(&session.0, schema, parts, lowered, progress_of_plan, options);
            handle.block_on(plan).map(|execution| (execution, partition))
        });
        let planned = planned.await;
        let (execution, partition) = planned
            .map_err(|error| RunError::Internal(format!("the planning thread ended early: {error}")))??;
        let name = publish::attempt_name(&run.execution, run.attempt);
        let stage = Stage {
            place,
            errors,
            layout,
            destination: spec.destination.clone(),
            columns: execution.columns.clone(),
            partition,
            folder: self.staging.join(&name),
            name,
            progress: progress.clone(),
            cancel: CancellationToken::new(),
            handle: Handle::current(),
        };
        Ok(Some((execution, stage)))
    }

    /// Where output for a bucket is staged.
    async fn place(&self, bucket: &str) -> Result<Place, RunError> {
        match self.buckets.as_ref() {
            Buckets::Local(_) => {
                self.buckets.check(bucket).await.map_err(|error| error.of_destination())?;
                Ok(Place::Local)
            }
            Buckets::S3(s3) => {
                match self.buckets.check(bucket).await {
                    // Writing does not need the right to list.
                    Ok(()) | Err(BucketError::Refused(_)) => {}
                    Err(error) => return Err(error.of_destination()),
                }
                Ok(Place::S3(s3.store(bucket).map_err(|error| error.of_destination())?))
            }
        }
    }

    /// Makes a run's staged output visible and clears its staging folders
    /// away. It may be called again after a crash at any point, from the
    /// start, and gives the same result.
    ///
    /// # Errors
    ///
    /// [`RunError::Destination`]; what is visible by then stays, and calling
    /// again goes on from there.
    pub async fn publish(&self, execution: &ExecutionId, list: &CommitList) -> Result<(), RunError> {
        publish::publish(&self.buckets, &self.staging, list).await.map_err(|error| error.of_destination())?;
        fault::point("output.visible");
        if let Err(error) = publish::discard(&self.buckets, &self.staging, execution, |_| true, list).await {
            tracing::warn!(%execution, %error, "empty staging folders could not be cleared away");
        }
        fault::point("folders.cleared");
        Ok(())
    }

    /// Clears away what an attempt and those before it have staged; uploads are
    /// aborted. A later one may be at work elsewhere and is left alone. It must
    /// not be called for a run that has begun to publish.
    ///
    /// # Errors
    ///
    /// [`RunError::Destination`]; calling again tries again.
    pub async fn discard(&self, run: &RunIdentity) -> Result<(), RunError> {
        let these = |attempt| attempt <= run.attempt;
        publish::discard(&self.buckets, &self.staging, &run.execution, these, &CommitList::default())
            .await
            .map_err(|error| error.of_destination())
    }

    /// Clears away everything staged but what belongs to the executions that
    /// may still need it: those that have not ended. Meant for the start of a
    /// server that has the staging area for itself.
    ///
    /// # Errors
    ///
    /// [`RunError::Destination`]; calling again tries again.
    pub async fn sweep(&self, unfinished: &[ExecutionId]) -> Result<(), RunError> {
        let attempts = publish::all_attempts(&self.staging).await.map_err(|error| error.of_destination())?;
        for (folder, name) in attempts {
            let owner = name.rsplit_once('-').map_or(name.as_str(), |(owner, _)| owner);
            if !unfinished.iter().any(|execution| execution.as_str() == owner) {
                publish::discard_folder(&self.buckets, folder, &CommitList::default())
                    .await
                    .map_err(|error| error.of_destination())?;
            }
        }
        Ok(())
    }
}
