//! DescribeConnectors: the connectors that come with the server, in full.

use indexmap::IndexMap;
use tidegate_connectors::descriptions;
use tidegate_core::ConnectorType;
use tidegate_core::description::Description;
use tidegate_wire as wire;

use super::context::Call;
use super::describe_connector::typed;
use crate::convert::page::Page;
use crate::convert::profile::{connector_type, wire_connector_type};
use crate::error::ApiError;

const KIND: &str = "connectors";

/// Carries the operation out.
pub async fn run(
    _call: Call,
    input: wire::DescribeConnectorsRequest,
) -> Result<wire::DescribeConnectorsResponse, ApiError> {
    let page = Page::read(KIND, input.max_results, input.next_token.as_deref())?;
    let wanted: Option<Vec<ConnectorType>> = input
        .connector_types
        .filter(|types| !types.is_empty())
        .map(|types| types.into_iter().map(connector_type).collect());
    let mut rows = behind(page.after.as_deref());
    rows.retain(|row| wanted.as_ref().is_none_or(|wanted| wanted.contains(&row.connector_type)));
    let next_token = page.cut(KIND, &mut rows, |row| row.connector_type.as_str().to_owned());
    let mut configurations = IndexMap::new();
    let mut connectors = Vec::new();
    for row in rows {
        configurations.insert(wire_connector_type(row.connector_type), typed(row.configuration(None))?);
        connectors.push(typed(row.detail())?);
    }
    Ok(wire::DescribeConnectorsResponse {
        connector_configurations: Some(configurations),
        connectors: Some(connectors),
        next_token,
    })
}

/// The descriptions behind a type, in the order of the model.
fn behind(after: Option<&str>) -> Vec<&'static Description> {
    let all = descriptions::all();
    let start = after
        .and_then(|after| all.iter().position(|row| row.connector_type.as_str() == after))
        .map_or(0, |position| position + 1);
    all.iter().skip(start).collect()
}
