//! DescribeFlowExecutionRecords: the runs of a flow, newest first.

use tidegate_core::FlowName;
use tidegate_wire as wire;

use super::context::Call;
use super::describe_flow::stored;
use crate::convert::page::{Page, token};
use crate::convert::run::record;
use crate::error::ApiError;

const KIND: &str = "runs";

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::DescribeFlowExecutionRecordsRequest,
) -> Result<wire::DescribeFlowExecutionRecordsResponse, ApiError> {
    let page = Page::read(KIND, input.max_results, input.next_token.as_deref())?;
    let name = FlowName::new(input.flow_name);
    stored(&call, &name).await?;
    let found = call.app.store.runs(call.account()).list(&name, page.after.as_deref(), page.limit()).await?;
    Ok(wire::DescribeFlowExecutionRecordsResponse {
        flow_executions: Some(found.items.iter().map(record).collect()),
        next_token: found.next.map(|next| token(KIND, &next)),
    })
}
