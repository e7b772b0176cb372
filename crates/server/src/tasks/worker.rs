//! Takes runs from the queue and carries them out, a bounded number at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use parking_lot::Mutex;
use tidegate_core::connector::{CursorCell, Progress};
use tidegate_core::flow::SourceSpec;
use tidegate_core::run::{CatalogDetail, CommitList, RunCounts, RunStatus, RunTrigger};
use tidegate_core::schedule::DueTicks;
use tidegate_core::{Connection, FlowName, fault};
use tidegate_engine::{EventSource, RunError, RunIdentity, SourceInput};
use tidegate_store::{ClaimedRun, Ending, Lease, Signal, StoreError, Work};
use tidegate_wire as wire;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pull::{Plan, Pull};
use crate::app::App;
use crate::catalog;
use crate::convert::{now_ms, schedule, timestamp};
use crate::error::ApiError;
use crate::health;
use crate::metrics::Took;
use crate::server::explain;

/// How long a run stays a worker's without a sign of life from it.
const LEASE: Duration = Duration::from_secs(30);

/// How often the sign is given, and the counters with it.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How often to look for runs that another process queued or lost.
const LOOK: Duration = Duration::from_secs(1);

/// How long runs under way may take after the server was told to stop, before
/// they are given back to the queue.
const DRAIN: Duration = Duration::from_secs(10);

/// The longest time between two tries to publish.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often a run is taken up. One that has outlived so many workers would
/// outlive the next one, too.
const MAX_ATTEMPTS: u32 = 20;

/// After so many runs in a row that failed, an event flow is suspended, and so
/// refuses events: for more than three hours none was published. AppFlow does
/// not say after how many.
const EVENT_ERRORS: u32 = 20;

/// [`LEASE`], but where a test wants runs to change hands sooner.
fn lease() -> Duration {
    fault::number("lease.ms").map_or(LEASE, Duration::from_millis)
}

/// [`HEARTBEAT`], likewise.
fn heartbeat() -> Duration {
    fault::number("heartbeat.ms").map_or(HEARTBEAT, Duration::from_millis)
}

/// [`DRAIN`], likewise.
fn drain() -> Duration {
    fault::number("drain.ms").map_or(DRAIN, Duration::from_millis)
}

/// [`EVENT_ERRORS`], likewise.
fn event_errors() -> u32 {
    fault::number("event.errors").and_then(|number| u32::try_from(number).ok()).unwrap_or(EVENT_ERRORS)
}

/// Removes what runs have staged that are gone or over. The data folder is
/// this server's alone, so nobody else's work is touched.
async fn sweep(app: &App) {
    match app.store.queue().unfinished().await {
        Ok(unfinished) => {
            if let Err(error) = app.engine.sweep(&unfinished).await {
                tracing::warn!(%error, "Some staged output of earlier runs could not be removed.");
            }
        }
        Err(error) => {
            tracing::warn!(error = explain(&error), "Staged output of earlier runs is not looked at.")
        }
    }
}

/// Works until the server stops.
pub async fn run(app: Arc<App>, at_once: usize) {
    match app.store.queue().end_leases().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "Runs of an earlier process are taken up again."),
        Err(error) => tracing::warn!(
            error = explain(&error),
            "Runs of an earlier process wait for their leases to end."
        ),
    }
    sweep(&app).await;
    let worker = format!("{}-{}", std::process::id(), uuid::Uuid::new_v4());
    let places = Arc::new(Semaphore::new(at_once));
    // Cancelled when the time to drain is over.
    let hurry = CancellationToken::new();
    let mut runs = JoinSet::new();
    while !app.stopping.is_cancelled() {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place.expect("the semaphore is never closed"),
            () = app.stopping.cancelled() => break,
        };
        // Made before the queue is looked at, so that no run slips between.
        let queue = app.store.queue();
        let changed = queue.changed();
        let wait = match queue.claim(&worker, millis(lease())).await {
            Ok(Some(claimed)) => {
                let (app, hurry) = (Arc::clone(&app), hurry.clone());
                runs.spawn(async move {
                    carry_out(&app, claimed, &hurry).await;
                    drop(place);
                });
                while runs.try_join_next().is_some() {}
                continue;
            }
            Ok(None) => LOOK,
            Err(error) => {
                tracing::error!(error = explain(&error), "No run could be claimed; trying again.");
                LOOK
            }
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(wait) => {}
            () = app.stopping.cancelled() => {}
        }
    }
    let drained = tokio::time::timeout(drain(), async { while runs.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        hurry.cancel();
        while runs.join_next().await.is_some() {}
    }
}

