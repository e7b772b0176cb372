//! ResetConnectorMetadataCache: forgets what applications said of their entities.

use tidegate_core::ConnectionName;
use tidegate_wire as wire;

use super::context::Call;
use super::list_connector_entities::named;
use crate::entities::What;
use crate::error::ApiError;

/// Carries the operation out. Without a connection it is about all of them;
/// an entity or a path narrows it down.
pub async fn run(
    call: Call,
    input: wire::ResetConnectorMetadataCacheRequest,
) -> Result<wire::ResetConnectorMetadataCacheResponse, ApiError> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let kind = input.connector_type.and_then(wire::OrEmpty::get);
    let connection: Option<ConnectionName> = match given(input.connector_profile_name) {
        Some(name) => Some(named(&call, Some(&name), kind).await?.name),
        None => None,
    };
    let kind = kind.map(crate::convert::profile::connector_type);
    let what = match (given(input.connector_entity_name), given(input.entities_path)) {
        (Some(entity), _) => Some(What::Fields(entity)),
        (None, Some(path)) => Some(What::Entities(Some(path))),
        (None, None) => None,
    };
    call.app.entities.forget(connection.as_ref(), kind, what.as_ref());
    Ok(wire::ResetConnectorMetadataCacheResponse {})
}
