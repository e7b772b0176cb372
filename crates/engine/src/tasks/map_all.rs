//! Map_all: every field under its own name.

use tidegate_core::task::Task;

use super::{Lowered, projected};

/// Maps every source field that the flow selects, except those excluded. With
/// INCLUDE_NEW_FIELDS the projection limits nothing: it names the fields that
/// were known when the flow was made.
pub(super) fn lower(exclude: &[String], include_new: bool, tasks: &[Task], plan: &mut Lowered) {
    let selected = projected(tasks).filter(|_| !include_new);
    for field in plan.fields.clone() {
        let wanted = selected.as_ref().is_none_or(|names| names.contains(&field.name.as_str()));
        if wanted && !field.computed && !exclude.contains(&field.name) {
            let name = field.name.clone();
            plan.put(field.output(&name));
        }
    }
}
