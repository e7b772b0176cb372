//! The operations of the API, one file each, and the documented ones beyond it under `/x/`.

mod activation;
mod authorized;
mod cancel_flow_executions;
mod context;
mod create_connector_profile;
mod create_flow;
mod delete_connector_profile;
mod delete_flow;
mod describe_connector;
mod describe_connector_entity;
mod describe_connector_profiles;
mod describe_connectors;
mod describe_flow;
mod describe_flow_execution_records;
mod flow_rules;
mod list_connector_entities;
mod list_connectors;
mod list_flows;
mod list_tags_for_resource;
mod profile_rules;
mod reset_connector_metadata_cache;
mod start_flow;
mod stop_flow;
mod subscription;
mod tag_resource;
mod untag_resource;
mod update_connector_profile;
mod update_flow;
mod x;

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;
use tidegate_wire::{Input, Operation};

use crate::app::App;
use crate::error::ApiError;

pub use context::{Call, Caller};
pub use describe_flow::missing as missing_flow;
pub use x::{Extension, complete_authorization, dispatch as dispatch_extension};

/// Carries out an operation. Those that are not built yet are validated all
/// the same, and then name themselves.
///
/// # Errors
/// The error of the wire.
pub async fn dispatch(
    app: &Arc<App>,
    caller: &Caller,
    operation: Operation,
    input: Value,
) -> Result<Value, ApiError> {
    macro_rules! route {
        ($($variant:ident => $module:ident,)*) => {
            match operation {
                $(Operation::$variant => carry_out(app, caller, input, $module::run).await,)*
                other => {
                    tidegate_wire::validate_input(other, input)?;
                    Err(not_built(other))
                }
            }
        };
    }
    route! {
        CancelFlowExecutions => cancel_flow_executions,
        CreateConnectorProfile => create_connector_profile,
        CreateFlow => create_flow,
        DeleteConnectorProfile => delete_connector_profile,
        DeleteFlow => delete_flow,
        DescribeConnector => describe_connector,
        DescribeConnectorEntity => describe_connector_entity,
        DescribeConnectorProfiles => describe_connector_profiles,
        DescribeConnectors => describe_connectors,
        DescribeFlow => describe_flow,
        DescribeFlowExecutionRecords => describe_flow_execution_records,
        ListConnectorEntities => list_connector_entities,
        ListConnectors => list_connectors,
        ListFlows => list_flows,
        ListTagsForResource => list_tags_for_resource,
        ResetConnectorMetadataCache => reset_connector_metadata_cache,
        StartFlow => start_flow,
        StopFlow => stop_flow,
        TagResource => tag_resource,
        UntagResource => untag_resource,
        UpdateConnectorProfile => update_connector_profile,
        UpdateFlow => update_flow,
    }
}

async fn carry_out<I, F, R>(app: &Arc<App>, caller: &Caller, input: Value, run: F) -> Result<Value, ApiError>
where
    I: Input,
    F: FnOnce(Call, I) -> R,
    R: Future<Output = Result<I::Output, ApiError>>,
{
    let input = tidegate_wire::validate_input(I::OPERATION, input)?;
    let call = Call::new(app, caller, I::OPERATION, &input);
    // serde's own text could quote a value, and so a secret.
    let input = serde_json::from_value(input).map_err(|_| {
        ApiError::validation(format!("The request is no valid input of {}.", I::OPERATION.name()))
    })?;
    let output = run(call, input).await?;
    serde_json::to_value(output).map_err(ApiError::internal)
}

fn not_built(operation: Operation) -> ApiError {
    ApiError::unsupported(format!("{} is not available on this server yet.", operation.name()))
}
