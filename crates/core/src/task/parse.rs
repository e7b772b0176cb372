//! From tasks as they were sent to tasks that are understood.

use std::collections::HashSet;

use super::{MaskPart, RawTask, Task};
use crate::connection::ConnectorType;
use crate::plan::{Comparison, Filter};

/// Task types of the model that have no meaning here yet.
const LATER: [&str; 6] = ["Arithmetic", "Merge", "Partition", "Passthrough", "Truncate", "Validate"];
/// What the AppFlow console writes when it masks a whole text.
const MASK_ALL_LENGTH: u32 = 5;
/// The longest mask; a longer one could only be a mistake or an attack.
const MASK_LENGTH_LIMIT: u32 = 10_000;

/// Understands the tasks of a flow whose source is of a type.
///
/// # Errors
///
/// Everything that is wrong with them, one finding each, in the service's
/// words where those are known. The caller puts `Task Validation Error: ` and
/// the operation's own words in front.
pub fn parse(raw: &[RawTask], source: ConnectorType) -> Result<Vec<Task>, Vec<String>> {
    let mut tasks = Vec::with_capacity(raw.len());
    let mut findings = Vec::new();
    for task in raw {
        match parse_one(task) {
            Ok(task) => tasks.push(task),
            Err(finding) => findings.push(finding),
        }
    }
    let mut destinations = HashSet::new();
    for task in &tasks {
        if let Task::Map { destination, .. } = task
            && !destinations.insert(destination)
        {
            findings.push(format!("More than one task maps to the destination field {destination}"));
        }
    }
    // Files may be copied with a lone Map task; applications need to be told
    // which fields to read.
    let selects = |task: &RawTask| {
        task.task_type == "Map_all"
            || (task.task_type == "Filter" && task.operator.as_deref() == Some("PROJECTION"))
    };
    if source != ConnectorType::S3 && !raw.iter().any(selects) {
        findings.push("You must specify a projection task or a MAP_ALL task".to_owned());
    }
    if findings.is_empty() { Ok(tasks) } else { Err(findings) }
}

fn parse_one(task: &RawTask) -> Result<Task, String> {
    match task.task_type.as_str() {
        "Filter" => filter(task),
        "Map" => map(task),
        "Map_all" => map_all(task),
        "Mask" => mask(task),
        later if LATER.contains(&later) => Err(format!("The task type {later} is not supported yet")),
        other => Err(format!("The task type {other} is not valid")),
    }
}

fn filter(task: &RawTask) -> Result<Task, String> {
    // An operator under another connector's key arrives here as none at all,
    // and the service then speaks of NO_OP.
    let operator = task.operator.as_deref().unwrap_or("NO_OP");
    if operator == "PROJECTION" {
        return Ok(Task::Projection { fields: named_fields(task).map(str::to_owned).collect() });
    }
    let Some(comparison) = Comparison::parse(operator) else {
        return Err(wrong_operator("filter", operator));
    };
    let field = one_field(task)?;
    let values = if comparison == Comparison::Between {
        match (property(task, "LOWER_BOUND"), property(task, "UPPER_BOUND")) {
            (Some(lower), Some(upper)) => vec![lower.to_owned(), upper.to_owned()],
            _ => {
                return Err(format!(
                    "The filter BETWEEN on the field {field} needs the task properties LOWER_BOUND and UPPER_BOUND"
                ));
            }
        }
    } else if let Some(values) = property(task, "VALUES") {
        values.split(',').map(|value| value.trim().to_owned()).collect()
    } else if let Some(value) = property(task, "VALUE") {
        vec![value.to_owned()]
    } else {
        return Err(format!(
            "The filter {operator} on the field {field} needs the task property VALUE or VALUES"
        ));
    };
    let data_type = property(task, "DATA_TYPE").map(str::to_owned);
    Ok(Task::Filter(Filter { field, comparison, data_type, values }))
}

fn map(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "mapp")?;
    let source = one_field(task)?;
    let Some(destination) = task.destination_field.clone().filter(|name| !name.is_empty()) else {
        return Err(format!("The Map task of the field {source} needs a destination field"));
    };
    Ok(Task::Map {
        source,
        destination,
        source_type: property(task, "SOURCE_DATA_TYPE").map(str::to_owned),
        destination_type: property(task, "DESTINATION_DATA_TYPE").map(str::to_owned),
    })
}

fn map_all(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "mapp")?;
    let exclude = match property(task, "EXCLUDE_SOURCE_FIELDS_LIST") {
        None => Vec::new(),
        Some(list) => serde_json::from_str(list).map_err(|_| {
            "The task property EXCLUDE_SOURCE_FIELDS_LIST must be a JSON array of field names, such as [\"a\",\"b\"]"
                .to_owned()
        })?,
    };
    Ok(Task::MapAll { exclude })
}

