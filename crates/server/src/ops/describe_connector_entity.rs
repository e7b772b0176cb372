//! DescribeConnectorEntity: the fields of one entity of an application.

use tidegate_wire as wire;

use super::context::Call;
use super::list_connector_entities::named;
use crate::convert::entity::field;
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::DescribeConnectorEntityRequest,
) -> Result<wire::DescribeConnectorEntityResponse, ApiError> {
    let kind = input.connector_type.and_then(wire::OrEmpty::get);
    let connection = named(&call, input.connector_profile_name.as_deref(), kind).await?;
    let fields = call.app.describe_entity(&connection, &input.connector_entity_name).await?;
    Ok(wire::DescribeConnectorEntityResponse {
        connector_entity_fields: fields.iter().cloned().map(field).collect(),
    })
}