/// How a run came out of a worker's hands.
enum Outcome {
    /// It ended, and so it is to be written.
    Ended(Ending),
    /// The server stops; the run goes back to the queue.
    GivenBack,
    /// It is somebody else's by now; nothing may be written.
    Lost,
}

/// One run in this worker's hands.
struct Hands<'a> {
    app: &'a Arc<App>,
    lease: Lease,
    identity: RunIdentity,
    progress: Arc<Progress>,
    /// Cancelled when the run has to stop, whatever the reason.
    stop: CancellationToken,
    /// What was registered in the data catalog.
    catalog: Mutex<Vec<CatalogDetail>>,
    /// The run's commit list is recorded, or may be: what is staged belongs to
    /// whoever completes the run.
    committed: AtomicBool,
}

async fn carry_out(app: &Arc<App>, claimed: ClaimedRun, hurry: &CancellationToken) {
    let started = Instant::now();
    let hands = Hands {
        app,
        identity: RunIdentity {
            execution: claimed.lease.id.clone(),
            attempt: claimed.lease.attempt,
            started_at_ms: claimed.run.started_at_ms,
        },
        lease: claimed.lease.clone(),
        progress: Arc::new(Progress::default()),
        stop: hurry.child_token(),
        catalog: Mutex::default(),
        committed: AtomicBool::new(matches!(claimed.work, Work::Complete(_))),
    };
    tracing::info!(run = %claimed.lease.id, flow = %claimed.run.flow, attempt = claimed.lease.attempt, "The run begins.");
    if claimed.lease.attempt == 1 {
        app.metrics.run_started(&claimed.run.flow);
    }
    let work = hands.work(&claimed);
    tokio::pin!(work);
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        signal = hands.watch(&claimed) => match signal {
            // The work is stopped and then comes to its own end, cleaning up.
            Watched::Cancelled => { hands.stop.cancel(); let _ = work.await; Outcome::Ended(Ending::Canceled) }
            Watched::Lost => { hands.stop.cancel(); let _ = work.await; Outcome::Lost }
        },
    };
    hands.close(outcome, &claimed, started).await;
    hands.forget_if_gone(&claimed.run.flow).await;
}

enum Watched {
    Cancelled,
    Lost,
}

