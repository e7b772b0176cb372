//! Mask: a field's text is covered.

use super::{length, one_field, operator, property, wrong_operator};
use crate::task::{MaskPart, RawTask, Task};

/// What the AppFlow console writes when it masks a whole text.
const MASK_ALL_LENGTH: u32 = 5;
/// The longest mask; a longer one could only be a mistake or an attack.
const MASK_LENGTH_LIMIT: u32 = 10_000;

pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    let operator = operator(task);
    if !matches!(operator, "MASK_ALL" | "MASK_FIRST_N" | "MASK_LAST_N") {
        return Err(wrong_operator("mask", operator));
    }
    let field = one_field(task)?;
    let part = match (operator, length(task, "MASK_LENGTH", &field, MASK_LENGTH_LIMIT)?) {
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
