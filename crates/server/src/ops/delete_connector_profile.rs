//! DeleteConnectorProfile: not while flows use it, unless it is forced.

use tidegate_core::ConnectionName;
use tidegate_store::{Kind, StoreError};
use tidegate_wire as wire;

use super::context::Call;
use super::update_connector_profile::missing;
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::DeleteConnectorProfileRequest,
) -> Result<wire::DeleteConnectorProfileResponse, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let force = input.force_delete.unwrap_or(false);
    match call.app.store.connections(call.account()).delete(&name, force).await {
        Ok(()) => Ok(wire::DeleteConnectorProfileResponse {}),
        Err(StoreError::NotFound { kind: Kind::Connection, .. }) => Err(missing(&name)),
        Err(StoreError::InUse { flows, .. }) => {
            let names: Vec<&str> = flows.iter().map(tidegate_core::FlowName::as_str).collect();
            Err(ApiError::conflict(format!(
                "Conflict executing request: Connector profile: {name} is associated with one or more flows. If you \
                 still want to delete it, then make delete request with forceDelete flag as true. Some of the \
                 associated flows are: [{}]",
                names.join(", ")
            )))
        }
        Err(other) => Err(other.into()),
    }
}
