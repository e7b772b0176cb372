//! Map_all: every field under its own name.

use super::{json_names, no_operator, property};
use crate::task::{RawTask, Task};

pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "mapp")?;
    let exclude = match property(task, "EXCLUDE_SOURCE_FIELDS_LIST") {
        None => Vec::new(),
        Some(list) => json_names(list).ok_or_else(|| {
            "The task property EXCLUDE_SOURCE_FIELDS_LIST must be a JSON array of field names, such as [\"a\",\"b\"]"
                .to_owned()
        })?,
    };
    let include_new = match property(task, "INCLUDE_NEW_FIELDS") {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(_) => return Err("The task property INCLUDE_NEW_FIELDS must be true or false".to_owned()),
    };
    Ok(Task::MapAll { exclude, include_new })
}