fn mask(task: &RawTask) -> Result<Task, String> {
    let operator = task.operator.as_deref().unwrap_or("NO_OP");
    if !matches!(operator, "MASK_ALL" | "MASK_FIRST_N" | "MASK_LAST_N") {
        return Err(wrong_operator("mask", operator));
    }
    let field = one_field(task)?;
    let length = match property(task, "MASK_LENGTH") {
        None => None,
        Some(text) => Some(
            text.trim().parse::<u32>().ok().filter(|length| *length <= MASK_LENGTH_LIMIT).ok_or_else(|| {
                format!(
                    "The task property MASK_LENGTH of the field {field} must be a whole number from 0 to {MASK_LENGTH_LIMIT}"
                )
            })?,
        ),
    };
    let part = match (operator, length) {
        ("MASK_ALL", length) => MaskPart::All(length.unwrap_or(MASK_ALL_LENGTH)),
        ("MASK_FIRST_N", Some(length)) => MaskPart::First(length),
        (_, Some(length)) => MaskPart::Last(length),
        (_, None) => {
            return Err(format!(
                "The mask {operator} on the field {field} needs the task property MASK_LENGTH"
            ));
        }
    };
    let mut characters = property(task, "MASK_VALUE").unwrap_or("*").chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(Task::Mask { field, part, character }),
        _ => Err(format!("The task property MASK_VALUE of the field {field} must be one character")),
    }
}

/// The service's own words, double space included; the kind lacks its `-ing`.
fn wrong_operator(kind: &str, operator: &str) -> String {
    format!(
        "The operator {operator} is not valid for {kind}ing tasks.  The task sourceConnectorType is {}ING and the task operator is {operator}",
        kind.to_ascii_uppercase()
    )
}

fn no_operator(task: &RawTask, kind: &str) -> Result<(), String> {
    match task.operator.as_deref() {
        None | Some("NO_OP") => Ok(()),
        Some(other) => Err(wrong_operator(kind, other)),
    }
}

fn one_field(task: &RawTask) -> Result<String, String> {
    let mut fields = named_fields(task);
    match (fields.next(), fields.next()) {
        (Some(field), None) => Ok(field.to_owned()),
        _ => Err(format!("A task of type {} must name exactly one source field", task.task_type)),
    }
}

/// The source fields; Terraform sends one empty name where it means none.
fn named_fields(task: &RawTask) -> impl Iterator<Item = &str> {
    task.source_fields.iter().map(String::as_str).filter(|name| !name.is_empty())
}

