//! TagResource: adds tags to those that a flow has.

use tidegate_core::FlowName;
use tidegate_core::flow::FlowStatus;
use tidegate_store::{FlowRecord, Kind, StoreError};
use tidegate_wire as wire;

use super::activation;
use super::context::Call;
use super::list_tags_for_resource::{flow_of, missing};
use crate::convert::flow::tagged;
use crate::convert::now_ms;
use crate::error::ApiError;

/// The most tags of a resource.
const MOST: usize = 50;

/// Carries the operation out.
pub async fn run(call: Call, input: wire::TagResourceRequest) -> Result<wire::TagResourceResponse, ApiError> {
    let name = flow_of(&call.app, &input.resource_arn)?;
    let (tags, by) = (input.tags, call.caller_arn());
    let tag = move |row: &mut FlowRecord| {
        let activate = activation::wanted(&tags);
        row.tags.extend(tags);
        if row.tags.len() > MOST {
            return Err(format!("A resource has at most {MOST} tags, and it would have {}.", row.tags.len()));
        }
        tagged(&row.tags).map_err(|findings| findings.join("; "))?;
        if activate && matches!(row.status, FlowStatus::Draft | FlowStatus::Suspended) {
            let now = now_ms();
            activation::activate(row, now)?;
            row.updated_at_ms = now;
            row.updated_by = by;
        }
        Ok(())
    };
    change(&call, &name, &input.resource_arn, tag).await?;
    Ok(wire::TagResourceResponse {})
}

/// Changes the tags of a flow.
///
/// # Errors
/// `ResourceNotFoundException` when there is none, `ValidationException` with
/// what the change says.
pub async fn change(
    call: &Call,
    name: &FlowName,
    arn: &str,
    change: impl FnOnce(&mut FlowRecord) -> Result<(), String> + Send + 'static,
) -> Result<(), ApiError> {
    match call.app.store.flows(call.account()).change(name, None, None, change).await {
        Ok(_) => Ok(()),
        Err(StoreError::Refused(why)) => Err(ApiError::validation(why)),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(arn)),
        Err(other) => Err(other.into()),
    }
}
