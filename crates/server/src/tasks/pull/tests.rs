//! Which part of its source a run reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tidegate_core::connector::CursorCell;
use tidegate_core::run::{Run, RunCounts, RunOptions, RunStatus};
use tidegate_core::schedule::DueTicks;
use tidegate_core::{AccountId, ExecutionId};
use tidegate_store::{Lease, Work};

use super::*;

const TICK: i64 = 1_772_323_200_000;
const THIRTY_DAYS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A run of a flow that the schedule asked for at [`TICK`].
fn claimed(source: Value, scheduled: Value) -> ClaimedRun {
    let kind = source["connectorType"].as_str().expect("a type").to_owned();
    let id = ExecutionId::random();
    ClaimedRun {
        lease: Lease { account: AccountId::new("1"), id: id.clone(), attempt: 1 },
        work: Work::Start,
        run: Run {
            id,
            flow: "f1".into(),
            trigger: RunTrigger::Scheduled,
            ticks: Some(DueTicks::one(TICK)),
            window: None,
            options: RunOptions::default(),
            event_mark: None,
            status: RunStatus::Running,
            attempt: 1,
            started_at_ms: TICK + 5_000,
            updated_at_ms: TICK,
            counts: RunCounts::default(),
            error: None,
            commit: None,
        },
        definition: json!({
            "flowName": "f1",
            "triggerConfig": {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": scheduled}},
            "sourceFlowConfig": source,
            "destinationFlowConfigList": [{
                "connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "out"}},
            }],
            "tasks": [{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {kind: "NO_OP"}}],
        }),
        schema_version: 1,
        tags: BTreeMap::new(),
        cursor: FlowCursor::default(),
        cursor_epoch: 0,
    }
}

fn sap(field: Option<&str>) -> Value {
    json!({
        "connectorType": "SAPOData", "connectorProfileName": "sap",
        "sourceConnectorProperties": {"SAPOData": {"objectPath": "/odata/Planes"}},
        "incrementalPullConfig": {"datetimeTypeFieldName": field},
    })
}

fn s3() -> Value {
    json!({"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": "in"}}})
}

fn incremental() -> Value {
    json!({"scheduleExpression": "rate(1hours)", "dataPullMode": "Incremental", "scheduleOffset": 60})
}

fn window(start_ms: i64, end_ms: i64) -> PullWindow {
    PullWindow { start_ms, end_ms }
}

fn filters_of(plan: &Plan) -> Vec<(String, Comparison, Vec<String>)> {
    let filters = plan.request().filters;
    filters.into_iter().map(|filter| (filter.field, filter.comparison, filter.values)).collect()
}

#[test]
fn a_window_over_a_field_is_two_filters() {
    let mut run = claimed(sap(Some("changed")), incremental());
    let plan = Plan::new(&run).expect("a plan");
    let first = window(TICK - THIRTY_DAYS, TICK - 60_000);
    assert_eq!(plan.window(), Some(first));
    let bounds = [(Comparison::GreaterOrEqual, first.start_ms), (Comparison::Less, first.end_ms)]
        .map(|(comparison, bound)| ("changed".to_owned(), comparison, vec![bound.to_string()]));
    assert_eq!(filters_of(&plan), bounds);
    assert_eq!(plan.cursor(None).and_then(|cursor| cursor.window_end_ms), Some(first.end_ms));
    // It goes on where the last successful run ended, and ends at the last of its ticks.
    run.cursor.window_end_ms = Some(TICK - 90_000);
    let mut ticks = DueTicks::one(TICK - 7_200_000);
    ticks.join(&DueTicks { first_ms: TICK, last_ms: TICK, count: 1, listed: vec![TICK] });
    run.run.ticks = Some(ticks);
    assert_eq!(Plan::new(&run).expect("a plan").window(), Some(window(TICK - 90_000, TICK - 60_000)));
    // What lies ahead of the tick is not read twice: the window is empty.
    run.cursor.window_end_ms = Some(TICK + 1);
    let plan = Plan::new(&run).expect("a plan");
    assert!(plan.is_empty());
    assert_eq!(plan.cursor(None).and_then(|cursor| cursor.window_end_ms), Some(TICK + 1));
}

#[test]
fn objects_go_by_the_time_of_their_change() {
    let run = claimed(s3(), incremental());
    let plan = Plan::new(&run).expect("a plan");
    let SourceSpec::S3(source) = &plan.spec.source else { panic!("files") };
    assert_eq!(source.changed, Some(window(TICK - THIRTY_DAYS, TICK - 60_000)));
    assert!(filters_of(&plan).is_empty());
    // Those of the last second are waited for.
    assert_eq!(plan.wait_for_objects_ms(TICK - 60_000), 1_100);
    assert_eq!(plan.wait_for_objects_ms(TICK - 59_500), 600);
    assert_eq!(plan.wait_for_objects_ms(TICK), 0);
    assert_eq!(plan.wait_for_objects_ms(0), 1_100, "a clock that was set back holds nothing up");
}

