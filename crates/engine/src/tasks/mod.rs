//! Tasks as expressions: one file a task type, one line each in [`lower`].
//!
//! Order of evaluation, whatever order the tasks were sent in: the projection
//! says which fields exist, the filters see the source's values, validations
//! see what the filters left, merges and arithmetic compute new fields of
//! them, masks and truncations change fields in place, and maps read the
//! result.

mod arithmetic;
mod check;
mod filter;
mod map;
mod map_all;
mod mask;
mod merge;
mod projection;
mod truncate;
mod validate;

pub(crate) use check::{Check, verdict};

use datafusion::arrow::datatypes::{DataType, Field as FieldSchema, SchemaRef, TimeUnit};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, lit};
use tidegate_core::connector::{
    EXTENSION_NAME, GUID_TEXT, JSON_EXTENSION, MOMENT_TEXT, NUMBER_TEXT, TEXT_MEANING,
};
use tidegate_core::task::{OnBadValue, OnMissingField, Policies, Task, source_fields};

use crate::error::RunError;
use crate::files::source::LINE;
use crate::values::convert::{BadValue, Values, convert, not_converted};

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

/// A field on its way through the tasks.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub name: String,
    pub expr: Expr,
    /// The source's value, whatever the tasks make of it, and whether it is
    /// JSON text.
    pub origin: (Expr, bool),
    pub data_type: DataType,
    /// Its texts are JSON values.
    pub is_json: bool,
    pub meaning: Meaning,
    /// A decimal whose scale nobody chose.
    pub trim: bool,
    /// A mask covers it: it is text from there on.
    pub masked: bool,
    /// A Truncate task cuts it.
    pub cut: bool,
    /// No error shows its value: a mask covers it, or what it is made of.
    pub hidden: bool,
    /// A task computes it; the source does not have it.
    pub computed: bool,
}

impl Field {
    fn values(&self) -> Values {
        Values { expr: self.expr.clone(), field: self.name.clone(), is_json: self.is_json, trim: self.trim }
    }

    fn output(self, name: &str) -> Output {
        Output {
            name: name.to_owned(),
            expr: self.expr,
            data_type: self.data_type,
            is_json: self.is_json,
            meaning: self.meaning,
            trim: self.trim,
            hidden: self.hidden,
            is_line: false,
        }
    }

    /// Makes the field the text that an expression gives.
    fn become_text(&mut self, expr: Expr) {
        self.expr = expr;
        self.data_type = DataType::Utf8;
        self.is_json = false;
        self.meaning = Meaning::Own;
        self.trim = false;
    }
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
    /// No error shows its value.
    pub hidden: bool,
    /// It holds whole lines, to be written as they are.
    pub is_line: bool,
}

/// The plan of a flow's tasks over one source schema.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub typing: Typing,
    /// The source's fields, in its order, and then those that tasks compute.
    pub fields: Vec<Field>,
    /// Conditions, all of which must hold.
    pub filters: Vec<Expr>,
    /// What is asked of the records that the filters leave, before anything
    /// is computed of them.
    pub validations: Vec<Check>,
    /// The columns of the output, in order.
    pub outputs: Vec<Output>,
    /// Values that do not convert or compute, where they cost the record.
    pub checks: Vec<Check>,
    /// The fields of the output whose values become folders.
    pub partition: Vec<String>,
    policies: Policies,
    /// The fields that Mask tasks name.
    masked: Vec<String>,
}

/// In which order the task types take effect.
const fn phase(task: &Task) -> u8 {
    match task {
        Task::Projection { .. } => 0,
        Task::Filter(_) => 1,
        Task::Validate { .. } => 2,
        Task::Merge { .. } | Task::Arithmetic { .. } => 3,
        Task::Mask { .. } | Task::Truncate { .. } => 4,
        Task::MapAll { .. } | Task::Map { .. } => 5,
        Task::Partition { .. } | Task::Passthrough => 6,
    }
}

