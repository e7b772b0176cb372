//! Flow definitions: what the wire sent, understood as what the engine runs.

use serde_json::Value;
use tidegate_connectors::descriptions;
use tidegate_core::flow::{
    Aggregation, ErrorHandling, FlowSpec, InputFormat, Layout, OutputFormat, PathPrefix, PrefixFormat,
    PrefixType, S3Destination, S3Source, SourceSpec,
};
use tidegate_core::task::{self, Policies, RawTask, Task};
use tidegate_core::{ConnectionName, ConnectorType, FlowName};
use tidegate_wire::{self as wire, Known};

use super::profile::connector_type;

/// What is wrong with a definition: findings in the service's words.
pub type Findings = Vec<String>;

/// Understands a definition.
///
/// # Errors
/// Everything that is wrong or not built yet, each as one finding.
pub fn spec(definition: &wire::CreateFlowRequest, schema_version: u32) -> Result<FlowSpec, Findings> {
    let mut findings = Findings::new();
    let source = collect(
        &mut findings,
        match definition.trigger_config.trigger_type {
            wire::TriggerType::Event => event_source(&definition.source_flow_config),
            _ => source(&definition.source_flow_config),
        },
    );
    let destination = collect(&mut findings, destination(&definition.destination_flow_config_list));
    let destination =
        destination.and_then(|destination| collect(&mut findings, cataloged(definition, destination)));
    let tasks = collect(&mut findings, tasks(definition));
    let tagged = collect(&mut findings, tagged(definition.tags.iter().flatten()));
    match (source, destination, tasks, tagged) {
        (Some(source), Some(destination), Some(tasks), Some((errors, policies))) => Ok(FlowSpec {
            name: FlowName::new(&definition.flow_name),
            schema_version,
            source,
            destination,
            tasks,
            policies,
            errors,
        }),
        _ => Err(findings),
    }
}

/// As [`spec`], for one run that has filters of its own: they count besides
/// those of the definition.
///
/// # Errors
/// As [`spec`], and a task that is no filter.
pub fn spec_with(
    definition: &wire::CreateFlowRequest,
    schema_version: u32,
    filters: &[Value],
) -> Result<FlowSpec, Findings> {
    if filters.is_empty() {
        return spec(definition, schema_version);
    }
    let mut definition = definition.clone();
    for filter in filters {
        let task: wire::Task = serde_json::from_value(filter.clone())
            .map_err(|error| vec![format!("A filter of the run is no task: {error}")])?;
        let condition = task.task_type == wire::TaskType::Filter && !is_projection(&task);
        if !condition {
            return one("A run may have filters of its own, and no other tasks");
        }
        definition.tasks.push(task);
    }
    spec(&definition, schema_version)
}

/// Whether a task is the one that names the fields of the flow.
pub fn is_projection(task: &wire::Task) -> bool {
    let operator = serde_json::to_value(&task.connector_operator).unwrap_or_default();
    operator.as_object().into_iter().flat_map(|union| union.values()).any(|value| value == "PROJECTION")
}

fn collect<T>(findings: &mut Findings, result: Result<T, Findings>) -> Option<T> {
    result.map_err(|found| findings.extend(found)).ok()
}

fn one<T>(finding: impl Into<String>) -> Result<T, Findings> {
    Err(vec![finding.into()])
}

/// The connection that a source configuration names, if its type takes one.
/// A profile name on an S3 source is tolerated and means nothing.
pub fn source_connection(config: &wire::SourceFlowConfig) -> Option<ConnectionName> {
    if connector_type(config.connector_type) == ConnectorType::S3 {
        return None;
    }
    (&config.connector_profile_name).known().map(ConnectionName::new)
}

fn source(config: &wire::SourceFlowConfig) -> Result<SourceSpec, Findings> {
    let kind = connector_type(config.connector_type);
    let properties = &config.source_connector_properties;
    let missing = || missing_source(kind);
    match kind {
        ConnectorType::SapOData => {
            let Some(sap) = &properties.sap_odata else { return missing() };
            let Some(entity) = (&sap.object_path).known() else {
                return one(
                    "The source SAPOData needs an objectPath, such as /sap/opu/odata/sap/SERVICE/EntitySet",
                );
            };
            let Some(connection) = source_connection(config) else {
                return one("The source SAPOData needs a connectorProfileName");
            };
            let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
            Ok(SourceSpec::Connection {
                connector_type: kind,
                connection,
                entity: entity.to_owned(),
                page_size: number(sap.pagination_config.as_ref().map(|config| config.max_page_size)),
                parallelism: number(sap.parallelism_config.as_ref().map(|config| config.max_parallelism)),
            })
        }
        ConnectorType::S3 => {
            let Some(s3) = &properties.s3 else { return missing() };
            let format =
                s3.s3_input_format_config.as_ref().and_then(|config| config.s3_input_file_type.known());
            Ok(SourceSpec::S3(S3Source {
                bucket: s3.bucket_name.clone(),
                prefix: s3.bucket_prefix.clone().unwrap_or_default(),
                format: match format {
                    None | Some(wire::S3InputFileType::Csv) => InputFormat::Csv,
                    Some(wire::S3InputFileType::Json) => InputFormat::Json,
                },
                changed: None,
            }))
        }
        other => one(format!(
            "{} cannot be a source of a flow on this server yet; SAPOData and S3 can",
            other.as_str()
        )),
    }
}

