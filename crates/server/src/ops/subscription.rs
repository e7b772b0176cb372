//! What a flow that follows its source's changes keeps alive there, and its end
//! when the flow is deleted or comes to read something else.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::flow::{FlowSpec, SourceSpec};
use tidegate_core::run::{Run, RunStatus};
use tidegate_core::schedule::PullMode;
use tidegate_core::{ExecutionId, FlowName, OpenConnection};
use tidegate_store::{FlowRecord, StoreError};
use tidegate_wire as wire;

use crate::app::App;
use crate::convert::schedule::Newness;
use crate::convert::{flow, schedule};
use crate::server::explain;

/// How long a source may take to end a subscription.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often runs are looked at that still read by the subscription, and how long.
/// A run of a deleted flow has so much time to stop.
const LOOK: Duration = Duration::from_secs(1);
const LONGEST_RUN: Duration = Duration::from_secs(6 * 3600);
/// How many of a flow's latest runs may be under way: one, and those before it are over.
const LATEST: u32 = 100;

/// A subscription that a flow may have at its source.
pub struct Subscription {
    flow: FlowName,
    cursor: Option<String>,
    source: SourceSpec,
    /// The connection as it is now: it may be deleted right after its flow.
    open: Option<OpenConnection>,
    /// Runs under way, which still read by it.
    readers: Vec<ExecutionId>,
}

impl Subscription {
    /// The subscription of a flow as it is now, if it has one. A flow without a
    /// cursor may have begun one all the same, by a first run that did not come
    /// to its end; without any run it has none, and must not end another flow's.
    ///
    /// # Errors
    /// The store's, except that a connection which cannot be opened ends nothing.
    pub async fn of(
        app: &App,
        row: &FlowRecord,
        definition: &wire::CreateFlowRequest,
    ) -> Result<Option<Self>, StoreError> {
        if schedule::newness(&definition.source_flow_config) != Ok(Newness::Changes) {
            return Ok(None);
        }
        let latest = app.store.runs(&app.scope.account).list(&row.name, None, LATEST).await?.items;
        if row.state.cursor.delta_link.is_none() {
            let scheduled = schedule::schedule(&definition.trigger_config).ok().flatten();
            let follows = scheduled.is_some_and(|schedule| schedule.pull_mode == PullMode::Incremental);
            let asked = |run: &Run| run.options.mode == Some(PullMode::Incremental);
            if latest.is_empty() || !(follows || latest.iter().any(asked)) {
                return Ok(None);
            }
        }
        // What it has at its source is the same, even if events start it by now.
        let mut pulling = definition.clone();
        pulling.trigger_config.trigger_type = wire::TriggerType::OnDemand;
        let Ok(FlowSpec { source, .. }) = flow::spec(&pulling, row.schema_version) else { return Ok(None) };
        let SourceSpec::Connection { connection, .. } = &source else { return Ok(None) };
        let open = app.open(connection).await.ok();
        let reads = |status| matches!(status, RunStatus::Running | RunStatus::CancelStarted);
        let readers = latest.into_iter().filter(|run| reads(run.status)).map(|run| run.id).collect();
        let cursor = row.state.cursor.delta_link.clone();
        Ok(Some(Self { flow: row.name.clone(), cursor, source, open, readers }))
    }

    /// Ends it in the background, once the runs are over that read by it: the
    /// operation is carried out, whether or not the source answers.
    pub fn end(self, app: &Arc<App>) {
        let app = Arc::clone(app);
        tokio::spawn(async move {
            let limit = tokio::time::Instant::now() + LONGEST_RUN;
            if !self.readers.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
            while self.is_read(&app).await && tokio::time::Instant::now() < limit {
                tokio::time::sleep(LOOK).await;
            }
            let text = match tokio::time::timeout(PATIENCE, self.ended(&app)).await {
                Ok(Ok(())) => return,
                Ok(Err(text)) => text,
                Err(_) => "the source did not answer in time".to_owned(),
            };
            tracing::warn!(flow = %self.flow, error = text, "The flow's subscription at its source could not be ended.");
        });
    }

    /// Whether a run still reads by it; the runs of a deleted flow are gone.
    async fn is_read(&self, app: &App) -> bool {
        let runs = app.store.runs(&app.scope.account);
        for id in &self.readers {
            if runs.get(id).await.is_ok_and(|run| !run.status.is_final()) {
                return true;
            }
        }
        false
    }

    async fn ended(&self, app: &App) -> Result<(), String> {
        let SourceSpec::Connection { connector_type, connection, entity, .. } = &self.source else {
            return Ok(());
        };
        let open = match (app.open(connection).await, &self.open) {
            (Ok(open), _) => open,
            (Err(StoreError::NotFound { .. }), Some(open)) => open.clone(),
            (Err(error), _) => return Err(explain(&error)),
        };
        let reader = app.readers.get(*connector_type).map_err(|error| error.message)?;
        let ended = reader.end_subscription(&open, entity, self.cursor.as_deref());
        ended.await.map_err(|error| error.message)
    }
}
