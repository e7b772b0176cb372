//! Validate: records that fail a check are skipped, or end the run.

use super::{one_field, operator, property, wrong_operator};
use crate::task::{RawTask, Task, ValidationAction, ValidationCheck};

pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    let operator = operator(task);
    let Some(check) = ValidationCheck::parse(operator) else {
        return Err(wrong_operator("validat", operator));
    };
    let field = one_field(task)?;
    let action = match property(task, "VALIDATION_ACTION") {
        Some(text) if text.eq_ignore_ascii_case("DropRecord") => ValidationAction::DropRecord,
        Some(text) if text.eq_ignore_ascii_case("DropDataset") => ValidationAction::DropDataset,
        _ => {
            return Err(format!(
                "The validation {operator} of the field {field} needs the task property VALIDATION_ACTION with the value DropRecord or DropDataset"
            ));
        }
    };
    Ok(Task::Validate { field, check, action })
}