/// A source that delivers: nothing is read of it, so any type will do.
fn event_source(config: &wire::SourceFlowConfig) -> Result<SourceSpec, Findings> {
    let kind = connector_type(config.connector_type);
    let properties = serde_json::to_value(&config.source_connector_properties).unwrap_or_default();
    let Some(own) = properties.get(kind.union_key()) else { return missing_source(kind) };
    let connection = source_connection(config);
    if connection.is_none() && descriptions::of(kind).profile.is_some() {
        return one(format!("The source {} needs a connectorProfileName", kind.as_str()));
    }
    let name = |member: &str| own.get(member).and_then(Value::as_str);
    let entity = ["object", "objectPath", "entityName", "bucketName"].into_iter().find_map(name);
    Ok(SourceSpec::Events { connector_type: kind, connection, entity: entity.unwrap_or_default().to_owned() })
}

fn missing_source<T>(kind: ConnectorType) -> Result<T, Findings> {
    one(format!(
        "The source is {}, so sourceConnectorProperties must have the member {}",
        kind.as_str(),
        kind.union_key()
    ))
}

fn destination(list: &[wire::DestinationFlowConfig]) -> Result<S3Destination, Findings> {
    let [config] = list else {
        return one(format!("A flow has exactly one destination, and {} are given", list.len()));
    };
    let properties = &config.destination_connector_properties;
    let kind = connector_type(config.connector_type);
    match kind {
        ConnectorType::S3 => {
            let Some(s3) = &properties.s3 else { return missing(kind) };
            let format = s3.s3_output_format_config.as_ref();
            let prefix = format.and_then(|format| format.prefix_config.as_ref());
            Ok(S3Destination {
                bucket: s3.bucket_name.clone(),
                prefix: s3.bucket_prefix.clone().unwrap_or_default(),
                format: file_type(format.and_then(|format| format.file_type.known())),
                preserve_source_data_typing: format.and_then(|format| format.preserve_source_data_typing),
                layout: prefix.map(layout).unwrap_or_default(),
                aggregation: aggregation(format.and_then(|format| format.aggregation_config.as_ref())),
                is_cataloged: false,
            })
        }
        // Upsolver takes the files of a bucket that it reads; they are written as any others.
        ConnectorType::Upsolver => {
            let Some(upsolver) = &properties.upsolver else { return missing(kind) };
            let format = &upsolver.s3_output_format_config;
            Ok(S3Destination {
                bucket: upsolver.bucket_name.clone(),
                prefix: upsolver.bucket_prefix.clone().unwrap_or_default(),
                format: file_type(format.file_type.known()),
                preserve_source_data_typing: None,
                layout: layout(&format.prefix_config),
                aggregation: aggregation(format.aggregation_config.as_ref()),
                is_cataloged: false,
            })
        }
        other => one(format!(
            "{} cannot be a destination of a flow on this server yet; S3 and Upsolver can",
            other.as_str()
        )),
    }
}

/// Only what lies in S3 can be registered in a catalog.
fn cataloged(
    definition: &wire::CreateFlowRequest,
    destination: S3Destination,
) -> Result<S3Destination, Findings> {
    let config = definition.metadata_catalog_config.as_ref();
    let is_cataloged = config.is_some_and(|config| config.glue_data_catalog.is_some());
    let kind =
        definition.destination_flow_config_list.first().map(|config| connector_type(config.connector_type));
    match kind {
        Some(kind) if is_cataloged && kind != ConnectorType::S3 => one(format!(
            "The output of a flow to {} is not registered in a data catalog: leave metadataCatalogConfig out, or \
             write to S3",
            kind.as_str()
        )),
        _ => Ok(S3Destination { is_cataloged, ..destination }),
    }
}

