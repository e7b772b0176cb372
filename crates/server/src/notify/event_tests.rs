//! The events against a sample of the service's.

use std::collections::BTreeMap;

use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{RunCounts, RunOptions, RunTrigger};
use tidegate_core::{AccountId, ExecutionId, FlowName};
use tidegate_store::FlowState;

use super::*;

fn events(compat: Compat) -> Events {
    let scope = Scope { account: AccountId::new("123456789012"), region: "eu-west-1".to_owned() };
    Events { scope, compat }
}

fn flow(source: Value) -> FlowRecord {
    FlowRecord {
        name: FlowName::new("test"),
        definition: json!({
            "sourceFlowConfig": source,
            "destinationFlowConfigList": [{
                "connectorType": "S3",
                "destinationConnectorProperties": {"S3": {"bucketName": "out", "bucketPrefix": "input"}},
            }],
        }),
        status: FlowStatus::Suspended,
        status_message: None,
        schema_version: 1,
        tags: BTreeMap::new(),
        created_at_ms: 1,
        updated_at_ms: 1_693_313_999_999,
        created_by: "arn:aws:sts::123456789012:assumed-role/ABC/ABC-ROLE".to_owned(),
        updated_by: String::new(),
        state: FlowState::default(),
    }
}

fn run(status: RunStatus) -> Run {
    Run {
        id: ExecutionId::new("2c07e424-21e4-4ee3-b70f-4fb55b2ecf79"),
        flow: FlowName::new("test"),
        trigger: RunTrigger::OnDemand,
        ticks: None,
        window: None,
        options: RunOptions::default(),
        event_mark: None,
        status,
        attempt: 1,
        started_at_ms: 1_693_313_723_835,
        updated_at_ms: 1_693_313_732_049,
        counts: RunCounts {
            records_processed: 63_000,
            records_filtered: 7,
            records_failed: 2,
            bytes_processed: 10_226_699,
            ..RunCounts::default()
        },
        error: None,
        commit: None,
    }
}

fn s3() -> Value {
    json!({"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": "in", "bucketPrefix": "a"}}})
}

#[test]
fn the_end_of_a_run_is_told_as_the_service_tells_it() {
    let event = events(Compat::Strict).ended("e", &flow(s3()), &run(RunStatus::Successful));
    let number = event["resources"][0].as_str().expect("a number").to_owned();
    assert!(number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()), "{number}");
    let expected = json!({
        "version": "0",
        "id": "e",
        "detail-type": "AppFlow End Flow Run Report",
        "source": "aws.appflow",
        "account": "123456789012",
        "time": "2023-08-29T12:55:32Z",
        "region": "eu-west-1",
        "resources": [number],
        "detail": {
            "flow-name": "test",
            "created-by": "arn:aws:sts::123456789012:assumed-role/ABC/ABC-ROLE",
            "flow-arn": "arn:aws:appflow:eu-west-1:123456789012:flow/test",
            "source": "S3",
            "destination": "S3",
            "source-object": "s3://in/a",
            "destination-object": "s3://out/input",
            "trigger-type": "ONDEMAND",
            "num-of-records-processed": "63000",
            "execution-id": "2c07e424-21e4-4ee3-b70f-4fb55b2ecf79",
            "num-of-records-filtered": "7",
            "start-time": "2023-08-29T12:55:23.835Z[UTC]",
            "num-of-documents-processed": "0",
            "end-time": "2023-08-29T12:55:32.049Z[UTC]",
            "num-of-record-failures": "2",
            "data-processed": "10226699",
            "status": "Execution Successful",
        },
    });
    // As text, so that the order counts, too.
    assert_eq!(event.to_string(), expected.to_string());
}

#[test]
fn a_failure_has_its_error_and_a_cancelled_run_none() {
    let mut failed = run(RunStatus::Error);
    failed.error = Some("ä".repeat(3000));
    let event = events(Compat::Relaxed).ended("e", &flow(s3()), &failed);
    assert_eq!(event["detail"]["status"], "Execution Failed");
    assert_eq!(event["detail"]["error"].as_str().map(|text| text.chars().count()), Some(MAX_TEXT));
    assert_eq!(event["resources"][1], "arn:aws:appflow:eu-west-1:123456789012:flow/test");
    let event = events(Compat::Relaxed).ended("e", &flow(s3()), &run(RunStatus::Canceled));
    assert_eq!(event["detail"]["status"], "Execution Canceled");
    assert_eq!(event["detail"].get("error"), None);
}

