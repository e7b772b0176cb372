//! ListConnectors: every connector that a connection or a flow may name.

use serde_json::Value;
use tidegate_connectors::descriptions;
use tidegate_core::description::Description;
use tidegate_wire as wire;

use super::context::Call;
use super::describe_connector::typed;
use crate::convert::page::Page;
use crate::error::ApiError;

const KIND: &str = "all-connectors";

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::ListConnectorsRequest,
) -> Result<wire::ListConnectorsResponse, ApiError> {
    drop(call);
    let page = Page::read(KIND, input.max_results, input.next_token.as_deref())?;
    let all: Vec<Value> =
        descriptions::all().iter().chain(descriptions::vended()).map(Description::detail).collect();
    let start =
        page.after.as_deref().and_then(|after| after.parse::<usize>().ok()).map_or(0, |index| index + 1);
    let mut rows: Vec<(usize, Value)> = all.into_iter().enumerate().skip(start).collect();
    let next_token = page.cut(KIND, &mut rows, |(index, _)| index.to_string());
    let connectors = rows.into_iter().map(|(_, row)| typed(row)).collect::<Result<_, _>>()?;
    Ok(wire::ListConnectorsResponse { connectors: Some(connectors), next_token })
}