/// Lowers a flow's tasks to expressions over a source's schema.
pub(crate) fn lower(
    tasks: &[Task],
    policies: Policies,
    schema: &SchemaRef,
    typing: Typing,
) -> Result<Lowered, RunError> {
    let mut plan = Lowered::new(tasks, policies, schema, typing);
    if tasks.contains(&Task::Passthrough) {
        let line = plan.field(LINE, "Passthrough task")?.clone();
        plan.outputs.push(Output { is_line: true, ..line.output(LINE) });
        return Ok(plan);
    }
    for phase_number in 0..=2 {
        for task in tasks.iter().filter(|task| phase(task) == phase_number) {
            match task {
                Task::Projection { fields } => projection::lower(fields, tasks, &plan)?,
                Task::Filter(condition) => filter::lower(condition, &mut plan)?,
                Task::Validate { field, check, action } => {
                    validate::lower(field, *check, *action, &mut plan)?
                }
                _ => {}
            }
        }
    }
    compute(tasks, &mut plan)?;
    for task in tasks {
        match task {
            Task::Mask { field, part, character } => mask::lower(field, *part, *character, &mut plan)?,
            Task::Truncate { field, length } => truncate::lower(field, *length, &mut plan)?,
            _ => {}
        }
    }
    for task in tasks {
        match task {
            Task::MapAll { exclude, include_new } => map_all::lower(exclude, *include_new, tasks, &mut plan),
            Task::Map { source, destination, source_type, destination_type } => {
                let types = (source_type.as_deref(), destination_type.as_deref());
                map::lower(source, destination, types, &mut plan)?;
            }
            _ => {}
        }
    }
    if maps_nothing_by_name(tasks) {
        map_all::lower(&[], false, tasks, &mut plan);
    }
    map::lower_unread(tasks, &mut plan);
    plan.finish(tasks)
}

