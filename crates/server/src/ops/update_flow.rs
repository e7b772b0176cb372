//! UpdateFlow: another definition in the place of the one before, for runs to come.

use tidegate_core::flow::FlowStatus;
use tidegate_core::{ConnectionName, FlowName};
use tidegate_store::{FlowRecord, Kind, Outcome, StoreError};
use tidegate_wire::{self as wire, TriggerType};

use super::activation;
use super::context::{Call, settle};
use super::describe_flow::{definition, missing, stored};
use super::flow_rules::Asked;
use super::subscription::Subscription;
use crate::config::Compat;
use crate::convert::flow_change::{destination_changes, position_is_lost, schema_changes, source_changes};
use crate::convert::{flow, now_ms};
use crate::error::ApiError;

/// Carries the operation out. Name, key, tags and who made the flow stay; all
/// else is as the input has it, and what it leaves out is gone.
pub async fn run(call: Call, input: wire::UpdateFlowRequest) -> Result<wire::UpdateFlowResponse, ApiError> {
    if let Some(answer) = call.earlier_answer().await? {
        return Ok(answer);
    }
    let name = FlowName::new(&input.flow_name);
    let seen = stored(&call, &name).await?;
    let before = definition(&seen)?;
    let mut after = replaced(&before, input);
    if call.app.compat == Compat::Strict {
        check_frozen(&before, &after)?;
    }
    after.tags = Some(seen.tags.clone().into_iter().collect());
    Asked::Update.check(&call, &after, seen.schema_version).await?;
    after.tags = None;

    let position = position_is_lost(&before, &after);
    let subscription = if position { Subscription::of(&call.app, &seen, &before).await? } else { None };
    let now = now_ms();
    let change = Change {
        document: serde_json::to_value(&after).map_err(ApiError::internal)?,
        trigger: (before.trigger_config.clone(), after.trigger_config.clone()),
        schema: schema_changes(&before, &after),
        position,
        by: call.caller_arn(),
        now,
    };
    let mut will_be = seen.clone();
    change.apply(&mut will_be).map_err(|finding| Asked::Update.refused(&[finding]))?;
    let answer = wire::UpdateFlowResponse { flow_status: will_be.status.as_str().parse().ok() };
    let uses: Vec<ConnectionName> = flow::source_connection(&after.source_flow_config).into_iter().collect();
    let apply = move |row: &mut FlowRecord| {
        // What was checked and is answered rests on these.
        if row.status != seen.status || row.definition != seen.definition {
            return Err("changed".to_owned());
        }
        change.apply(row)
    };
    let flows = call.app.store.flows(call.account());
    match flows.change(&name, Some(&uses), call.once(&answer).as_ref(), apply).await {
        Ok(outcome) => {
            if let (Some(subscription), Outcome::Fresh(_)) = (subscription, &outcome) {
                subscription.end(&call.app);
            }
            settle(outcome, answer)
        }
        Err(StoreError::Refused(_)) => Err(ApiError::conflict(format!(
            "Conflict executing request: the flow {name} was changed by another request at the same time. Look at it \
             and try again."
        ))),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(other) => Err(other.into()),
    }
}

/// The definition that an update makes of another one.
fn replaced(before: &wire::CreateFlowRequest, input: wire::UpdateFlowRequest) -> wire::CreateFlowRequest {
    wire::CreateFlowRequest {
        flow_name: before.flow_name.clone(),
        description: input.description,
        kms_arn: before.kms_arn.clone(),
        trigger_config: input.trigger_config,
        source_flow_config: input.source_flow_config,
        destination_flow_config_list: input.destination_flow_config_list,
        tasks: input.tasks,
        tags: None,
        metadata_catalog_config: input.metadata_catalog_config,
        client_token: None,
    }
}

/// What AppFlow never lets change, in its own words.
fn check_frozen(before: &wire::CreateFlowRequest, after: &wire::CreateFlowRequest) -> Result<(), ApiError> {
    let mut findings = Vec::new();
    if source_changes(before, after) {
        findings.push("Do not update the object for the flow.".to_owned());
    }
    if destination_changes(before, after) {
        findings.push("Destination object for the destination connector can not be updated".to_owned());
    }
    if findings.is_empty() { Ok(()) } else { Err(Asked::Update.refused(&findings)) }
}

/// What an update makes of a flow's row.
struct Change {
    document: serde_json::Value,
    /// Before and after.
    trigger: (wire::TriggerConfig, wire::TriggerConfig),
    schema: bool,
    position: bool,
    by: String,
    now: i64,
}

impl Change {
    fn apply(&self, row: &mut FlowRecord) -> Result<(), String> {
        row.definition = self.document.clone();
        row.schema_version += u32::from(self.schema);
        row.updated_at_ms = self.now;
        row.updated_by.clone_from(&self.by);
        if self.position {
            row.state.forget_cursor();
        }
        let (before, after) = &self.trigger;
        if before == after {
            return Ok(());
        }
        match (before.trigger_type, after.trigger_type) {
            (before, after) if before == after => {}
            (_, TriggerType::OnDemand) => {
                row.status = FlowStatus::Active;
                row.status_message = None;
            }
            // Another trigger is nothing that anybody has activated yet.
            (..) => {
                row.status = FlowStatus::Draft;
                row.status_message = None;
                if activation::wanted(&row.tags) {
                    return activation::activate(row, self.now);
                }
            }
        }
        activation::redefined(row, self.now)
    }
}
