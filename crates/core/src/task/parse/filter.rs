//! Filter: the projection, and conditions.

use super::{named_fields, one_field, operator, property, wrong_operator};
use crate::plan::{Comparison, Filter};
use crate::task::{RawTask, Task};

/// `VALUES` is a list between commas, `VALUE` is one literal as it stands.
pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    let operator = operator(task);
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
