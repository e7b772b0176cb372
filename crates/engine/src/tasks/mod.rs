//! Tasks as expressions: one file a task type, one line each in [`lower`].
//!
//! Order of evaluation, whatever order the tasks were sent in: the projection
//! says which fields exist, the filters see the source's values, masks cover
//! fields in place, and maps read what the masks left.

mod filter;
mod map;
mod map_all;
mod mask;
mod projection;

use datafusion::arrow::datatypes::{DataType, Field as FieldSchema, SchemaRef, TimeUnit};
use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use tidegate_core::connector::{
    EXTENSION_NAME, GUID_TEXT, JSON_EXTENSION, MOMENT_TEXT, NUMBER_TEXT, TEXT_MEANING,
};
use tidegate_core::task::Task;

use crate::error::RunError;
use crate::values::convert::convert;

/// What is known about the types of a source's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typing {
    /// The source knows its types (an application).
    Typed,
    /// Every value is text (CSV), or JSON with JSON's types.
    Untyped,
}

/// What the values of a column are beyond what its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Just what the type says.
    Own,
    /// Decimal numbers of any length.
    Number,
    /// GUIDs as text.
    Guid,
    /// Points in time as text, as they are written.
    Moment,
}

impl Meaning {
    fn of(field: &FieldSchema) -> Self {
        match field.metadata().get(TEXT_MEANING).map(String::as_str) {
            _ if matches!(field.data_type(), DataType::Decimal256(..)) => Self::Number,
            Some(NUMBER_TEXT) => Self::Number,
            Some(GUID_TEXT) => Self::Guid,
            Some(MOMENT_TEXT) => Self::Moment,
            _ => Self::Own,
        }
    }
}

/// A source field on its way through the tasks.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub name: String,
    pub expr: Expr,
    pub data_type: DataType,
    /// Its texts are JSON values.
    pub is_json: bool,
    pub meaning: Meaning,
    /// A mask covers it: it is text from there on, and no error shows it.
    pub masked: bool,
}

/// A column of the output.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub name: String,
    pub expr: Expr,
    pub data_type: DataType,
    pub is_json: bool,
    pub meaning: Meaning,
    /// A decimal whose scale nobody chose.
    pub trim: bool,
}

/// The plan of a flow's tasks over one source schema.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub typing: Typing,
    /// The source's fields, in its order.
    pub fields: Vec<Field>,
    /// Conditions, all of which must hold.
    pub filters: Vec<Expr>,
    /// The columns of the output, in order.
    pub outputs: Vec<Output>,
}

/// In which order the task types take effect.
const fn phase(task: &Task) -> u8 {
    match task {
        Task::Projection { .. } => 0,
        Task::Filter(_) => 1,
        Task::Mask { .. } => 2,
        Task::MapAll { .. } | Task::Map { .. } => 3,
    }
}

/// Lowers a flow's tasks to expressions over a source's schema.
pub(crate) fn lower(tasks: &[Task], schema: &SchemaRef, typing: Typing) -> Result<Lowered, RunError> {
    let fields = schema.fields().iter().map(|field| Field {
        name: field.name().clone(),
        expr: Expr::Column(Column::new_unqualified(field.name())),
        data_type: field.data_type().clone(),
        is_json: field.metadata().get(EXTENSION_NAME).is_some_and(|name| name == JSON_EXTENSION),
        meaning: Meaning::of(field),
        masked: masks(tasks, field.name()),
    });
    let mut plan = Lowered { typing, fields: fields.collect(), filters: Vec::new(), outputs: Vec::new() };
    let mut ordered: Vec<&Task> = tasks.iter().collect();
    ordered.sort_by_key(|task| phase(task));
    for task in ordered {
        match task {
            Task::Projection { fields } => projection::lower(fields, &mut plan)?,
            Task::Filter(condition) => filter::lower(condition, &mut plan)?,
            Task::Mask { field, part, character } => mask::lower(field, *part, *character, &mut plan)?,
            Task::MapAll { exclude } => map_all::lower(exclude, tasks, &mut plan),
            Task::Map { source, destination, source_type, destination_type } => {
                map::lower(
                    source,
                    destination,
                    source_type.as_deref(),
                    destination_type.as_deref(),
                    &mut plan,
                )?;
            }
        }
    }
    if maps_nothing_by_name(tasks) {
        map_all::lower(&[], tasks, &mut plan);
    }
    if plan.outputs.is_empty() {
        let text = if plan.fields.is_empty() {
            "The source's records have no fields, so there is nothing to map."
        } else {
            "The tasks map no field to the destination. Add a Map task, or exclude fewer fields."
        };
        return Err(RunError::Task(text.to_owned()));
    }
    Ok(plan)
}

/// Whether a flow has no mapping at all; then every field that it selects
/// keeps its name.
pub(crate) fn maps_nothing_by_name(tasks: &[Task]) -> bool {
    !tasks.iter().any(|task| matches!(task, Task::Map { .. } | Task::MapAll { .. }))
}

/// The fields of the projections, if there are any.
pub(crate) fn projected(tasks: &[Task]) -> Option<Vec<&str>> {
    let mut names = None::<Vec<&str>>;
    for task in tasks {
        if let Task::Projection { fields } = task {
            names.get_or_insert_default().extend(fields.iter().map(String::as_str));
        }
    }
    names
}

fn masks(tasks: &[Task], name: &str) -> bool {
    tasks.iter().any(|task| matches!(task, Task::Mask { field, .. } if field == name))
}

impl Lowered {
    /// A source field by its name.
    fn field(&self, name: &str, purpose: &str) -> Result<&Field, RunError> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| missing(name, purpose))
    }

    fn field_mut(&mut self, name: &str, purpose: &str) -> Result<&mut Field, RunError> {
        self.fields.iter_mut().find(|field| field.name == name).ok_or_else(|| missing(name, purpose))
    }

    /// Gives points in time that travel as text the type that they have, for
    /// a file that keeps types.
    pub(crate) fn type_moments(&mut self) {
        let target = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        for output in self.outputs.iter_mut().filter(|output| output.meaning == Meaning::Moment) {
            output.expr = convert(output.expr.clone(), &output.name, output.is_json, &target, true);
            output.data_type = target.clone();
            output.meaning = Meaning::Own;
        }
    }

    /// Adds a column, or replaces the one of that name in its place.
    fn put(&mut self, output: Output) {
        match self.outputs.iter_mut().find(|known| known.name == output.name) {
            Some(known) => *known = output,
            None => self.outputs.push(output),
        }
    }
}

fn missing(name: &str, purpose: &str) -> RunError {
    RunError::Task(format!("The {purpose} names the field {name}, which the source does not have"))
}
