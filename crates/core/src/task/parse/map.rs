//! Map: one field under another name.

use super::{no_operator, one_field, property};
use crate::task::{RawTask, Task};

/// The CDK forgets the destination of a Map that reads a merged field
/// (`a,b`); such a field keeps its own name.
pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "mapp")?;
    let source = one_field(task)?;
    let named = task.destination_field.clone().filter(|name| !name.is_empty());
    let destination = match named {
        Some(name) => name,
        None if source.contains(',') => source.clone(),
        None => return Err(format!("The Map task of the field {source} needs a destination field")),
    };
    Ok(Task::Map {
        source,
        destination,
        source_type: property(task, "SOURCE_DATA_TYPE").map(str::to_owned),
        destination_type: property(task, "DESTINATION_DATA_TYPE").map(str::to_owned),
    })
}
