//! Map: one field under a new name, and perhaps of a new type.

use datafusion::arrow::datatypes::DataType;
use tidegate_core::task::Task;
use tidegate_core::types::{arrow_type, is_unsized_decimal};

use super::{Field, Lowered, Meaning, Typing};
use crate::error::RunError;

/// Maps a field. SOURCE_DATA_TYPE gives a type to values that have none;
/// DESTINATION_DATA_TYPE converts. A masked field is text, whatever they say,
/// and a cut one is text unless they ask for a change of type.
pub(super) fn lower(
    source: &str,
    destination: &str,
    (source_type, destination_type): (Option<&str>, Option<&str>),
    plan: &mut Lowered,
) -> Result<(), RunError> {
    let mut field = plan.field(source, "Map task")?.clone();
    let stays = field.masked || (field.cut && !asks_for_change(source_type, destination_type));
    if !stays {
        // What a task computed has its type already.
        if plan.typing == Typing::Untyped && !field.cut && !field.computed {
            to_type(&mut field, source_type, plan);
        }
        // A second decimal of no stated scale changes nothing.
        if !(field.trim && destination_type.is_some_and(is_unsized_decimal))
            && wants_change(&field, destination_type)
        {
            to_type(&mut field, destination_type, plan);
        }
    }
    plan.put(field.output(destination));
    Ok(())
}

/// A computed field that no task reads is a column of its own name.
pub(super) fn lower_unread(tasks: &[Task], plan: &mut Lowered) {
    for field in plan.fields.clone().into_iter().filter(|field| field.computed) {
        let is_read = tasks.iter().any(|task| match task {
            Task::Map { source, .. } => *source == field.name,
            Task::Merge { .. } | Task::Arithmetic { .. } => {
                task.computed() != Some(&field.name) && task.named_fields().contains(&field.name.as_str())
            }
            _ => false,
        });
        if !is_read {
            let name = field.name.clone();
            plan.put(field.output(&name));
        }
    }
}

fn asks_for_change(source_type: Option<&str>, destination_type: Option<&str>) -> bool {
    let of = |name: Option<&str>| name.and_then(arrow_type);
    of(destination_type).is_some() && of(source_type) != of(destination_type)
}

/// Whether the field is not yet of a type: a moment stays a moment and a
/// decimal a decimal, with the source's own precision.
fn wants_change(field: &Field, name: Option<&str>) -> bool {
    let Some(target) = name.and_then(arrow_type) else { return false };
    // Nor does a number of any length lose its digits.
    if field.meaning == Meaning::Number && name.is_some_and(is_unsized_decimal) {
        return false;
    }
    if field.meaning == Meaning::Moment {
        return !matches!(target, DataType::Timestamp(..));
    }
    match (&field.data_type, &target) {
        (DataType::Timestamp(..), DataType::Timestamp(..)) | (DataType::Time64(_), DataType::Time64(_)) => {
            false
        }
        (DataType::Decimal128(..), _) if name.is_some_and(is_unsized_decimal) => false,
        _ => field.is_json || field.data_type != target,
    }
}

/// Converts a field to the type of a name, if it is one.
pub(super) fn to_type(field: &mut Field, name: Option<&str>, plan: &mut Lowered) {
    let Some((name, target)) = name.and_then(|name| Some((name, arrow_type(name)?))) else { return };
    if field.is_json || field.data_type != target {
        field.expr = plan.convert(field, &target).0;
        field.data_type = target;
        field.is_json = false;
    }
    field.meaning = Meaning::Own;
    field.trim = is_unsized_decimal(name);
}
