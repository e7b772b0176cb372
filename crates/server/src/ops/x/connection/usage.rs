//! Usage: the flows of a connection, and their last runs.

use serde::Serialize;
use tidegate_core::run::Run;
use tidegate_core::{ConnectionName, Resource};
use tidegate_store::StoreError;
use tidegate_wire as wire;

use super::NameInput;
use crate::convert::run::status;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::update_connector_profile::find;

/// Who uses a connection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    connector_profile_name: String,
    flows: Vec<UsingFlow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsingFlow {
    flow_name: String,
    flow_arn: String,
    flow_status: &'static str,
    last_run: Option<LastRun>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastRun {
    execution_id: String,
    execution_status: wire::ExecutionStatus,
    started_at: String,
    records_processed: u64,
    error: Option<String>,
}

fn last_run(run: Run) -> LastRun {
    LastRun {
        execution_id: run.id.as_str().to_owned(),
        execution_status: status(run.status),
        started_at: timestamp(run.started_at_ms).to_string(),
        records_processed: run.counts.records_processed,
        error: run.error,
    }
}

/// Lists the flows that use a connection, and their last runs.
pub async fn run(call: Call, input: NameInput) -> Result<Usage, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let store = &call.app.store;
    find(&call, &name).await?;
    let names = store.connections(call.account()).flows_using(&name).await?;
    let mut runs = store.runs(call.account()).latest(&names).await?;
    let mut flows = Vec::new();
    for name in names {
        let last_run = runs.iter().position(|run| run.flow == name).map(|at| last_run(runs.swap_remove(at)));
        let record = match store.flows(call.account()).get(&name).await {
            Ok(record) => record,
            // Deleted since the names were read: it uses nothing any more.
            Err(StoreError::NotFound { .. }) => continue,
            Err(other) => return Err(other.into()),
        };
        flows.push(UsingFlow {
            flow_arn: call.app.scope.arn(&Resource::Flow(name)),
            flow_name: record.name.as_str().to_owned(),
            flow_status: record.status.as_str(),
            last_run,
        });
    }
    Ok(Usage { connector_profile_name: name.as_str().to_owned(), flows })
}