/// Lowers the tasks that compute fields. They may read each other's, and
/// tasks come in any order, so each waits for those that it reads.
fn compute(tasks: &[Task], plan: &mut Lowered) -> Result<(), RunError> {
    let mut waiting: Vec<&Task> = tasks.iter().filter(|task| task.computed().is_some()).collect();
    while !waiting.is_empty() {
        let reads_waiting = |task: &Task| {
            task.named_fields().iter().any(|name| {
                waiting.iter().any(|other| !std::ptr::eq(*other, task) && other.computed() == Some(name))
            })
        };
        // Tasks that read each other in a circle read the source's fields.
        let at = waiting.iter().position(|task| !reads_waiting(task)).unwrap_or(0);
        match waiting.remove(at) {
            Task::Merge { fields, name, format } => merge::lower(fields, name, format, plan)?,
            Task::Arithmetic { operator, left, right, name, source_type, destination_type } => {
                let types = (source_type.as_deref(), destination_type.as_deref());
                arithmetic::lower(*operator, (left, right), name, types, plan)?;
            }
            _ => {}
        }
    }
    Ok(())
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
    fn new(tasks: &[Task], policies: Policies, schema: &SchemaRef, typing: Typing) -> Self {
        let field = |name: &str, expr: Expr, data_type: DataType| Field {
            name: name.to_owned(),
            origin: (expr.clone(), false),
            expr,
            data_type,
            is_json: false,
            meaning: Meaning::Own,
            trim: false,
            masked: masks(tasks, name),
            cut: false,
            hidden: masks(tasks, name),
            computed: false,
        };
        let of_source = |source: &std::sync::Arc<FieldSchema>| {
            let is_json = source.metadata().get(EXTENSION_NAME).is_some_and(|name| name == JSON_EXTENSION);
            let column = Expr::Column(Column::new_unqualified(source.name()));
            let origin = (column.clone(), is_json);
            let meaning = Meaning::of(source);
            Field { is_json, meaning, origin, ..field(source.name(), column, source.data_type().clone()) }
        };
        let mut fields: Vec<Field> = schema.fields().iter().map(of_source).collect();
        if policies.on_missing_field == OnMissingField::Null {
            for name in source_fields(tasks) {
                if !fields.iter().any(|known| known.name == name) {
                    fields.push(field(name, lit(ScalarValue::Utf8(None)), DataType::Utf8));
                }
            }
        }
        let (filters, validations, outputs, checks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let masked = tasks.iter().filter_map(|task| match task {
            Task::Mask { field, .. } => Some(field.clone()),
            _ => None,
        });
        let (masked, partition) = (masked.collect(), Vec::new());
        Self { typing, fields, filters, validations, outputs, checks, partition, policies, masked }
    }

    fn finish(mut self, tasks: &[Task]) -> Result<Self, RunError> {
        if self.outputs.is_empty() {
            let text = if self.fields.is_empty() {
                "The source's records have no fields, so there is nothing to map."
            } else {
                "The tasks map no field to the destination. Add a Map task, or exclude fewer fields."
            };
            return Err(RunError::Task(text.to_owned()));
        }
        for task in tasks {
            let Task::Partition { keys } = task else { continue };
            if let Some(key) = keys.iter().find(|key| !self.outputs.iter().any(|output| output.name == **key))
            {
                return Err(RunError::Task(format!(
                    "The Partition task names the field {key}, which no task maps to the destination"
                )));
            }
            if self.outputs.iter().all(|output| keys.contains(&output.name)) {
                return Err(RunError::Task(
                    "The Partition task names every field that is mapped to the destination, which leaves nothing \
                     to write into the files: the values of its keys stand in their paths. Map a further field"
                        .to_owned(),
                ));
            }
            self.partition.clone_from(keys);
        }
        Ok(self)
    }

    /// A field by its name: the last that was computed, else the source's.
    fn field(&self, name: &str, purpose: &str) -> Result<&Field, RunError> {
        self.fields.iter().rfind(|field| field.name == name).ok_or_else(|| missing(name, purpose))
    }

    fn field_mut(&mut self, name: &str, purpose: &str) -> Result<&mut Field, RunError> {
        self.fields.iter_mut().rfind(|field| field.name == name).ok_or_else(|| missing(name, purpose))
    }

    /// What a conversion or computation does with a bad value.
    fn bad_value(&self, hidden: bool) -> BadValue {
        match self.policies.on_bad_value {
            OnBadValue::Fail => BadValue::Ends { reveal: !hidden },
            OnBadValue::Drop | OnBadValue::Null => BadValue::IsNull,
        }
    }

    fn drops(&self) -> bool {
        self.policies.on_bad_value == OnBadValue::Drop
    }

    fn check(&mut self, check: Check) -> Expr {
        let when = check.when.clone();
        if !self.checks.iter().any(|known| known.when == when) {
            self.checks.push(check);
        }
        when
    }

    /// A field's values as a type, and a condition that tells those that do
    /// not convert if they cost the record.
    fn convert(&mut self, field: &Field, target: &DataType) -> (Expr, Option<Expr>) {
        let converted = convert(field.values(), target, self.bad_value(field.hidden));
        if !self.drops() || *target == DataType::Utf8 {
            return (converted, None);
        }
        let when = check::not_converted(field.values(), converted.clone());
        let shown = (!field.hidden && !field.computed).then(|| field.name.clone());
        let when = self.check(Check {
            when,
            reason: not_converted(check::VALUE, &field.name, target),
            shown,
            ends_run: false,
        });
        (converted, Some(when))
    }

    /// Gives points in time that travel as text the type that they have, for
    /// a file that keeps types.
    pub(crate) fn type_moments(&mut self) {
        let target = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        for at in 0..self.outputs.len() {
            let output = self.outputs[at].clone();
            if output.meaning != Meaning::Moment {
                continue;
            }
            let field = Field {
                name: output.name,
                origin: (output.expr.clone(), output.is_json),
                expr: output.expr,
                data_type: output.data_type,
                is_json: output.is_json,
                meaning: Meaning::Own,
                trim: output.trim,
                masked: false,
                cut: false,
                hidden: output.hidden,
                computed: true,
            };
            self.outputs[at].expr = self.convert(&field, &target).0;
            self.outputs[at].data_type = target.clone();
            self.outputs[at].meaning = Meaning::Own;
        }
    }

    /// The source's record as an error file shows it: what the source gave,
    /// and masked where a mask covers it.
    pub(crate) fn record(&self) -> Vec<Output> {
        let source = self.fields.iter().filter(|field| !field.computed);
        let shown = source.map(|field| {
            let name = field.name.clone();
            if field.hidden {
                return field.clone().output(&name);
            }
            let (expr, is_json) = field.origin.clone();
            Output { expr, is_json, ..field.clone().output(&name) }
        });
        shown.collect()
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
