//! What activates a flow, and what takes its activation back. Each of these is a
//! change of the flow's row, made within the transaction that writes it.

use serde_json::Value;
use tidegate_core::flow::FlowStatus;
use tidegate_core::schedule::PullMode;
use tidegate_store::FlowRecord;
use tidegate_wire as wire;

use crate::convert::flow::Findings;
use crate::convert::schedule;

/// The tag that makes a flow with a trigger active from the start: tools that
/// describe infrastructure can tag, and have no way to call StartFlow.
pub const TAG: &str = "tidegate:activate";

/// Whether tags ask for an active flow.
pub fn wanted<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> bool {
    tags.into_iter().any(|(key, value)| key == TAG && value == "true")
}

/// Whether a flow runs when somebody starts it, and not by a trigger. Such a
/// flow is always active.
pub fn is_on_demand(row: &FlowRecord) -> bool {
    row.definition.pointer("/triggerConfig/triggerType").and_then(Value::as_str) == Some("OnDemand")
}

/// Activates a flow: from `now_ms` on its trigger starts it, and its row of
/// errors is over. A schedule that has nothing due any more is told by the
/// status message.
///
/// # Errors
/// A trigger that can never start it, as one finding.
pub fn activate(row: &mut FlowRecord, now_ms: i64) -> Result<(), String> {
    let definition: wire::CreateFlowRequest = serde_json::from_value(row.definition.clone())
        .map_err(|_| "The flow's definition cannot be understood any more".to_owned())?;
    let told = |findings: Findings| findings.join(", ");
    let Some(schedule) = schedule::schedule(&definition.trigger_config).map_err(told)? else {
        // What is delivered starts it, so nothing is ever due.
        row.status = FlowStatus::Active;
        row.status_message = None;
        row.state.activation = None;
        row.state.error_streak = 0;
        return Ok(());
    };
    if schedule.pull_mode == PullMode::Incremental {
        schedule::newness(&definition.source_flow_config).map_err(told)?;
    }
    let (activation, message) = schedule::activation(&schedule, now_ms);
    row.status = FlowStatus::Active;
    row.status_message = message.map(str::to_owned);
    row.state.activation = Some(activation);
    row.state.error_streak = 0;
    Ok(())
}

/// Deactivates a flow: its trigger starts it no more. Runs that wait or are
/// under way go on; events that wait without a run stay until it is active again.
pub fn deactivate(row: &mut FlowRecord) {
    row.status = FlowStatus::Suspended;
    row.status_message = None;
    row.state.activation = None;
}

/// Settles what is due of a flow whose trigger has been replaced and whose
/// status has been set.
///
/// # Errors
/// A trigger that can never start it, as one finding.
pub fn redefined(row: &mut FlowRecord, now_ms: i64) -> Result<(), String> {
    if row.status == FlowStatus::Active && !is_on_demand(row) {
        return activate(row, now_ms);
    }
    row.state.activation = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use tidegate_store::{Activation, FlowState};

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn flow(trigger: &Value) -> FlowRecord {
        FlowRecord {
            name: "f1".into(),
            definition: json!({
                "flowName": "f1", "triggerConfig": trigger, "tasks": [], "destinationFlowConfigList": [],
                "sourceFlowConfig": {"connectorType": "S3", "sourceConnectorProperties": {}},
            }),
            status: FlowStatus::Draft,
            status_message: None,
            schema_version: 1,
            tags: BTreeMap::new(),
            created_at_ms: 0,
            updated_at_ms: 0,
            created_by: String::new(),
            updated_by: String::new(),
            state: FlowState { error_streak: 3, ..FlowState::default() },
        }
    }

    fn scheduled(members: &Value) -> FlowRecord {
        flow(&json!({"triggerType": "Scheduled", "triggerProperties": {"Scheduled": members}}))
    }

    #[test]
    fn only_the_word_true_asks_for_an_active_flow() {
        for (key, value, want) in [
            (TAG, "true", true),
            (TAG, "false", false),
            (TAG, "", false),
            ("tidegate:activated", "true", false),
        ] {
            assert_eq!(wanted(&BTreeMap::from([(key.to_owned(), value.to_owned())])), want, "{key}={value}");
        }
    }

    #[test]
    fn a_schedule_starts_stops_and_changes() {
        let mut row = scheduled(&json!({"scheduleExpression": "rate(1hours)"}));
        redefined(&mut row, NOW).expect("nothing to do");
        assert_eq!((row.status, row.state.activation), (FlowStatus::Draft, None));
        activate(&mut row, NOW).expect("activated");
        let active = Activation { activated_at_ms: NOW, next_due_ms: Some(NOW) };
        assert_eq!((row.status, row.state.activation), (FlowStatus::Active, Some(active)));
        assert_eq!(row.state.error_streak, 0);
        redefined(&mut row, NOW + 1).expect("activated anew");
        assert_eq!(row.state.activation.map(|of| of.activated_at_ms), Some(NOW + 1));
        deactivate(&mut row);
        assert_eq!((row.status, row.state.activation), (FlowStatus::Suspended, None));
    }

    #[test]
    fn a_schedule_that_is_over_is_told() {
        let mut row = scheduled(
            &json!({"scheduleExpression": "rate(1hours)", "scheduleStartTime": 1, "scheduleEndTime": 2}),
        );
        activate(&mut row, NOW).expect("activated");
        assert!(row.status_message.expect("a message").contains("no time left"));
        assert_eq!(row.state.activation.and_then(|of| of.next_due_ms), None);
    }

    #[test]
    fn events_start_a_flow_that_nothing_is_due_of() {
        let mut row = flow(&json!({"triggerType": "Event"}));
        activate(&mut row, NOW).expect("activated");
        assert_eq!((row.status, row.state.activation, row.state.error_streak), (FlowStatus::Active, None, 0));
        deactivate(&mut row);
        assert_eq!(row.status, FlowStatus::Suspended);
    }

    #[test]
    fn what_can_never_start_is_refused_and_an_on_demand_flow_is_left_alone() {
        let mut row = scheduled(&json!({"scheduleExpression": "every day"}));
        assert!(activate(&mut row, NOW).expect_err("no schedule").contains("every day"));
        assert_eq!(row.status, FlowStatus::Draft);
        let mut row = flow(&json!({"triggerType": "OnDemand"}));
        row.status = FlowStatus::Active;
        redefined(&mut row, NOW).expect("nothing to do");
        assert_eq!(row.state.activation, None);
    }
}
