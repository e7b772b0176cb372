//! DescribeConnector: what a connector's description says, as the wire tells it.

use serde_json::Value;
use tidegate_connectors::descriptions;
use tidegate_wire as wire;

use super::context::Call;
use super::profile_rules::{known_label, refused};
use crate::convert::profile::connector_type;
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    _call: Call,
    input: wire::DescribeConnectorRequest,
) -> Result<wire::DescribeConnectorResponse, ApiError> {
    let kind = connector_type(input.connector_type);
    let label = input.connector_label.as_deref().filter(|label| !label.is_empty());
    let description = descriptions::of(kind);
    description.check_label(label).map_err(|finding| refused(&[finding]))?;
    known_label(kind, label)?;
    let description = label.and_then(descriptions::vended_label).unwrap_or(description);
    Ok(wire::DescribeConnectorResponse {
        connector_configuration: Some(typed(description.configuration(None))?),
    })
}

/// A configuration as the wire's type. Descriptions are checked against the
/// model by a test, so a failure is the server's own.
pub fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_json::from_value(value).map_err(ApiError::internal)
}