/// The finding about a destination whose properties are another connector's.
fn missing<T>(kind: ConnectorType) -> Result<T, Findings> {
    one(format!(
        "The destination is {}, so destinationConnectorProperties must have the member {}",
        kind.as_str(),
        kind.union_key()
    ))
}

fn file_type(given: Option<wire::FileType>) -> OutputFormat {
    match given {
        None | Some(wire::FileType::Json) => OutputFormat::Json,
        Some(wire::FileType::Csv) => OutputFormat::Csv,
        Some(wire::FileType::Parquet) => OutputFormat::Parquet,
    }
}

fn aggregation(given: Option<&wire::AggregationConfig>) -> Aggregation {
    let kind = given.and_then(|config| config.aggregation_type.known());
    Aggregation {
        single_file: kind == Some(wire::AggregationType::SingleFile),
        per_input: kind == Some(wire::AggregationType::None),
        target_file_size_mb: given
            .and_then(|config| config.target_file_size)
            .and_then(|size| u64::try_from(size).ok())
            .filter(|size| *size > 0),
    }
}

fn layout(config: &wire::PrefixConfig) -> Layout {
    Layout {
        prefix_type: config.prefix_type.known().map(|kind| match kind {
            wire::PrefixType::Filename => PrefixType::Filename,
            wire::PrefixType::Path => PrefixType::Path,
            wire::PrefixType::PathAndFilename => PrefixType::PathAndFilename,
        }),
        prefix_format: config.prefix_format.known().map(|format| match format {
            wire::PrefixFormat::Year => PrefixFormat::Year,
            wire::PrefixFormat::Month => PrefixFormat::Month,
            wire::PrefixFormat::Day => PrefixFormat::Day,
            wire::PrefixFormat::Hour => PrefixFormat::Hour,
            wire::PrefixFormat::Minute => PrefixFormat::Minute,
        }),
        hierarchy: config
            .path_prefix_hierarchy
            .iter()
            .flatten()
            .map(|prefix| match prefix {
                wire::PathPrefix::ExecutionId => PathPrefix::ExecutionId,
                wire::PathPrefix::SchemaVersion => PathPrefix::SchemaVersion,
            })
            .collect(),
    }
}

/// What a flow's tags say of its runs: where failed records go, and what else
/// becomes of odd values and fields.
///
/// # Errors
/// A tag of this server's with a value that means nothing.
pub fn tagged<'t>(
    tags: impl IntoIterator<Item = (&'t String, &'t String)>,
) -> Result<(ErrorHandling, Policies), Findings> {
    let tags: Vec<(&str, &str)> =
        tags.into_iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let errors = tags.iter().find(|(key, _)| *key == ErrorHandling::TAG);
    let errors = errors.map(|(_, value)| ErrorHandling::from_tag(value)).unwrap_or_default();
    let policies = Policies::from_tags(tags, errors.default_for_bad_values())?;
    Ok((errors, policies))
}

fn tasks(definition: &wire::CreateFlowRequest) -> Result<Vec<Task>, Findings> {
    let source = connector_type(definition.source_flow_config.connector_type);
    let raw: Vec<RawTask> = definition.tasks.iter().map(|task| raw_task(task, source)).collect();
    let prefixed = |finding| format!("Task Validation Error: {finding}");
    let tasks = task::parse(&raw, source)
        .map_err(|findings| findings.into_iter().map(prefixed).collect::<Findings>())?;
    let s3 = definition.source_flow_config.source_connector_properties.s3.as_ref();
    let format = s3.and_then(|s3| s3.s3_input_format_config.as_ref());
    // Events are JSON Lines, whatever their source.
    let is_json = definition.trigger_config.trigger_type == wire::TriggerType::Event
        || format.and_then(|format| format.s3_input_file_type.known()) == Some(wire::S3InputFileType::Json);
    if tasks.contains(&Task::Passthrough) && !is_json {
        return one(prefixed(
            "A task of type Passthrough needs a source of JSON Lines: set s3InputFileType to JSON".to_owned(),
        ));
    }
    Ok(tasks)
}

