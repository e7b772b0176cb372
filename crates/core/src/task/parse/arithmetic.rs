//! Arithmetic: two fields become one number.

use super::{computed_name, json_names, named_fields, operator, property, wrong_operator};
use crate::task::{ArithmeticOperator, RawTask, Task};

/// `MATH_OPERATION_FIELDS_ORDER` says which field stands left; without it the
/// order of the source fields does.
pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    let operator = match operator(task) {
        "ADDITION" => ArithmeticOperator::Add,
        "SUBTRACTION" => ArithmeticOperator::Subtract,
        "MULTIPLICATION" => ArithmeticOperator::Multiply,
        "DIVISION" => ArithmeticOperator::Divide,
        other => return Err(wrong_operator("arithmetic", other)),
    };
    let fields: Vec<&str> = named_fields(task).collect();
    let (first, second) = match fields.as_slice() {
        [one] => (*one, *one),
        [first, second] => (*first, *second),
        _ => return Err("A task of type Arithmetic must name exactly two source fields".to_owned()),
    };
    let (left, right) = match property(task, "MATH_OPERATION_FIELDS_ORDER") {
        None => (first, second),
        Some(order) => order_of(order, first, second).ok_or_else(|| {
            format!(
                "The task property MATH_OPERATION_FIELDS_ORDER must name the task's two source fields, such as {first},{second}"
            )
        })?,
    };
    Ok(Task::Arithmetic {
        operator,
        left: left.to_owned(),
        right: right.to_owned(),
        name: computed_name(task),
        source_type: property(task, "SOURCE_DATA_TYPE").map(str::to_owned),
        destination_type: property(task, "DESTINATION_DATA_TYPE").map(str::to_owned),
    })
}

/// The operands in the order of the property. Names may hold commas
/// themselves, so the property is compared with what it can be.
fn order_of<'a>(order: &str, first: &'a str, second: &'a str) -> Option<(&'a str, &'a str)> {
    let is = |left: &str, right: &str| match json_names(order).as_deref() {
        Some([a, b]) => a == left && b == right,
        _ => {
            let rest = order.trim().strip_prefix(left).map(str::trim_start);
            rest.and_then(|rest| rest.strip_prefix(',')).is_some_and(|rest| rest.trim_start() == right)
        }
    };
    if is(first, second) {
        Some((first, second))
    } else if is(second, first) {
        Some((second, first))
    } else {
        None
    }
}
