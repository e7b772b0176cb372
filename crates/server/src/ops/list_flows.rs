//! ListFlows: a page of summaries.

use tidegate_core::FlowName;
use tidegate_wire as wire;

use super::context::Call;
use super::describe_flow::summary;
use crate::convert::page::{Page, token};
use crate::error::ApiError;

const KIND: &str = "flows";

/// Carries the operation out.
pub async fn run(call: Call, input: wire::ListFlowsRequest) -> Result<wire::ListFlowsResponse, ApiError> {
    let page = Page::read(KIND, input.max_results, input.next_token.as_deref())?;
    let store = &call.app.store;
    let found = store.flows(call.account()).list(page.after.as_deref(), page.limit()).await?;
    let next_token = found.next.map(|next| token(KIND, &next));
    let names: Vec<FlowName> = found.items.iter().map(|row| row.name.clone()).collect();
    let runs = store.runs(call.account()).latest(&names).await?;
    let flows = found
        .items
        .iter()
        .map(|row| summary(&call.app.scope, row, runs.iter().find(|run| run.flow == row.name)))
        .collect::<Result<_, _>>()?;
    Ok(wire::ListFlowsResponse { flows: Some(flows), next_token })
}
