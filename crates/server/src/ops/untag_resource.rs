//! UntagResource: takes tags from a flow; a key that it has not is nothing to take.

use tidegate_store::FlowRecord;
use tidegate_wire as wire;

use super::context::Call;
use super::list_tags_for_resource::flow_of;
use super::tag_resource::change;
use crate::error::ApiError;

/// Carries the operation out. A flow that a tag has made active stays active.
pub async fn run(
    call: Call,
    input: wire::UntagResourceRequest,
) -> Result<wire::UntagResourceResponse, ApiError> {
    let name = flow_of(&call.app, &input.resource_arn)?;
    let keys = input.tag_keys;
    let untag = move |row: &mut FlowRecord| {
        row.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    };
    change(&call, &name, &input.resource_arn, untag).await?;
    Ok(wire::UntagResourceResponse {})
}
