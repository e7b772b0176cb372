//! Truncate: the first characters of a field's text.

use super::{length, no_operator, one_field};
use crate::task::{RawTask, Task};

pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "truncat")?;
    let field = one_field(task)?;
    let length = length(task, "TRUNCATE_LENGTH", &field, u32::MAX)?.ok_or_else(|| {
        format!("The Truncate task of the field {field} needs the task property TRUNCATE_LENGTH")
    })?;
    Ok(Task::Truncate { field, length })
}
