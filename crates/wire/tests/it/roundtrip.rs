//! What is sent comes back: every shape through validation and the typed form, unchanged to the byte.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tidegate_wire::schema::PATTERNS;
use tidegate_wire::types::*;
use tidegate_wire::{Input, Known, Operation, OrEmpty, parse, validate_input};

use crate::examples::{Size, example};

fn unchanged<T: DeserializeOwned + Serialize>(value: &Value) {
    let typed: T = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_string(&typed).unwrap(), value.to_string());
}

/// Both examples of an operation's input and output.
fn check<T: Input + Serialize>() -> Operation
where
    T::Output: DeserializeOwned,
{
    let operation = T::OPERATION;
    for size in [Size::Minimal, Size::Maximal] {
        let input = example(operation.input(), size);
        assert_eq!(validate_input(operation, input.clone()).unwrap(), input);
        let typed: T = parse(input.clone()).unwrap();
        assert_eq!(serde_json::to_string(&typed).unwrap(), input.to_string());
        unchanged::<T::Output>(&example(operation.output(), size));
    }
    operation
}

#[test]
fn every_operation_comes_back_unchanged() {
    let checked = [
        check::<CancelFlowExecutionsRequest>(),
        check::<CreateFlowRequest>(),
        check::<DeleteConnectorProfileRequest>(),
        check::<DeleteFlowRequest>(),
        check::<DescribeConnectorRequest>(),
        check::<DescribeConnectorEntityRequest>(),
        check::<DescribeConnectorProfilesRequest>(),
        check::<DescribeConnectorsRequest>(),
        check::<DescribeFlowRequest>(),
        check::<DescribeFlowExecutionRecordsRequest>(),
        check::<ListConnectorEntitiesRequest>(),
        check::<ListConnectorsRequest>(),
        check::<ListFlowsRequest>(),
        check::<ListTagsForResourceRequest>(),
        check::<RegisterConnectorRequest>(),
        check::<ResetConnectorMetadataCacheRequest>(),
        check::<StartFlowRequest>(),
        check::<StopFlowRequest>(),
        check::<TagResourceRequest>(),
        check::<UnregisterConnectorRequest>(),
        check::<UntagResourceRequest>(),
        check::<UpdateConnectorRegistrationRequest>(),
        check::<UpdateFlowRequest>(),
    ];
    // The two that carry credentials cannot be serialised and have a test of their own below.
    assert_eq!(checked.len() + 2, Operation::ALL.len());
}

#[test]
fn credentials_arrive_as_one_document() {
    for size in [Size::Minimal, Size::Maximal] {
        let input = example(Operation::CreateConnectorProfile.input(), size);
        let sent = input["connectorProfileConfig"].clone();
        let typed: CreateConnectorProfileRequest = parse(input).unwrap();
        let config = typed.connector_profile_config;
        assert_eq!(config.connector_profile_properties, sent["connectorProfileProperties"]);
        let credentials = config.connector_profile_credentials;
        assert_eq!(
            credentials.as_ref().map(tidegate_core::Secret::expose),
            sent.get("connectorProfileCredentials")
        );
        assert_eq!(credentials.is_some(), size == Size::Maximal);

        let input = example(Operation::UpdateConnectorProfile.input(), size);
        let typed: UpdateConnectorProfileRequest = parse(input.clone()).unwrap();
        assert_eq!(typed.connector_profile_name, input["connectorProfileName"]);
    }
}

#[test]
fn flows_keep_every_kind_of_nothing_apart() {
    let tasks = [
        json!({"sourceFields": [], "taskType": "Filter"}),
        json!({"sourceFields": [""], "taskType": "Map_all"}),
        json!({"sourceFields": [], "destinationField": "", "taskType": "Filter"}),
        json!({"sourceFields": [], "connectorOperator": {}, "taskType": "Filter"}),
        json!({"sourceFields": [], "connectorOperator": {"S3": ""}, "taskType": "Filter"}),
        json!({"sourceFields": [], "connectorOperator": {"S3": "PROJECTION", "Salesforce": ""}, "taskType": "Filter"}),
        json!({"sourceFields": [], "taskType": "Filter", "taskProperties": {}}),
        json!({"sourceFields": [], "taskType": "Filter", "taskProperties": {"VALUES": "b", "DATA_TYPE": "s", "VALUE": "5"}}),
    ];
    for value in tasks {
        unchanged::<Task>(&value);
    }
    let outputs = [
        json!({}),
        json!({"preserveSourceDataTyping": false}),
        json!({"fileType": "", "preserveSourceDataTyping": true}),
        json!({"prefixConfig": {}, "aggregationConfig": {"targetFileSize": 0}}),
        json!({"prefixConfig": {"pathPrefixHierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]}}),
        json!({"prefixConfig": {"pathPrefixHierarchy": []}}),
    ];
    for value in outputs {
        unchanged::<S3OutputFormatConfig>(&value);
    }
    // An explicit null counts as absent, as in AWS.
    let typed: S3OutputFormatConfig =
        serde_json::from_value(json!({"preserveSourceDataTyping": null})).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), json!({}));
}

#[test]
fn an_empty_enum_member_is_kept_and_means_nothing() {
    let typed: S3OutputFormatConfig = serde_json::from_value(json!({"fileType": ""})).unwrap();
    assert_eq!(typed.file_type, Some(OrEmpty::Empty));
    assert_eq!(typed.file_type.known(), None);
    let typed: S3OutputFormatConfig = serde_json::from_value(json!({"fileType": "CSV"})).unwrap();
    assert_eq!(typed.file_type.known(), Some(FileType::Csv));
    assert!(serde_json::from_value::<S3OutputFormatConfig>(json!({"fileType": "XML"})).is_err());
    let text = Some(String::new());
    assert_eq!((&text).known(), None);
}

#[test]
fn enums_have_one_spelling() {
    for value in ConnectorType::ALL {
        assert_eq!(value.as_str().parse::<ConnectorType>(), Ok(*value));
        assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
    }
    let error = "SALESFORCE".parse::<ConnectorType>().unwrap_err();
    assert_eq!(error.to_string(), "not a value of ConnectorType");
}

#[test]
fn every_pattern_compiles() {
    assert!(PATTERNS.len() > 20);
    for pattern in PATTERNS {
        pattern.matches("any text");
    }
}
