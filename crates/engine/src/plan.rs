//! From a flow to what is read and what is computed.

use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use tidegate_core::flow::{FlowSpec, SourceSpec};
use tidegate_core::plan::{Filter, ReadRequest};
use tidegate_core::task::Task;

use crate::error::RunError;
use crate::table::{Batches, table};
use crate::tasks::{self, Lowered, Output};

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
    };
    let fields = needed_fields(&spec.tasks);
    ReadRequest { entity, fields, filters, page_size, parallelism, ..ReadRequest::default() }
}

/// The fields that tasks name, in the order in which they first stand there,
/// those of the projection before all others.
fn needed_fields(tasks: &[Task]) -> Option<Vec<String>> {
    let projected = tasks::projected(tasks);
    let maps_all =
        tasks::maps_nothing_by_name(tasks) || tasks.iter().any(|task| matches!(task, Task::MapAll { .. }));
    if projected.is_none() && maps_all {
        return None;
    }
    let mut fields: Vec<String> = Vec::new();
    let named = tasks.iter().filter_map(|task| match task {
        Task::Filter(filter) => Some(filter.field.as_str()),
        Task::Map { source, .. } => Some(source.as_str()),
        Task::Mask { field, .. } => Some(field.as_str()),
        Task::Projection { .. } | Task::MapAll { .. } => None,
    });
    for name in projected.into_iter().flatten().chain(named) {
        if !fields.iter().any(|known| known == name) {
            fields.push(name.to_owned());
        }
    }
    Some(fields)
}

/// Starts the plan over a stream of the schema that it was lowered for.
pub(crate) async fn execute(
    session: &SessionContext,
    schema: datafusion::arrow::datatypes::SchemaRef,
    batches: Batches,
    lowered: Lowered,
) -> Result<(SendableRecordBatchStream, Vec<Output>), RunError> {
    let Lowered { filters, outputs, .. } = lowered;
    let mut frame = session.read_table(std::sync::Arc::new(table(schema, batches)?))?;
    if let Some(condition) = filters.into_iter().reduce(datafusion::logical_expr::Expr::and) {
        frame = frame.filter(condition)?;
    }
    let columns: Vec<_> = outputs.iter().map(|output| output.expr.clone().alias(&output.name)).collect();
    let stream = frame.select(columns)?.execute_stream().await?;
    Ok((stream, outputs))
}

#[cfg(test)]
mod tests {
    use tidegate_core::ConnectorType;
    use tidegate_core::flow::S3Destination;
    use tidegate_core::plan::Comparison;
    use tidegate_core::task::MaskPart;

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
        let all = Task::MapAll { exclude: vec![] };
        let cases: [(Vec<Task>, Option<&[&str]>); 5] = [
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