#[test]
fn changes_go_by_the_sources_own_cursor() {
    let mut run = claimed(sap(None), incremental());
    let plan = Plan::new(&run).expect("a plan");
    assert_eq!((plan.request().track_changes, plan.request().cursor), (true, None));
    assert_eq!(plan.window(), None);
    assert_eq!(plan.cursor(None), None, "a source that tells none moves nothing");
    assert_eq!(plan.cursor(Some("c1")).and_then(|cursor| cursor.delta_link).as_deref(), Some("c1"));
    run.cursor.delta_link = Some("c1".to_owned());
    assert_eq!(Plan::new(&run).expect("a plan").request().cursor.as_deref(), Some("c1"));
    // A full load that somebody asks for begins anew.
    run.run.trigger = RunTrigger::OnDemand;
    run.run.options.mode = Some(PullMode::Complete);
    assert_eq!(Plan::new(&run).expect("a plan").pull, Pull::Changes(None));
    // Also of a flow without such a schedule, if it was asked for changes before.
    let mut run = claimed(sap(None), json!({"scheduleExpression": "rate(1hours)"}));
    run.run.options.mode = Some(PullMode::Complete);
    assert_eq!(Plan::new(&run).expect("a plan").pull, Pull::Everything);
    run.cursor.delta_link = Some("c1".to_owned());
    assert_eq!(Plan::new(&run).expect("a plan").pull, Pull::Changes(None));
    run.run.options.mode = None;
    assert_eq!(Plan::new(&run).expect("a plan").pull, Pull::Everything, "as its schedule says");
}

#[test]
fn a_run_may_be_asked_for_another_part() {
    let complete = json!({"scheduleExpression": "rate(1hours)"});
    let mut run = claimed(sap(Some("changed")), complete);
    assert_eq!(Plan::new(&run).expect("a plan").pull, Pull::Everything);
    run.run.trigger = RunTrigger::OnDemand;
    run.run.ticks = None;
    run.run.options.mode = Some(PullMode::Incremental);
    run.cursor.window_end_ms = Some(5);
    let plan = Plan::new(&run).expect("a plan");
    assert_eq!(plan.window(), Some(window(5, TICK + 5_000)), "up to when it was asked for");
    assert!(plan.cursor(None).is_some());

    run.run.options = RunOptions {
        window: Some(window(10, 20)),
        filters: vec![json!({
            "taskType": "Filter", "sourceFields": ["seats"], "connectorOperator": {"SAPOData": "EQUAL_TO"},
            "taskProperties": {"DATA_TYPE": "Edm.Int32", "VALUE": "4"},
        })],
        mode: None,
    };
    let plan = Plan::new(&run).expect("a plan");
    assert_eq!((plan.window(), plan.cursor(None)), (Some(window(10, 20)), None));
    let fields: Vec<String> = filters_of(&plan).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(fields, ["seats", "changed", "changed"]);

    run.run.options.filters = vec![json!({"taskType": "Map_all", "sourceFields": []})];
    assert!(Plan::new(&run).is_err_and(|text| text.contains("no other tasks")));
    let mut run = claimed(sap(None), incremental());
    run.run.options.window = Some(window(10, 20));
    assert!(Plan::new(&run).is_err_and(|text| text.contains("datetimeTypeFieldName")));
}

#[test]
fn what_filters_of_a_run_leave_out_is_still_to_be_read() {
    let filter = |run: &mut ClaimedRun| {
        run.run.trigger = RunTrigger::OnDemand;
        run.run.ticks = None;
        run.run.options.filters = vec![json!({
            "taskType": "Filter", "sourceFields": ["seats"], "connectorOperator": {"SAPOData": "EQUAL_TO"},
            "taskProperties": {"DATA_TYPE": "Edm.Int32", "VALUE": "4"},
        })];
    };
    let mut run = claimed(sap(Some("changed")), incremental());
    filter(&mut run);
    run.run.options.mode = Some(PullMode::Incremental);
    run.cursor.window_end_ms = Some(5);
    let plan = Plan::new(&run).expect("a plan");
    assert_eq!((plan.window(), plan.cursor(None)), (Some(window(5, TICK + 5_000 - 60_000)), None));
    // A subscription notes the changes of all that the flow asks for, or is left alone.
    let mut run = claimed(sap(None), incremental());
    filter(&mut run);
    run.run.options.mode = Some(PullMode::Incremental);
    assert!(Plan::new(&run).is_err_and(|text| text.contains("filters of its own")));
    run.run.options.mode = Some(PullMode::Complete);
    assert_eq!(Plan::new(&run).expect("a plan").pull, Pull::Everything);
}

#[test]
fn only_a_point_in_time_has_windows() {
    let plan = Plan::new(&claimed(sap(Some("changed")), incremental())).expect("a plan");
    let scan = |field: Field| Scan {
        schema: Arc::new(Schema::new(vec![field])),
        pushed: Vec::new(),
        batches: futures::stream::empty().boxed(),
        next_cursor: CursorCell::default(),
    };
    let moment = Field::new("changed", DataType::Utf8, true)
        .with_metadata([(TEXT_MEANING.to_owned(), MOMENT_TEXT.to_owned())].into());
    for good in [
        Field::new("changed", DataType::Date32, true),
        Field::new("changed", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true),
        moment,
    ] {
        plan.check(&scan(good)).expect("a point in time");
    }
    for bad in [
        Field::new("changed", DataType::Utf8, true),
        Field::new("changed", DataType::Int64, true),
        Field::new("other", DataType::Date32, true),
    ] {
        assert!(plan.check(&scan(bad)).is_err_and(|text| text.contains("changed")));
    }
}

#[test]
fn the_tags_of_the_flow_count_as_they_are_now() {
    let mut claimed = claimed(s3(), incremental());
    claimed.definition["tags"] = json!({"tidegate:on-bad-value": "null"});
    claimed.tags = BTreeMap::from([("tidegate:on-bad-value".to_owned(), "drop".to_owned())]);
    let plan = Plan::new(&claimed).expect("a plan");
    assert_eq!(plan.spec.policies.on_bad_value, tidegate_core::task::OnBadValue::Drop);
}