#[test]
fn a_start_has_its_window_and_names_the_connection() {
    let source = json!({
        "connectorType": "SAPOData", "connectorProfileName": "erp",
        "sourceConnectorProperties": {"SAPOData": {"objectPath": "Flights"}},
    });
    let run = Run { trigger: RunTrigger::Scheduled, ..run(RunStatus::Running) };
    let window = PullWindow { start_ms: 1_693_310_000_000, end_ms: 1_693_313_600_000 };
    let event = events(Compat::Relaxed).started("e", &flow(source), &run, Some(window));
    assert_eq!(event["detail-type"], "AppFlow Start Flow Run Report");
    let detail = &event["detail"];
    assert_eq!((&detail["source"], &detail["source-object"]), (&json!("SAPODATA/erp"), &json!("Flights")));
    assert_eq!(detail["trigger-type"], "SCHEDULED");
    assert_eq!(
        detail["incremental-transfer-time-range"],
        "2023-08-29T11:53:20.000Z[UTC] - 2023-08-29T12:53:20.000Z[UTC]"
    );
    for absent in ["end-time", "status", "num-of-records-processed"] {
        assert_eq!(detail.get(absent), None);
    }
}

#[test]
fn an_event_flow_is_reported_and_deactivated_as_such() {
    let mut row = flow(json!({
        "connectorType": "Salesforce", "connectorProfileName": "crm",
        "sourceConnectorProperties": {"Salesforce": {"object": "AccountChangeEvent"}},
    }));
    row.definition["triggerConfig"] = json!({"triggerType": "Event"});
    let report = EventReport {
        since_ms: 1_693_313_700_000,
        until_ms: 1_693_314_000_000,
        received: 12,
        successful: 2,
        failed: 1,
        canceled: 0,
        records_processed: 9,
        records_filtered: 1,
        records_failed: 0,
        bytes_processed: 512,
        error: Some("no such bucket".to_owned()),
        waiting: 2,
    };
    let event = events(Compat::Relaxed).reported("e", &row, &report);
    assert_eq!(event["detail-type"], "AppFlow Event Flow Report");
    let detail = event["detail"].as_object().expect("members");
    assert!(detail.values().all(Value::is_string));
    for (name, value) in [
        ("source", "SALESFORCE/crm"),
        ("source-object", "AccountChangeEvent"),
        ("trigger-type", "EVENT"),
        ("num-of-records-processed", "9"),
        ("num-of-records-filtered", "1"),
        ("data-processed", "512"),
        ("start-time", "2023-08-29T12:55:00.000Z[UTC]"),
        ("end-time", "2023-08-29T13:00:00.000Z[UTC]"),
        ("status-report", "Events received: 12, waiting: 2. Runs successful: 2, failed: 1, canceled: 0."),
        ("error", "no such bucket"),
    ] {
        assert_eq!(detail[name], value, "{name}");
    }
    let event = events(Compat::Relaxed).deactivated("e", &row, "why");
    assert_eq!(event["detail-type"], "AppFlow Event Flow Deactivated");
    assert_eq!(event["detail"]["trigger-type"], "EVENT");
}

#[test]
fn a_deactivation_says_why_and_when() {
    let event = events(Compat::Relaxed).deactivated("e", &flow(s3()), "why");
    assert_eq!(event["detail-type"], "AppFlow Scheduled Flow Deactivated");
    let detail = &event["detail"];
    assert_eq!(
        (&detail["deactivation-reason"], &detail["trigger-type"]),
        (&json!("why"), &json!("SCHEDULED"))
    );
    assert_eq!(detail["deactivation-time"], "2023-08-29T12:59:59.999Z[UTC]");
    assert_eq!(event["time"], "2023-08-29T12:59:59Z");
    assert!(detail.as_object().expect("members").values().all(Value::is_string));
}
