//! Partition: destination fields whose values become folders.

use super::{json_names, named_fields, no_operator, property};
use crate::task::{RawTask, Task};

/// The most fields that a flow may be partitioned by.
const LIMIT: usize = 10;

/// The order is `ORDERED_PARTITION_KEYS_LIST`'s, whose encoding AppFlow does
/// not tell: a JSON array or a list between commas. Without it the source
/// fields of the task are the list.
pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "partition")?;
    let keys: Vec<String> = match property(task, "ORDERED_PARTITION_KEYS_LIST") {
        None => named_fields(task).map(str::to_owned).collect(),
        Some(list) if list.trim_start().starts_with('[') => json_names(list).ok_or_else(|| {
            "The task property ORDERED_PARTITION_KEYS_LIST must be a JSON array of field names, such as [\"a\",\"b\"], or a list between commas"
                .to_owned()
        })?,
        Some(list) => list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    };
    if keys.is_empty() || keys.len() > LIMIT {
        return Err(format!("A task of type Partition must name from one to {LIMIT} fields"));
    }
    match keys.iter().enumerate().find(|(at, key)| keys[..*at].contains(key)) {
        Some((_, key)) => Err(format!("The task of type Partition names the field {key} twice")),
        None => Ok(Task::Partition { keys }),
    }
}