impl Hands<'_> {
    /// Renews the lease until it is lost or the run is cancelled.
    async fn watch(&self, claimed: &ClaimedRun) -> Watched {
        let queue = self.app.store.queue();
        let mut renewed = Instant::now();
        let mut cancelled = queue.cancelled();
        loop {
            // Somebody cancelled some run in this process: perhaps this one.
            tokio::select! {
                () = tokio::time::sleep(heartbeat()) => {}
                () = cancelled => {}
            }
            cancelled = queue.cancelled();
            let counts = self.counts_of(claimed);
            let result = match queue.progress(&self.lease, &counts).await {
                Ok(_) => queue.heartbeat(&self.lease, millis(lease())).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(Signal::Continue) => renewed = Instant::now(),
                Ok(Signal::Cancel) => return Watched::Cancelled,
                Err(StoreError::Stale) => return Watched::Lost,
                // A lease that could not be renewed in time may be somebody else's.
                Err(_) if renewed.elapsed() > lease() => return Watched::Lost,
                Err(error) => {
                    tracing::warn!(run = %self.lease.id, %error, "The run's lease could not be renewed; trying again.")
                }
            }
        }
    }

    async fn work(&self, claimed: &ClaimedRun) -> Outcome {
        let result = match &claimed.work {
            Work::Start => self.start(claimed).await,
            Work::Complete(list) => self.complete(claimed, list).await.map(Outcome::Ended),
            Work::Abandon => Ok(Outcome::Ended(Ending::Canceled)),
        };
        match result {
            Ok(outcome) => outcome,
            Err(Stopped::Store(StoreError::Stale)) => Outcome::Lost,
            Err(Stopped::Store(error)) => {
                // The run is not over: its lease ends, and somebody takes it up.
                tracing::error!(run = %self.lease.id, error = explain(&error), "The store failed during a run.");
                Outcome::GivenBack
            }
            Err(Stopped::Run(RunError::Cancelled)) => Outcome::GivenBack,
            Err(Stopped::Run(error)) => Outcome::Ended(Ending::Error(error.to_string())),
            Err(Stopped::Text(text)) => Outcome::Ended(Ending::Error(text)),
        }
    }

    async fn start(&self, claimed: &ClaimedRun) -> Result<Outcome, Stopped> {
        if claimed.lease.attempt > MAX_ATTEMPTS {
            return Err(Stopped::Text(format!(
                "The run was taken up {MAX_ATTEMPTS} times, and never came to an end; the server's log has the reasons."
            )));
        }
        let plan = Plan::new(claimed).map_err(Stopped::Text)?;
        if let Some(ticks) = &claimed.run.ticks {
            self.name(ticks);
        }
        let queue = self.app.store.queue();
        if let Some(window) = plan.window()
            && queue.begin(&self.lease, window).await? == Signal::Cancel
        {
            return Ok(Outcome::Ended(Ending::Canceled));
        }
        fault::point("window.fixed");
        let (list, next) = if plan.is_empty() {
            self.progress.note("Nothing can lie in the run's window, so the source was not asked");
            (CommitList::default(), CursorCell::default())
        } else {
            self.stage(&plan).await?
        };
        fault::point("list.recording");
        let cursor = plan.cursor(next.get());
        let cursor = cursor.as_ref().map(|cursor| (cursor, claimed.cursor_epoch));
        let recorded = queue.publishing(&self.lease, &list, &self.counts(), cursor).await;
        // A write that failed may have been carried out all the same.
        let nothing_recorded = matches!(recorded, Ok(Signal::Cancel) | Err(StoreError::Stale));
        self.committed.store(!nothing_recorded, Ordering::Relaxed);
        fault::point("list.recorded");
        match recorded? {
            Signal::Cancel => Ok(Outcome::Ended(Ending::Canceled)),
            Signal::Continue => self.complete(claimed, &list).await.map(Outcome::Ended),
        }
    }

    /// Names the ticks that the run stands for, if it is more than its own.
    fn name(&self, ticks: &DueTicks) {
        if ticks.count > 1 {
            let (first, last) = (timestamp(ticks.first_ms), timestamp(ticks.last_ms));
            self.progress
                .note(format!("The run stands for {} scheduled times, from {first} to {last}", ticks.count));
        }
    }

    /// Reads, computes and stages; gives also where the source tells its next cursor.
    async fn stage(&self, plan: &Plan) -> Result<(CommitList, CursorCell), Stopped> {
        let wait = Duration::from_millis(plan.wait_for_objects_ms(now_ms()));
        let opening = async {
            tokio::time::sleep(wait).await;
            self.source(plan).await
        };
        // Opening asks the source for what it is, and may have to wait for it.
        let cancelled = Stopped::Run(RunError::Cancelled);
        let (source, connection) = self.stop.run_until_cancelled(opening).await.ok_or(cancelled)??;
        let next = match &source {
            SourceInput::Scan(scan) => scan.next_cursor.clone(),
            SourceInput::Files | SourceInput::Events(_) => CursorCell::default(),
        };
        let (engine, spec) = (&self.app.engine, &plan.spec);
        let staged =
            engine.stage(spec, source, &self.identity, Arc::clone(&self.progress), self.stop.clone()).await;
        if let Some(connection) = &connection {
            health::after_run(self.app, connection, spec.name.as_str(), staged.as_ref().err()).await;
        }
        Ok((staged?, next))
    }

    /// Makes everything visible, and tells the data catalog, if the flow has one.
    async fn complete(&self, claimed: &ClaimedRun, list: &CommitList) -> Result<Ending, Stopped> {
        let ending = self.publish(list).await?;
        let definition: wire::CreateFlowRequest = match serde_json::from_value(claimed.definition.clone()) {
            Ok(definition) => definition,
            Err(_) => return Ok(ending),
        };
        let glue = definition.metadata_catalog_config.and_then(|config| config.glue_data_catalog);
        if let (Some(shape), Some(glue), Ok(plan)) = (&list.output, glue, Plan::new(claimed)) {
            let registering = catalog::register(self.app, &glue, &plan.spec, self.lease.id.as_str(), shape);
            let stopped = Stopped::Run(RunError::Cancelled);
            let details = self.stop.run_until_cancelled(registering).await.ok_or(stopped)?;
            for error in details.iter().filter_map(|detail| detail.tables.error.as_ref()) {
                tracing::warn!(run = %self.lease.id, error, "The output could not be registered in the data catalog.");
                self.progress
                    .note(format!("The output could not be registered in the data catalog: {error}"));
            }
            *self.catalog.lock() = details;
        }
        Ok(ending)
    }

    /// Makes everything visible. A run that has come this far ends well, so a
    /// failure is tried again, ever more rarely, for as long as the server runs.
    async fn publish(&self, list: &CommitList) -> Result<Ending, Stopped> {
        let mut wait = Duration::from_secs(1);
        loop {
            match self.app.engine.publish(&self.lease.id, list).await {
                Ok(()) => return Ok(Ending::Successful),
                Err(error) => {
                    tracing::error!(
                        run = %self.lease.id,
                        %error,
                        again_in = ?wait,
                        "The output is whole and could not be made visible yet."
                    );
                    self.progress
                        .note(format!("The output is whole and could not be made visible yet: {error}"));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.stop.cancelled() => return Err(Stopped::Run(RunError::Cancelled)),
            }
        }
    }

    /// What the flow reads, and the connection that it reads over.
    async fn source(&self, plan: &Plan) -> Result<(SourceInput, Option<Connection>), Stopped> {
        let spec = &plan.spec;
        if let Pull::Events(mark) = plan.pull {
            return Ok((SourceInput::Events(self.events(&spec.name, mark)), None));
        }
        let SourceSpec::Connection { connector_type, connection, .. } = &spec.source else {
            return Ok((SourceInput::Files, None));
        };
        let open = match self.app.open(connection).await {
            Ok(open) => open,
            Err(StoreError::NotFound { .. }) => {
                return Err(Stopped::Text(format!(
                    "The connector profile {connection} does not exist any more."
                )));
            }
            Err(other) => return Err(other.into()),
        };
        if open.connection.connector_type != *connector_type {
            return Err(Stopped::Text(format!(
                "The connector profile {connection} is of type {}, and the flow reads from {}.",
                open.connection.connector_type.as_str(),
                connector_type.as_str()
            )));
        }
        let reader = self
            .app
            .readers
            .get(*connector_type)
            .map_err(|ApiError { message, .. }| Stopped::Text(message))?;
        match reader.scan(&open, plan.request(), Arc::clone(&self.progress)).await.map_err(RunError::from) {
            Ok(scan) => {
                plan.check(&scan).map_err(Stopped::Text)?;
                Ok((SourceInput::Scan(scan), Some(open.connection)))
            }
            Err(error) => {
                health::after_run(self.app, &open.connection, spec.name.as_str(), Some(&error)).await;
                Err(error.into())
            }
        }
    }

    /// The flow's inbox up to a mark.
    fn events(&self, flow: &FlowName, mark: i64) -> EventSource {
        let (store, account, flow) = (self.app.store.clone(), self.lease.account.clone(), flow.clone());
        EventSource::new(move || {
            let pieces = store.events(&account).read(&flow, mark);
            pieces.map(|piece| piece.map(Bytes::from).map_err(|error| explain(&error))).boxed()
        })
    }

    async fn close(&self, outcome: Outcome, claimed: &ClaimedRun, started: Instant) {
        let queue = self.app.store.queue();
        let counts = self.counts_of(claimed);
        fault::point("run.closing");
        if !self.committed.load(Ordering::Relaxed)
            && let Err(error) = self.app.engine.discard(&self.identity).await
        {
            tracing::warn!(run = %self.lease.id, %error, "What the run had staged could not be removed.");
        }
        fault::point("end.beginning");
        let written = match outcome {
            Outcome::Lost => {
                tracing::warn!(run = %self.lease.id, "The run has gone to another worker.");
                return;
            }
            Outcome::GivenBack => queue.release(&self.lease).await,
            Outcome::Ended(ending) => {
                let status = match &ending {
                    Ending::Successful => RunStatus::Successful,
                    Ending::Error(_) => RunStatus::Error,
                    Ending::Canceled => RunStatus::Canceled,
                };
                let records = counts.records_processed;
                let error = match &ending {
                    Ending::Error(text) => text.as_str(),
                    _ => "",
                };
                tracing::info!(
                    run = %self.lease.id,
                    flow = %claimed.run.flow,
                    status = status.as_str(),
                    records,
                    error,
                    notes = counts.notes.join("; "),
                    "The run has ended."
                );
                let threshold = match (status, claimed.run.trigger) {
                    (RunStatus::Error, RunTrigger::Scheduled) => error_threshold(claimed),
                    (RunStatus::Error, RunTrigger::Event) => Some(event_errors()),
                    _ => None,
                };
                match queue.finish(&self.lease, ending, &counts, threshold).await {
                    Ok(finished) => {
                        let whole = u64::try_from(now_ms() - claimed.run.started_at_ms).unwrap_or_default();
                        let took = Took { work: started.elapsed(), whole: Duration::from_millis(whole) };
                        self.app.metrics.run_ended(&claimed.run.flow, status, records, took);
                        if let Some(message) = finished.deactivated {
                            tracing::warn!(flow = %claimed.run.flow, message, "The flow was deactivated.");
                        }
                        Ok(())
                    }
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = written {
            tracing::error!(run = %self.lease.id, error = explain(&error), "The run's end could not be written; its lease will end.");
        }
    }

    /// Drops the flow's series again if it was deleted in the meantime: its
    /// deletion drops them, too, but what the worker has counted after that
    /// has begun them anew, and nobody would ever end them.
    async fn forget_if_gone(&self, flow: &FlowName) {
        let found = self.app.store.flows(&self.lease.account).get(flow).await;
        if matches!(found, Err(StoreError::NotFound { .. })) {
            self.app.metrics.forget_flow(flow);
        }
    }

    /// What to record: this attempt's counts if it does the work, else those of
    /// the attempt that did, with what this one has to say.
    fn counts_of(&self, claimed: &ClaimedRun) -> RunCounts {
        match &claimed.work {
            Work::Start => self.counts(),
            Work::Complete(_) | Work::Abandon => {
                let mut counts = claimed.run.counts.clone();
                counts.notes.extend(self.progress.notes());
                counts.catalog = self.catalog.lock().clone();
                counts
            }
        }
    }

    fn counts(&self) -> RunCounts {
        let progress = &self.progress;
        RunCounts {
            records_read: Progress::get(&progress.records_read),
            records_processed: Progress::get(&progress.records_processed),
            records_filtered: Progress::get(&progress.records_filtered),
            records_dropped: Progress::get(&progress.records_dropped),
            records_failed: Progress::get(&progress.records_failed),
            records_written: Progress::get(&progress.records_written),
            bytes_processed: Progress::get(&progress.bytes_read),
            bytes_written: Progress::get(&progress.bytes_written),
            files_written: Progress::get(&progress.files_written),
            parallel_processes: Progress::get(&progress.parallel_processes),
            max_page_size: Progress::get(&progress.max_page_size),
            files_read: Progress::get(&progress.files_read),
            notes: progress.notes(),
            catalog: self.catalog.lock().clone(),
        }
    }
}

/// Why a run cannot go on.
enum Stopped {
    Run(RunError),
    Store(StoreError),
    Text(String),
}

impl From<RunError> for Stopped {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// `flowErrorDeactivationThreshold` of the flow as it was when the run was claimed.
fn error_threshold(claimed: &ClaimedRun) -> Option<u32> {
    let definition: wire::CreateFlowRequest = serde_json::from_value(claimed.definition.clone()).ok()?;
    schedule::schedule(&definition.trigger_config).ok()??.error_threshold
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
