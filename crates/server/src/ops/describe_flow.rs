//! DescribeFlow: the definition as it was sent, and what became of it.

use tidegate_core::{FlowName, Resource, Scope};
use tidegate_store::{FlowRecord, StoreError};
use tidegate_wire as wire;

use super::context::Call;
use crate::convert::{run, timestamp};
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::DescribeFlowRequest,
) -> Result<wire::DescribeFlowResponse, ApiError> {
    let name = FlowName::new(input.flow_name);
    let row = stored(&call, &name).await?;
    let last = call.app.store.runs(call.account()).latest(std::slice::from_ref(&name)).await?;
    let definition = definition(&row)?;
    let mut trigger = definition.trigger_config;
    // The service answers with an empty member here, and clients delete it
    // before they send the definition back; without it they fail.
    trigger.trigger_properties.get_or_insert_default();
    Ok(wire::DescribeFlowResponse {
        flow_arn: Some(call.app.scope.arn(&Resource::Flow(name))),
        description: definition.description,
        flow_name: Some(definition.flow_name),
        kms_arn: definition.kms_arn,
        flow_status: row.status.as_str().parse().ok(),
        flow_status_message: row.status_message.clone(),
        source_flow_config: Some(definition.source_flow_config),
        destination_flow_config_list: Some(definition.destination_flow_config_list),
        last_run_execution_details: last.first().map(run::last_run),
        trigger_config: Some(trigger),
        tasks: Some(definition.tasks),
        created_at: Some(timestamp(row.created_at_ms)),
        last_updated_at: Some(timestamp(row.updated_at_ms)),
        created_by: Some(row.created_by.clone()),
        last_updated_by: Some(row.updated_by.clone()),
        tags: Some(row.tags.clone().into_iter().collect()),
        metadata_catalog_config: definition.metadata_catalog_config,
        last_run_metadata_catalog_details: last.first().and_then(run::catalog),
        schema_version: Some(i64::from(row.schema_version)),
    })
}

/// The row of a flow.
///
/// # Errors
/// `ResourceNotFoundException` when there is none of that name.
pub async fn stored(call: &Call, name: &FlowName) -> Result<FlowRecord, ApiError> {
    match call.app.store.flows(call.account()).get(name).await {
        Ok(row) => Ok(row),
        Err(StoreError::NotFound { .. }) => Err(missing(name)),
        Err(other) => Err(other.into()),
    }
}

/// The error for a name that no flow has.
pub fn missing(name: &FlowName) -> ApiError {
    ApiError::not_found(format!("Flow: {name} does not exist"))
}

/// The definition that a row keeps.
///
/// # Errors
/// Only when the row was damaged.
pub fn definition(row: &FlowRecord) -> Result<wire::CreateFlowRequest, ApiError> {
    serde_json::from_value(row.definition.clone()).map_err(ApiError::internal)
}

/// A flow as ListFlows tells it.
///
/// # Errors
/// Only when the row was damaged.
pub fn summary(
    scope: &Scope,
    row: &FlowRecord,
    last: Option<&tidegate_core::run::Run>,
) -> Result<wire::FlowDefinition, ApiError> {
    let definition = definition(row)?;
    let destination = definition.destination_flow_config_list.first();
    Ok(wire::FlowDefinition {
        flow_arn: Some(scope.arn(&Resource::Flow(row.name.clone()))),
        description: definition.description.clone(),
        flow_name: Some(definition.flow_name.clone()),
        flow_status: row.status.as_str().parse().ok(),
        source_connector_type: Some(definition.source_flow_config.connector_type),
        source_connector_label: None,
        destination_connector_type: destination.map(|config| config.connector_type),
        destination_connector_label: None,
        trigger_type: Some(definition.trigger_config.trigger_type),
        created_at: Some(timestamp(row.created_at_ms)),
        last_updated_at: Some(timestamp(row.updated_at_ms)),
        created_by: Some(row.created_by.clone()),
        last_updated_by: Some(row.updated_by.clone()),
        tags: Some(row.tags.clone().into_iter().collect()),
        last_run_execution_details: last.map(run::last_run),
    })
}
