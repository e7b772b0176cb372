//! What a new definition of a flow changes, compared with the one before.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_wire::{self as wire, Known as _};

use super::flow::is_projection;

/// The members that say which object a source or a destination is, by the names
/// that the connectors' properties use for it. Of a bucket the prefix counts, too.
const OBJECT: [&str; 7] =
    ["bucketName", "bucketPrefix", "domainName", "entityName", "object", "objectPath", "objectTypeName"];

/// The object of a source or a destination: the connector, and what of it.
type Object = (wire::ConnectorType, BTreeMap<&'static str, String>);

/// Whether the source is another object than before.
pub fn source_changes(before: &wire::CreateFlowRequest, after: &wire::CreateFlowRequest) -> bool {
    source(before) != source(after)
}

/// Whether the destination is another object than before.
pub fn destination_changes(before: &wire::CreateFlowRequest, after: &wire::CreateFlowRequest) -> bool {
    destinations(before) != destinations(after)
}

/// Whether a flow that read up to a point cannot go on from there: it reads
/// another object, or measures by another field. Another connection is taken for
/// another way to the same application.
pub fn position_is_lost(before: &wire::CreateFlowRequest, after: &wire::CreateFlowRequest) -> bool {
    let field = |flow: &wire::CreateFlowRequest| {
        let pull = flow.source_flow_config.incremental_pull_config.as_ref();
        pull.and_then(|pull| pull.datetime_type_field_name.clone()).unwrap_or_default()
    };
    source_changes(before, after) || field(before) != field(after)
}

/// Whether the schema of the output changes, which raises the flow's
/// `schemaVersion`: which fields become which, of which types, and how the
/// output is partitioned. The order of the tasks does not count.
pub fn schema_changes(before: &wire::CreateFlowRequest, after: &wire::CreateFlowRequest) -> bool {
    schema(before) != schema(after)
}

fn source(flow: &wire::CreateFlowRequest) -> Object {
    let config = &flow.source_flow_config;
    (config.connector_type, object(&config.source_connector_properties))
}

fn destinations(flow: &wire::CreateFlowRequest) -> Vec<Object> {
    let list = flow.destination_flow_config_list.iter();
    list.map(|config| (config.connector_type, object(&config.destination_connector_properties))).collect()
}

/// Reads the object out of a union of properties, whichever member it has. An
/// empty text means as much as an absent one.
fn object(properties: &impl serde::Serialize) -> BTreeMap<&'static str, String> {
    let document = serde_json::to_value(properties).unwrap_or_default();
    let unions = document.as_object().into_iter().flat_map(|union| union.values());
    unions
        .flat_map(|union| OBJECT.iter().filter_map(|name| Some((*name, union.get(*name)?.as_str()?))))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

fn schema(flow: &wire::CreateFlowRequest) -> (Object, Vec<Value>, Vec<(bool, Value)>) {
    let all = flow.tasks.iter().any(|task| task.task_type == wire::TaskType::MapAll);
    let shapes = |task: &&wire::Task| match task.task_type {
        // The fields that are chosen are those of the output only where all are mapped.
        wire::TaskType::Filter => all && is_projection(task),
        wire::TaskType::Mask | wire::TaskType::Truncate | wire::TaskType::Validate => false,
        _ => true,
    };
    let mut tasks: Vec<Value> = flow.tasks.iter().filter(shapes).map(meaning).collect();
    tasks.sort_by_cached_key(Value::to_string);
    let written = flow.destination_flow_config_list.iter().map(|config| {
        let properties = &config.destination_connector_properties;
        let format = properties.s3.as_ref().and_then(|s3| s3.s3_output_format_config.as_ref());
        let upsolver =
            properties.upsolver.as_ref().map(|upsolver| &upsolver.s3_output_format_config.prefix_config);
        let prefix = format.and_then(|format| format.prefix_config.as_ref()).or(upsolver);
        let typed = format.and_then(|format| format.preserve_source_data_typing).unwrap_or(false);
        (typed, prefix.map_or_else(|| serde_json::json!([false, null, [false, false]]), partition))
    });
    (source(flow), tasks, written.collect())
}

/// What of a prefix decides about folders: the console counts date, time and
/// execution id among the partition keys.
fn partition(prefix: &wire::PrefixConfig) -> Value {
    let kind = prefix.prefix_type.known().filter(|kind| *kind != wire::PrefixType::Filename);
    let format = prefix.prefix_format.known().filter(|_| kind.is_some());
    let hierarchy = prefix.path_prefix_hierarchy.iter().flatten();
    let keys = [wire::PathPrefix::ExecutionId, wire::PathPrefix::SchemaVersion]
        .map(|key| hierarchy.clone().any(|given| *given == key));
    serde_json::json!([kind.is_some(), format, keys])
}

/// A task without what says nothing: `[""]` and `[]` are the same fields, and an
/// absent map the same properties as an empty one.
fn meaning(task: &wire::Task) -> Value {
    let fields: Vec<&String> = task.source_fields.iter().filter(|field| !field.is_empty()).collect();
    let mut properties: Vec<(String, &String)> =
        task.task_properties.iter().flatten().map(|(key, value)| (key.to_string(), value)).collect();
    properties.sort();
    let operator = serde_json::to_value(&task.connector_operator).unwrap_or_default();
    serde_json::json!([
        task.task_type,
        fields,
        operator,
        task.destination_field.as_deref().unwrap_or_default(),
        properties
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow() -> Value {
        json!({
            "flowName": "f1",
            "triggerConfig": {"triggerType": "OnDemand"},
            "sourceFlowConfig": {
                "connectorType": "S3",
                "sourceConnectorProperties": {"S3": {"bucketName": "source", "bucketPrefix": ""}},
            },
            "destinationFlowConfigList": [{
                "connectorType": "S3",
                "destinationConnectorProperties": {"S3": {"bucketName": "out", "s3OutputFormatConfig": {"fileType": "PARQUET"}}},
            }],
            "tasks": [
                {"taskType": "Map_all", "sourceFields": [""], "connectorOperator": {"S3": "NO_OP"}},
                {"taskType": "Filter", "sourceFields": ["a"], "connectorOperator": {"S3": "EQUAL_TO"},
                 "taskProperties": {"DATA_TYPE": "string", "VALUE": "x"}},
                {"taskType": "Map", "sourceFields": ["a"], "destinationField": "b", "connectorOperator": {"S3": "NO_OP"},
                 "taskProperties": {"SOURCE_DATA_TYPE": "string", "DESTINATION_DATA_TYPE": "string"}},
            ],
        })
    }

    /// What a change of one place of the definition changes:
    /// source, destination, position, schema.
    fn changes(place: &str, value: Value) -> [bool; 4] {
        let before = wire::parse(flow()).expect("a definition");
        let mut after = flow();
        let (parent, name) = place.rsplit_once('/').expect("a path");
        let parent = after.pointer_mut(parent).expect("a parent");
        match parent {
            Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
            other => other[name] = value,
        }
        let after = wire::parse(after).expect("a definition");
        [
            source_changes(&before, &after),
            destination_changes(&before, &after),
            position_is_lost(&before, &after),
            schema_changes(&before, &after),
        ]
    }

    #[test]
    fn each_change_has_its_consequences() {
        let source = "/sourceFlowConfig/sourceConnectorProperties/S3";
        let destination = "/destinationFlowConfigList/0/destinationConnectorProperties/S3";
        let mut reversed = flow()["tasks"].as_array().expect("tasks").clone();
        reversed.reverse();
        const NONE: [bool; 4] = [false; 4];
        for (place, value, want) in [
            ("/description", json!("new"), NONE),
            (&format!("{source}/bucketName"), json!("other"), [true, false, true, true]),
            (&format!("{source}/bucketPrefix"), json!("p"), [true, false, true, true]),
            (&format!("{source}/s3InputFormatConfig"), json!({"s3InputFileType": "JSON"}), NONE),
            (&format!("{destination}/bucketPrefix"), json!("p"), [false, true, false, false]),
            (&format!("{destination}/bucketPrefix"), json!(""), NONE),
            (&format!("{destination}/s3OutputFormatConfig/fileType"), json!("CSV"), NONE),
            (&format!("{destination}/s3OutputFormatConfig/preserveSourceDataTyping"), json!(false), NONE),
            (
                &format!("{destination}/s3OutputFormatConfig/preserveSourceDataTyping"),
                json!(true),
                [false, false, false, true],
            ),
            (
                &format!("{destination}/s3OutputFormatConfig/prefixConfig"),
                json!({"prefixType": "FILENAME"}),
                NONE,
            ),
            (
                &format!("{destination}/s3OutputFormatConfig/prefixConfig"),
                json!({"pathPrefixHierarchy": ["EXECUTION_ID"]}),
                [false, false, false, true],
            ),
            (
                &format!("{destination}/s3OutputFormatConfig/prefixConfig"),
                json!({"prefixType": "PATH", "prefixFormat": "DAY"}),
                [false, false, false, true],
            ),
            (
                "/sourceFlowConfig/incrementalPullConfig",
                json!({"datetimeTypeFieldName": "t"}),
                [false, false, true, false],
            ),
            ("/sourceFlowConfig/incrementalPullConfig", json!({}), NONE),
            ("/tasks", json!(reversed), NONE),
            ("/tasks/0/sourceFields", json!([]), NONE),
            ("/tasks/0/taskProperties", json!({}), NONE),
            (
                "/tasks/0/taskProperties",
                json!({"EXCLUDE_SOURCE_FIELDS_LIST": "[\"a\"]"}),
                [false, false, false, true],
            ),
            ("/tasks/1/taskProperties/VALUE", json!("y"), NONE),
            ("/tasks/1/connectorOperator/S3", json!("PROJECTION"), [false, false, false, true]),
            ("/tasks/1/taskType", json!("Partition"), [false, false, false, true]),
            ("/tasks/2/destinationField", json!("c"), [false, false, false, true]),
            ("/tasks/2/taskProperties/DESTINATION_DATA_TYPE", json!("integer"), [false, false, false, true]),
        ] {
            assert_eq!(changes(place, value.clone()), want, "{place} becomes {value}");
        }
    }

    #[test]
    fn another_connector_is_another_object() {
        let config = json!({"connectorType": "SAPOData", "connectorProfileName": "sap",
                            "sourceConnectorProperties": {"SAPOData": {"objectPath": "/a"}}});
        assert_eq!(changes("/sourceFlowConfig", config), [true, false, true, true]);
    }
}
