//! DeleteFlow: not while it is active in the sense that deleting would stop something.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::FlowName;
use tidegate_core::flow::{FlowStatus, SourceSpec};
use tidegate_core::schedule::PullMode;
use tidegate_store::{FlowRecord, Kind, StoreError};
use tidegate_wire as wire;

use super::activation;
use super::context::Call;
use super::describe_flow::{definition, missing, stored};
use crate::app::App;
use crate::config::Compat;
use crate::convert::schedule::Newness;
use crate::convert::{flow, schedule};
use crate::error::ApiError;
use crate::server::explain;

/// How long a source may take to end a subscription.
const PATIENCE: Duration = Duration::from_secs(60);

/// Carries the operation out. An on-demand flow is always `Active`, and users
/// delete it without force; so only a flow that a trigger starts, or one with
/// a run that has not ended, needs force. By the letter of the service's
/// documentation, which `--compat strict` keeps to, every active flow needs it.
pub async fn run(call: Call, input: wire::DeleteFlowRequest) -> Result<wire::DeleteFlowResponse, ApiError> {
    let name = FlowName::new(input.flow_name);
    let force = input.force_delete.unwrap_or(false);
    let row = stored(&call, &name).await?;
    let definition = definition(&row)?;
    let counts = call.app.compat == Compat::Strict || !activation::is_on_demand(&row);
    let active = || {
        ApiError::conflict(format!(
            "Conflict executing request: Flow is in active state, please set forceDelete to true or deactivate the \
             flow: {name}"
        ))
    };
    if counts && row.status == FlowStatus::Active && !force {
        return Err(active());
    }
    match call.app.store.flows(call.account()).delete(&name, force).await {
        Ok(()) => {
            end_subscription(&call.app, &row, &definition);
            Ok(wire::DeleteFlowResponse {})
        }
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(StoreError::FlowActive { publishing: true, .. }) => Err(ApiError::conflict(format!(
            "Conflict executing request: a run of the flow {name} is publishing its output right now; try again in a moment"
        ))),
        Err(StoreError::FlowActive { .. }) => Err(active()),
        Err(other) => Err(other.into()),
    }
}

/// Ends what a flow that followed its source's changes keeps alive there, in
/// the background: the flow is gone, whether or not the source answers.
fn end_subscription(app: &Arc<App>, row: &FlowRecord, definition: &wire::CreateFlowRequest) {
    let follows = schedule::newness(&definition.source_flow_config) == Ok(Newness::Changes);
    let scheduled = schedule::schedule(&definition.trigger_config).ok().flatten();
    let incremental = scheduled.is_some_and(|schedule| schedule.pull_mode == PullMode::Incremental);
    let cursor = row.state.cursor.delta_link.clone();
    if !follows || !(incremental || cursor.is_some()) {
        return;
    }
    let Ok(spec) = flow::spec(definition, row.schema_version) else { return };
    let SourceSpec::Connection { connector_type, connection, entity, .. } = spec.source else { return };
    let (app, name) = (Arc::clone(app), row.name.clone());
    tokio::spawn(async move {
        let ended = async {
            let open = app.open(&connection).await.map_err(|error| explain(&error))?;
            let reader = app.readers.get(connector_type).map_err(|error| error.message)?;
            let ended = reader.end_subscription(&open, &entity, cursor.as_deref());
            ended.await.map_err(|error| error.message)
        };
        let text = match tokio::time::timeout(PATIENCE, ended).await {
            Ok(Ok(())) => return,
            Ok(Err(text)) => text,
            Err(_) => "the source did not answer in time".to_owned(),
        };
        tracing::warn!(flow = %name, error = text, "The deleted flow's subscription at its source could not be ended.");
    });
}
