//! Triggers: what the wire sent, understood as a schedule and as the way in
//! which a run finds what is new.

use tidegate_core::ConnectorType;
use tidegate_core::schedule::{PullMode, Schedule, ScheduleExpression};
use tidegate_store::Activation;
use tidegate_wire::{self as wire, Known};

use super::flow::Findings;
use super::profile::connector_type;

/// The service's words for a Scheduled trigger that says nothing else.
const NO_PROPERTIES: &str = "TriggerProps is required for Scheduled Trigger Type.";

/// The schedule of a trigger; `None` when nothing is scheduled.
///
/// # Errors
/// What is wrong with it, as findings.
pub fn schedule(trigger: &wire::TriggerConfig) -> Result<Option<Schedule>, Findings> {
    if trigger.trigger_type != wire::TriggerType::Scheduled {
        return Ok(None);
    }
    let properties = trigger.trigger_properties.as_ref().and_then(|properties| properties.scheduled.as_ref());
    let Some(properties) = properties else { return Err(vec![NO_PROPERTIES.to_owned()]) };
    let expression = ScheduleExpression::parse(&properties.schedule_expression)
        .map_err(|error| vec![error.to_string()])?;
    // Numbers outside the model's ranges were refused before; a stored one
    // that is damaged reads as the nearest.
    let number = |value: i64| u32::try_from(value.max(0)).unwrap_or(u32::MAX);
    let schedule = Schedule {
        start_ms: properties.schedule_start_time.map(wire::Timestamp::as_millis),
        end_ms: properties.schedule_end_time.map(wire::Timestamp::as_millis),
        offset_seconds: properties.schedule_offset.map_or(0, number),
        first_execution_from_ms: properties.first_execution_from.map(wire::Timestamp::as_millis),
        pull_mode: match properties.data_pull_mode.known() {
            Some(wire::DataPullMode::Incremental) => PullMode::Incremental,
            Some(wire::DataPullMode::Complete) => PullMode::Complete,
            None => PullMode::default(),
        },
        error_threshold: properties
            .flow_error_deactivation_threshold
            .map(|threshold| number(i64::from(threshold))),
        timezone_label: properties.timezone.clone(),
        ..Schedule::new(expression)
    };
    schedule.check().map_err(|error| vec![error.to_string()])?;
    Ok(Some(schedule))
}

/// The activation of a schedule at a time. A flow whose schedule has no tick
/// left is active and does nothing; the text is for its status message.
pub fn activation(schedule: &Schedule, now_ms: i64) -> (Activation, Option<&'static str>) {
    // A rate without a start has its first tick at the activation itself.
    let next_due_ms = schedule.timetable(now_ms).next_tick(now_ms.saturating_sub(1));
    let nothing = next_due_ms.is_none().then_some(
        "The schedule has no time left at which the flow would run; change its end or its expression.",
    );
    (Activation { activated_at_ms: now_ms, next_due_ms }, nothing)
}

/// How an incremental run finds what is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newness {
    /// By a field of the records: `incrementalPullConfig.datetimeTypeFieldName`.
    Field(String),
    /// By the time at which objects were last changed.
    Objects,
    /// By the source's own record of changes.
    Changes,
}

/// Why a run with filters of its own cannot follow changes.
pub const NO_FILTERED_CHANGES: &str = "an incremental run cannot have filters of its own where the source tells its \
    changes: it would not tell those that they leave out again";

/// How an incremental run of this source finds what is new.
///
/// # Errors
/// The source needs a timestamp field, and none is given.
pub fn newness(source: &wire::SourceFlowConfig) -> Result<Newness, Findings> {
    let kind = connector_type(source.connector_type);
    let field = source.incremental_pull_config.as_ref();
    let field = field.and_then(|config| (&config.datetime_type_field_name).known());
    match (kind, field) {
        (ConnectorType::S3, _) => Ok(Newness::Objects),
        (_, Some(field)) => Ok(Newness::Field(field.to_owned())),
        (ConnectorType::SapOData, None) => Ok(Newness::Changes),
        (other, None) => Err(vec![format!(
            "An incremental flow that reads from {} needs the timestamp field to go by: set \
             incrementalPullConfig.datetimeTypeFieldName",
            other.as_str()
        )]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_core::schedule::Frequency;

    use super::*;

    fn trigger(scheduled: &Value) -> Result<Option<Schedule>, Findings> {
        let value = json!({"triggerType": "Scheduled", "triggerProperties": {"Scheduled": scheduled}});
        schedule(&serde_json::from_value(value).expect("a trigger"))
    }

    #[test]
    fn every_member_is_understood() {
        let schedule = trigger(&json!({
            "scheduleExpression": "rate(5 minutes)", "dataPullMode": "Incremental", "scheduleStartTime": 1000,
            "scheduleEndTime": 2000.5, "timezone": "Europe/Berlin", "scheduleOffset": 60,
            "firstExecutionFrom": 500, "flowErrorDeactivationThreshold": 3,
        }))
        .expect("a good one")
        .expect("scheduled");
        assert_eq!(schedule.expression.frequency(), Frequency::ByMinute);
        assert_eq!((schedule.start_ms, schedule.end_ms), (Some(1_000_000), Some(2_000_500)));
        assert_eq!((schedule.offset_seconds, schedule.first_execution_from_ms), (60, Some(500_000)));
        assert_eq!((schedule.pull_mode, schedule.error_threshold), (PullMode::Incremental, Some(3)));
        assert_eq!(schedule.timezone_label.as_deref(), Some("Europe/Berlin"));
        let (active, nothing) = activation(&schedule, 1_100_000);
        assert_eq!((active.activated_at_ms, active.next_due_ms), (1_100_000, Some(1_300_000)));
        assert_eq!(nothing, None);
        assert!(activation(&schedule, 3_000_000).1.is_some_and(|text| text.contains("no time left")));
    }

    #[test]
    fn what_cannot_be_carried_out_is_a_finding() {
        let on_demand: wire::TriggerConfig =
            serde_json::from_value(json!({"triggerType": "OnDemand"})).expect("a trigger");
        assert_eq!(schedule(&on_demand), Ok(None));
        let bare: wire::TriggerConfig =
            serde_json::from_value(json!({"triggerType": "Scheduled"})).expect("a trigger");
        assert_eq!(schedule(&bare), Err(vec![NO_PROPERTIES.to_owned()]));
        for bad in [
            json!({"scheduleExpression": "every day"}),
            json!({"scheduleExpression": "rate(0minutes)"}),
            json!({"scheduleExpression": "rate(1day)", "scheduleStartTime": 2, "scheduleEndTime": 1}),
        ] {
            assert!(trigger(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_source_says_how_it_finds_what_is_new() {
        let source = |kind: &str, field: Value| {
            let value = json!({
                "connectorType": kind, "sourceConnectorProperties": {},
                "incrementalPullConfig": {"datetimeTypeFieldName": field},
            });
            newness(&serde_json::from_value(value).expect("a source"))
        };
        assert_eq!(source("S3", Value::Null), Ok(Newness::Objects));
        assert_eq!(source("SAPOData", json!("at")), Ok(Newness::Field("at".to_owned())));
        assert_eq!(source("SAPOData", json!("")), Ok(Newness::Changes));
        assert!(
            source("Marketo", Value::Null).is_err_and(|found| found[0].contains("datetimeTypeFieldName"))
        );
    }
}
