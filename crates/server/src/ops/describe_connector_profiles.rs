//! DescribeConnectorProfiles: filters, pages, and never a credential.

use tidegate_core::ConnectionName;
use tidegate_store::ConnectionFilter;
use tidegate_wire as wire;

use super::context::Call;
use crate::convert::page::{Page, token};
use crate::convert::profile::{connector_type, describe};
use crate::error::ApiError;

const KIND: &str = "connector-profiles";

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::DescribeConnectorProfilesRequest,
) -> Result<wire::DescribeConnectorProfilesResponse, ApiError> {
    let page = Page::read(KIND, input.max_results, input.next_token.as_deref())?;
    let filter = ConnectionFilter {
        // An empty list filters nothing, as an absent one.
        names: input
            .connector_profile_names
            .filter(|names| !names.is_empty())
            .map(|names| names.into_iter().map(ConnectionName::new).collect()),
        connector_type: input.connector_type.and_then(wire::OrEmpty::get).map(connector_type),
        connector_label: input.connector_label.filter(|label| !label.is_empty()),
    };
    let found =
        call.app.store.connections(call.account()).list(&filter, page.after.as_deref(), page.limit()).await?;
    let next_token = found.next.map(|next| token(KIND, &next));
    let details = found.items.into_iter().map(|row| describe(&call.app.scope, row)).collect();
    Ok(wire::DescribeConnectorProfilesResponse { connector_profile_details: Some(details), next_token })
}