/// A task's operator stands under the *source* connector's key; under any
/// other key the service takes it for NO_OP, and so do we.
fn raw_task(task: &wire::Task, source: ConnectorType) -> RawTask {
    let operator = task
        .connector_operator
        .as_ref()
        .and_then(|operator| serde_json::to_value(operator).ok())
        .and_then(|operator| operator.get(source.union_key()).and_then(Value::as_str).map(str::to_owned))
        .filter(|operator| !operator.is_empty());
    RawTask {
        task_type: task.task_type.as_str().to_owned(),
        source_fields: task.source_fields.clone(),
        operator,
        destination_field: task.destination_field.clone(),
        properties: task
            .task_properties
            .iter()
            .flatten()
            .map(|(key, value)| (key.as_str().to_owned(), value.clone()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_core::flow::FileCount;
    use tidegate_core::task::OnBadValue;

    use super::*;

    fn definition(change: impl FnOnce(&mut Value)) -> wire::CreateFlowRequest {
        let mut value = json!({
            "flowName": "f1",
            "triggerConfig": {"triggerType": "OnDemand"},
            "sourceFlowConfig": {
                "connectorType": "SAPOData",
                "connectorProfileName": "sap",
                "sourceConnectorProperties": {"SAPOData": {
                    "objectPath": "/odata/Planes",
                    "parallelismConfig": {"maxParallelism": 4},
                    "paginationConfig": {"maxPageSize": 500},
                }},
            },
            "destinationFlowConfigList": [{
                "connectorType": "S3",
                "destinationConnectorProperties": {"S3": {"bucketName": "bucket", "s3OutputFormatConfig": {
                    "fileType": "PARQUET",
                    "prefixConfig": {"prefixType": "PATH", "prefixFormat": "DAY", "pathPrefixHierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]},
                    "aggregationConfig": {"aggregationType": "SingleFile", "targetFileSize": 0},
                }}},
            }],
            "tasks": [{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"SAPOData": "NO_OP"}}],
        });
        change(&mut value);
        wire::parse(value).expect("a valid request")
    }

    #[test]
    fn a_whole_definition_is_understood() {
        let spec = spec(&definition(|_| {}), 3).expect("a good definition");
        let SourceSpec::Connection { entity, page_size, parallelism, .. } = &spec.source else {
            panic!("a connection's source");
        };
        assert_eq!((entity.as_str(), *page_size, *parallelism), ("/odata/Planes", Some(500), Some(4)));
        assert_eq!(spec.destination.format, OutputFormat::Parquet);
        assert_eq!(spec.destination.layout.hierarchy, [PathPrefix::SchemaVersion, PathPrefix::ExecutionId]);
        assert_eq!(spec.destination.layout.prefix_format, Some(PrefixFormat::Day));
        assert!(spec.destination.aggregation.single_file);
        assert_eq!(spec.destination.aggregation.target_file_size_mb, None);
        assert_eq!(spec.tasks.len(), 1);
    }

    #[test]
    fn partitions_are_taken_and_no_aggregation_is_more_than_nothing() {
        let of = |kind: Value, size: Value| {
            let definition = definition(|value| {
                let format =
                    "/destinationFlowConfigList/0/destinationConnectorProperties/S3/s3OutputFormatConfig";
                *value.pointer_mut(&format!("{format}/aggregationConfig")).expect("a member") =
                    json!({"aggregationType": kind, "targetFileSize": size});
                let tasks = value["tasks"].as_array_mut().expect("tasks");
                tasks.push(json!({"taskType": "Partition", "sourceFields": ["a"], "connectorOperator": {"SAPOData": "NO_OP"}}));
            });
            let spec = spec(&definition, 1).expect("a good definition");
            assert!(spec.tasks.contains(&Task::Partition { keys: vec!["a".to_owned()] }));
            spec.destination.aggregation.files()
        };
        assert_eq!(of(json!("None"), json!(0)), FileCount::PerInput);
        assert_eq!(of(json!("None"), json!(2)), FileCount::OfSize(2 << 20));
        assert_eq!(of(json!("SingleFile"), json!(2)), FileCount::One);
        assert_eq!(of(json!(""), json!(0)), FileCount::One);
    }

    #[test]
    fn upsolver_gets_files_of_a_bucket() {
        let upsolver = json!({
            "bucketName": "upsolver-appflow-x", "bucketPrefix": "p",
            "s3OutputFormatConfig": {"fileType": "CSV", "prefixConfig": {"prefixType": "FILENAME"},
                                     "aggregationConfig": {"aggregationType": "None"}},
        });
        let of = |properties: Value| {
            spec(
                &definition(|value| {
                    value["destinationFlowConfigList"] =
                        json!([{"connectorType": "Upsolver", "destinationConnectorProperties": properties}]);
                }),
                1,
            )
        };
        let destination = of(json!({"Upsolver": upsolver})).expect("a good definition").destination;
        assert_eq!((destination.bucket.as_str(), destination.prefix.as_str()), ("upsolver-appflow-x", "p"));
        assert_eq!(destination.format, OutputFormat::Csv);
        assert_eq!(destination.layout.prefix_type, Some(PrefixType::Filename));
        assert!(destination.aggregation.per_input);
        let findings = of(json!({"S3": {"bucketName": "upsolver-appflow-x"}})).expect_err("a finding");
        assert!(findings[0].contains("must have the member Upsolver"), "{findings:?}");
    }

    #[test]
    fn only_s3_is_registered_in_a_catalog() {
        let of = |destination: Value| {
            let glue = json!({"roleArn": "arn:aws:iam::000000000000:role/r", "databaseName": "d", "tablePrefix": "p"});
            spec(
                &definition(|value| {
                    value["metadataCatalogConfig"] = json!({"glueDataCatalog": glue});
                    if !destination.is_null() {
                        value["destinationFlowConfigList"] = json!([destination]);
                    }
                }),
                1,
            )
        };
        assert!(of(Value::Null).expect("a good definition").destination.is_cataloged);
        let findings =
            of(json!({"connectorType": "Upsolver", "destinationConnectorProperties": {"Upsolver": {
            "bucketName": "upsolver-appflow-x", "s3OutputFormatConfig": {"prefixConfig": {}}}}}));
        assert!(findings.expect_err("a finding")[0].contains("metadataCatalogConfig"));
    }

    #[test]
    fn tags_carry_the_policies() {
        let of = |tags: Value| spec(&definition(|value| value["tags"] = tags), 1);
        let spec = of(json!({"tidegate:error-bucket": "bad/records/here"})).expect("a good definition");
        assert_eq!(spec.errors.bucket.as_deref(), Some("bad"));
        assert_eq!(spec.errors.prefix, "records/here");
        assert_eq!(spec.policies.on_bad_value, OnBadValue::Drop);
        let spec = of(json!({"tidegate:on-bad-value": "null", "team": "x"})).expect("a good definition");
        assert_eq!((spec.policies.on_bad_value, spec.errors), (OnBadValue::Null, ErrorHandling::default()));
        assert_eq!(of(json!({})).expect("a good definition").policies, Policies::default());
        let findings = of(json!({"tidegate:on-bad-value": "ignore"})).expect_err("a finding");
        assert_eq!(findings, ["The tag tidegate:on-bad-value must be fail, drop or null"]);
    }

    #[test]
    fn a_run_may_have_filters_of_its_own_and_nothing_else() {
        let filter = json!({"taskType": "Filter", "sourceFields": ["a"], "connectorOperator": {"SAPOData": "EQUAL_TO"},
                            "taskProperties": {"VALUE": "1"}});
        let with = |tasks: &[Value]| spec_with(&definition(|_| {}), 1, tasks);
        assert_eq!(with(&[]).expect("a spec").tasks.len(), 1);
        assert_eq!(with(&[filter.clone(), filter.clone()]).expect("a spec").tasks.len(), 3);
        for bad in [json!("a"), json!({"taskType": "Map_all", "sourceFields": []}), {
            let mut projection = filter.clone();
            projection["connectorOperator"]["SAPOData"] = json!("PROJECTION");
            projection
        }] {
            assert!(with(std::slice::from_ref(&bad)).is_err(), "{bad}");
        }
        let mut wrong = filter;
        wrong["taskProperties"] = json!({});
        assert!(with(&[wrong]).expect_err("no value")[0].contains("VALUE"));
    }

    #[test]
    fn all_findings_come_at_once() {
        let bad = definition(|value| {
            value["sourceFlowConfig"]["sourceConnectorProperties"] = json!({"S3": {"bucketName": "abc"}});
            value["destinationFlowConfigList"] = json!([]);
        });
        let findings = spec(&bad, 1).expect_err("two findings");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(
            findings[0].contains("SAPOData") && findings[1].contains("exactly one destination"),
            "{findings:?}"
        );
    }

    #[test]
    fn an_operator_under_another_connectors_key_counts_as_none() {
        let task = wire::Task {
            source_fields: vec!["a".to_owned()],
            connector_operator: Some(wire::ConnectorOperator {
                s3: Some(wire::S3ConnectorOperator::EqualTo.into()),
                ..Default::default()
            }),
            destination_field: None,
            task_type: wire::TaskType::Filter,
            task_properties: None,
        };
        assert_eq!(raw_task(&task, ConnectorType::SapOData).operator, None);
        assert_eq!(raw_task(&task, ConnectorType::S3).operator.as_deref(), Some("EQUAL_TO"));
    }
}
