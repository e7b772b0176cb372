//! CreateFlow: understand the definition, prove its ends, store it as it was sent.

use tidegate_core::flow::FlowStatus;
use tidegate_core::{ConnectionName, FlowName, Resource};
use tidegate_store::{FlowRecord, FlowState, Kind, StoreError};
use tidegate_wire as wire;

use super::activation;
use super::context::{Call, settle};
use super::flow_rules::Asked;
use crate::convert::{flow, now_ms};
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    call: Call,
    mut input: wire::CreateFlowRequest,
) -> Result<wire::CreateFlowResponse, ApiError> {
    if let Some(answer) = call.earlier_answer().await? {
        return Ok(answer);
    }
    let app = &call.app;
    input.client_token = None;
    Asked::Create.check(&call, &input, 1).await?;
    // Tags are no part of the stored definition: they change apart from it.
    let tags = input.tags.take().unwrap_or_default().into_iter().collect();
    if let Some(limit) = app.quotas.flows {
        let count = app.store.flows(call.account()).count().await?;
        if count >= limit {
            return Err(ApiError::quota(format!("The account has {count} flows, and its quota is {limit}.")));
        }
    }

    let name = FlowName::new(&input.flow_name);
    let now = now_ms();
    let uses: Vec<ConnectionName> = flow::source_connection(&input.source_flow_config).into_iter().collect();
    let mut record = FlowRecord {
        name: name.clone(),
        definition: serde_json::to_value(&input).map_err(ApiError::internal)?,
        status: FlowStatus::Draft,
        status_message: None,
        schema_version: 1,
        tags,
        created_at_ms: now,
        updated_at_ms: now,
        created_by: call.caller_arn(),
        updated_by: call.caller_arn(),
        state: FlowState::default(),
    };
    if activation::is_on_demand(&record) {
        record.status = FlowStatus::Active;
    } else if activation::wanted(&record.tags) {
        activation::activate(&mut record, now).map_err(|finding| Asked::Create.refused(&[finding]))?;
    }
    let answer = wire::CreateFlowResponse {
        flow_arn: Some(app.scope.arn(&Resource::Flow(name.clone()))),
        flow_status: record.status.as_str().parse().ok(),
    };
    let stored = app.store.flows(call.account()).create(record, &uses, call.once(&answer).as_ref()).await;
    match stored {
        Ok(outcome) => settle(outcome, answer),
        Err(StoreError::Conflict { kind: Kind::Flow, .. }) => {
            Err(ApiError::conflict(format!("Conflict executing request: Flow: {name} already exists")))
        }
        Err(other) => Err(other.into()),
    }
}
