//! From tasks as they were sent to tasks that are understood: one file a task type.
//!
//! The forms that infrastructure tools send are all accepted: no properties at
//! all or an empty map, one empty name where no field is meant, any order.

mod arithmetic;
mod filter;
mod map;
mod map_all;
mod mask;
mod merge;
mod partition;
mod passthrough;
mod truncate;
mod validate;

use std::collections::HashSet;

use super::{RawTask, Task};
use crate::connection::ConnectorType;

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
    check_names(&tasks, &mut findings);
    passthrough::check(&tasks, source, &mut findings);
    // Files may be copied with a lone Map task; applications need to be told
    // which fields to read.
    let selects = |task: &RawTask| {
        matches!(task.task_type.as_str(), "Map_all" | "Passthrough")
            || (task.task_type == "Filter" && task.operator.as_deref() == Some("PROJECTION"))
    };
    if source != ConnectorType::S3 && !raw.iter().any(selects) {
        findings.push("You must specify a projection task or a MAP_ALL task".to_owned());
    }
    if findings.is_empty() { Ok(tasks) } else { Err(findings) }
}

fn parse_one(task: &RawTask) -> Result<Task, String> {
    match task.task_type.as_str() {
        "Filter" => filter::parse(task),
        "Map" => map::parse(task),
        "Map_all" => map_all::parse(task),
        "Mask" => mask::parse(task),
        "Merge" => merge::parse(task),
        "Arithmetic" => arithmetic::parse(task),
        "Truncate" => truncate::parse(task),
        "Validate" => validate::parse(task),
        "Partition" => partition::parse(task),
        "Passthrough" => passthrough::parse(task),
        other => Err(format!("The task type {other} is not valid")),
    }
}

/// Two tasks cannot fill one name, and a flow has one list of partitions.
fn check_names(tasks: &[Task], findings: &mut Vec<String>) {
    let (mut destinations, mut computed) = (HashSet::new(), HashSet::new());
    let mut partitions = 0;
    for task in tasks {
        match task {
            Task::Map { destination, .. } if !destinations.insert(destination) => {
                findings.push(format!("More than one task maps to the destination field {destination}"));
            }
            Task::Merge { name, .. } | Task::Arithmetic { name, .. } if !computed.insert(name) => {
                findings.push(format!("More than one task computes the field {name}"));
            }
            Task::Partition { .. } => partitions += 1,
            _ => {}
        }
    }
    if partitions > 1 {
        findings.push("A flow can have one task of type Partition only".to_owned());
    }
}

/// The service's own words, double space included; the kind lacks its `-ing`.
fn wrong_operator(kind: &str, operator: &str) -> String {
    format!(
        "The operator {operator} is not valid for {kind}ing tasks.  The task sourceConnectorType is {}ING and the task operator is {operator}",
        kind.to_ascii_uppercase()
    )
}

/// An operator under another connector's key arrives here as none at all, and
/// the service then speaks of NO_OP.
fn operator(task: &RawTask) -> &str {
    task.operator.as_deref().unwrap_or("NO_OP")
}

fn no_operator(task: &RawTask, kind: &str) -> Result<(), String> {
    match operator(task) {
        "NO_OP" => Ok(()),
        other => Err(wrong_operator(kind, other)),
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

/// The name under which a task's result is known: its destination field, or
/// the names of its source fields joined by commas.
fn computed_name(task: &RawTask) -> String {
    match task.destination_field.as_deref() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => named_fields(task).collect::<Vec<_>>().join(","),
    }
}

fn property<'a>(task: &'a RawTask, name: &str) -> Option<&'a str> {
    let found = task.properties.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// A whole number from zero to a limit.
fn length(task: &RawTask, name: &str, field: &str, limit: u32) -> Result<Option<u32>, String> {
    let Some(text) = property(task, name) else { return Ok(None) };
    let number = text.trim().parse::<u32>().ok().filter(|number| *number <= limit);
    number.map(Some).ok_or_else(|| {
        format!("The task property {name} of the field {field} must be a whole number from 0 to {limit}")
    })
}

/// A list of names as a JSON array; empty names mean nothing.
fn json_names(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = serde_json::from_str(text).ok()?;
    Some(names.into_iter().filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests;
