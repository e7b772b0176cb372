//! From a flow to what is read and what is computed.

mod execute;
mod failed;

use datafusion::arrow::datatypes::Field;
use tidegate_core::connector::{EXTENSION_NAME, JSON_EXTENSION};
use tidegate_core::flow::{FlowSpec, SourceSpec};
use tidegate_core::plan::{Filter, ReadRequest};
use tidegate_core::task::{OnMissingField, Task, source_fields};

pub(crate) use execute::{Execution, Options, Rows, execute};

use crate::tasks;

/// What a flow asks of its source: the fields that its tasks name (all of them
/// if it maps everything and selects nothing) and every filter.
///
/// Pushing a filter down saves transfer only: the engine evaluates all of them
/// itself, so a source may evaluate any part of them or none.
pub fn read_request(spec: &FlowSpec) -> ReadRequest {
    let filters: Vec<Filter> = spec
        .tasks
        .iter()
        .filter_map(|task| match task {
            Task::Filter(filter) => Some(filter.clone()),
            _ => None,
        })
        .collect();
    let (entity, page_size, parallelism) = match &spec.source {
        SourceSpec::Connection { entity, page_size, parallelism, .. } => {
            (entity.clone(), *page_size, *parallelism)
        }
        SourceSpec::S3(source) => (format!("{}/{}", source.bucket, source.prefix), None, None),
        SourceSpec::Events { entity, .. } => (entity.clone(), None, None),
    };
    ReadRequest {
        entity,
        fields: needed_fields(&spec.tasks),
        filters,
        page_size,
        parallelism,
        skip_missing: spec.policies.on_missing_field == OnMissingField::Null,
        ..ReadRequest::default()
    }
}

/// The fields that tasks name; `None` for all of the source's, when they map
/// everything and no projection says what that is, or new fields are wanted.
fn needed_fields(tasks: &[Task]) -> Option<Vec<String>> {
    let is_selected = tasks::projected(tasks).is_some();
    let maps_all = |task: &Task| match task {
        Task::MapAll { include_new, .. } => *include_new || !is_selected,
        _ => false,
    };
    if tasks.iter().any(maps_all) || (!is_selected && tasks::maps_nothing_by_name(tasks)) {
        return None;
    }
    Some(source_fields(tasks).into_iter().map(str::to_owned).collect())
}

/// Whether a field's texts are JSON values.
fn is_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION_NAME).is_some_and(|name| name == JSON_EXTENSION)
}

#[cfg(test)]
mod tests {
    use tidegate_core::ConnectorType;
    use tidegate_core::flow::{ErrorHandling, S3Destination};
    use tidegate_core::plan::Comparison;
    use tidegate_core::task::{MaskPart, Policies};

    use super::*;

    #[test]
    fn a_source_is_asked_for_what_the_tasks_name() {
        let projection =
            |fields: &[&str]| Task::Projection { fields: fields.iter().map(|&f| f.to_owned()).collect() };
        let map = |source: &str| Task::Map {
            source: source.to_owned(),
            destination: "x".to_owned(),
            source_type: None,
            destination_type: None,
        };
        let filter = Filter {
            field: "f".to_owned(),
            comparison: Comparison::Equal,
            data_type: None,
            values: vec!["1".to_owned()],
        };
        let mask = Task::Mask { field: "m".to_owned(), part: MaskPart::All(5), character: '*' };
        let all = Task::MapAll { exclude: vec![], include_new: false };
        let all_and_new = Task::MapAll { exclude: vec![], include_new: true };
        let cases: [(Vec<Task>, Option<&[&str]>); 6] = [
            (vec![all_and_new, projection(&["b", "a"])], None),
            (vec![all.clone()], None),
            (vec![Task::Filter(filter.clone())], None),
            (vec![all, projection(&["b", "a"])], Some(&["b", "a"])),
            (vec![projection(&["a"])], Some(&["a"])),
            (
                vec![map("b"), map("b"), Task::Filter(filter.clone()), mask, projection(&["a", "f"])],
                Some(&["a", "f", "b", "m"]),
            ),
        ];
        for (tasks, expected) in cases {
            let spec = FlowSpec {
                name: "flow".into(),
                schema_version: 1,
                source: SourceSpec::Connection {
                    connector_type: ConnectorType::SapOData,
                    connection: "c".into(),
                    entity: "/e".to_owned(),
                    page_size: Some(7),
                    parallelism: Some(2),
                },
                destination: S3Destination::default(),
                tasks,
                policies: Policies::default(),
                errors: ErrorHandling::default(),
            };
            let request = read_request(&spec);
            let fields = request.fields.as_deref().map(|f| f.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(fields.as_deref(), expected);
            let has_filter = spec.tasks.iter().any(|task| matches!(task, Task::Filter(_)));
            assert_eq!(request.filters, if has_filter { vec![filter.clone()] } else { vec![] });
            assert_eq!(
                (request.entity.as_str(), request.page_size, request.parallelism),
                ("/e", Some(7), Some(2))
            );
        }
    }
}