fn property<'a>(task: &'a RawTask, name: &str) -> Option<&'a str> {
    let found = task.properties.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(kind: &str, operator: &str, fields: &[&str], to: &str, properties: &[(&str, &str)]) -> RawTask {
        RawTask {
            task_type: kind.to_owned(),
            source_fields: fields.iter().map(|&field| field.to_owned()).collect(),
            operator: (!operator.is_empty()).then(|| operator.to_owned()),
            destination_field: Some(to.to_owned()),
            properties: properties.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
        }
    }

    fn filter(comparison: Comparison, data_type: Option<&str>, values: &[&str]) -> Task {
        Task::Filter(Filter {
            field: "f".to_owned(),
            comparison,
            data_type: data_type.map(str::to_owned),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        })
    }

    #[test]
    fn tasks_are_understood() {
        let mask = |part, character| Task::Mask { field: "f".to_owned(), part, character };
        let cases = [
            (
                raw("Filter", "PROJECTION", &["a", "b"], "", &[]),
                Task::Projection { fields: vec!["a".to_owned(), "b".to_owned()] },
            ),
            (
                raw("Filter", "EQUAL_TO", &["f"], "", &[("DATA_TYPE", "string"), ("VALUE", "a,b")]),
                filter(Comparison::Equal, Some("string"), &["a,b"]),
            ),
            (
                raw("Filter", "NOT_EQUAL_TO", &["f"], "", &[("VALUES", "a, b")]),
                filter(Comparison::NotEqual, None, &["a", "b"]),
            ),
            (
                raw("Filter", "BETWEEN", &["f"], "", &[("UPPER_BOUND", "9"), ("LOWER_BOUND", "1")]),
                filter(Comparison::Between, None, &["1", "9"]),
            ),
            (raw("Map_all", "NO_OP", &[], "", &[]), Task::MapAll { exclude: vec![] }),
            (
                raw("Map_all", "", &[""], "", &[("EXCLUDE_SOURCE_FIELDS_LIST", r#"["a","b"]"#)]),
                Task::MapAll { exclude: vec!["a".to_owned(), "b".to_owned()] },
            ),
            (
                raw("Map", "NO_OP", &["f"], "g", &[("SOURCE_DATA_TYPE", "string")]),
                Task::Map {
                    source: "f".to_owned(),
                    destination: "g".to_owned(),
                    source_type: Some("string".to_owned()),
                    destination_type: None,
                },
            ),
            (raw("Mask", "MASK_ALL", &["f"], "", &[]), mask(MaskPart::All(5), '*')),
            (
                raw("Mask", "MASK_LAST_N", &["f"], "", &[("MASK_LENGTH", "4"), ("MASK_VALUE", "•")]),
                mask(MaskPart::Last(4), '•'),
            ),
            (raw("Mask", "MASK_FIRST_N", &["f"], "", &[("MASK_LENGTH", "0")]), mask(MaskPart::First(0), '*')),
        ];
        for (task, expected) in cases {
            assert_eq!(parse(std::slice::from_ref(&task), ConnectorType::S3), Ok(vec![expected]), "{task:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_found() {
        let cases = [
            (
                raw("Filter", "", &["f"], "", &[]),
                "The operator NO_OP is not valid for filtering tasks.  The task sourceConnectorType is FILTERING and the task operator is NO_OP",
            ),
            (
                raw("Map", "EQUAL_TO", &["f"], "g", &[]),
                "The operator EQUAL_TO is not valid for mapping tasks.  The task sourceConnectorType is MAPPING and the task operator is EQUAL_TO",
            ),
            (
                raw("Mask", "NO_OP", &["f"], "", &[]),
                "The operator NO_OP is not valid for masking tasks.  The task sourceConnectorType is MASKING and the task operator is NO_OP",
            ),
            (raw("Merge", "NO_OP", &["a", "b"], "a,b", &[]), "The task type Merge is not supported yet"),
            (raw("Mapping", "NO_OP", &["a"], "b", &[]), "The task type Mapping is not valid"),
            (
                raw("Map", "NO_OP", &["a", "b"], "c", &[]),
                "A task of type Map must name exactly one source field",
            ),
            (raw("Map", "NO_OP", &["f"], "", &[]), "The Map task of the field f needs a destination field"),
            (
                raw("Filter", "EQUAL_TO", &["f"], "", &[]),
                "The filter EQUAL_TO on the field f needs the task property VALUE or VALUES",
            ),
            (
                raw("Filter", "BETWEEN", &["f"], "", &[("LOWER_BOUND", "1")]),
                "The filter BETWEEN on the field f needs the task properties LOWER_BOUND and UPPER_BOUND",
            ),
            (
                raw("Mask", "MASK_ALL", &["f"], "", &[("MASK_LENGTH", "1000000000")]),
                "The task property MASK_LENGTH of the field f must be a whole number from 0 to 10000",
            ),
            (
                raw("Mask", "MASK_FIRST_N", &["f"], "", &[]),
                "The mask MASK_FIRST_N on the field f needs the task property MASK_LENGTH",
            ),
            (
                raw("Mask", "MASK_ALL", &["f"], "", &[("MASK_VALUE", "**")]),
                "The task property MASK_VALUE of the field f must be one character",
            ),
            (
                raw("Map_all", "NO_OP", &[], "", &[("EXCLUDE_SOURCE_FIELDS_LIST", "a,b")]),
                "The task property EXCLUDE_SOURCE_FIELDS_LIST must be a JSON array of field names, such as [\"a\",\"b\"]",
            ),
        ];
        for (task, finding) in cases {
            assert_eq!(parse(&[task], ConnectorType::S3), Err(vec![finding.to_owned()]));
        }
    }

    #[test]
    fn an_application_needs_a_projection_or_map_all_and_findings_add_up() {
        let map = raw("Map", "NO_OP", &["f"], "g", &[]);
        let missing = "You must specify a projection task or a MAP_ALL task".to_owned();
        assert_eq!(parse(std::slice::from_ref(&map), ConnectorType::SapOData), Err(vec![missing.clone()]));
        let twice = "More than one task maps to the destination field g".to_owned();
        assert_eq!(parse(&[map.clone(), map.clone()], ConnectorType::SapOData), Err(vec![twice, missing]));
        let projection = raw("Filter", "PROJECTION", &["f"], "", &[]);
        assert!(parse(&[map.clone(), projection], ConnectorType::SapOData).is_ok());
        assert!(parse(&[map], ConnectorType::S3).is_ok());
    }
}
