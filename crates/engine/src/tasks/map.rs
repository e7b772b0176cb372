//! Map: one field under a new name, and perhaps of a new type.

use datafusion::arrow::datatypes::DataType;
use tidegate_core::types::{arrow_type, is_unsized_decimal};

use super::{Field, Lowered, Meaning, Output, Typing};
use crate::error::RunError;
use crate::values::convert::convert;

/// Maps a field. SOURCE_DATA_TYPE gives a type to values that have none;
/// DESTINATION_DATA_TYPE converts. A masked field is text, whatever they say.
pub(super) fn lower(
    source: &str,
    destination: &str,
    source_type: Option<&str>,
    destination_type: Option<&str>,
    plan: &mut Lowered,
) -> Result<(), RunError> {
    let mut field = plan.field(source, "Map task")?.clone();
    let mut trim = false;
    if !field.masked {
        if plan.typing == Typing::Untyped {
            trim = to_type(&mut field, source_type) || trim;
        }
        // A second decimal of no stated scale changes nothing.
        if !(trim && destination_type.is_some_and(is_unsized_decimal))
            && wants_change(&field, destination_type)
        {
            trim = to_type(&mut field, destination_type);
        }
    }
    plan.put(Output {
        name: destination.to_owned(),
        expr: field.expr,
        data_type: field.data_type,
        is_json: field.is_json,
        meaning: field.meaning,
        trim,
    });
    Ok(())
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

/// Converts a field to the type of a name, if it is one. True when the result
/// is a decimal whose scale nobody chose.
fn to_type(field: &mut Field, name: Option<&str>) -> bool {
    let Some((name, target)) = name.and_then(|name| Some((name, arrow_type(name)?))) else { return false };
    if field.is_json || field.data_type != target {
        field.expr = convert(field.expr.clone(), &field.name, field.is_json, &target, !field.masked);
        field.data_type = target;
        field.is_json = false;
    }
    field.meaning = Meaning::Own;
    is_unsized_decimal(name)
}
