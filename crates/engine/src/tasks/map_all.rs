//! Map_all: every field under its own name.

use tidegate_core::task::Task;

use super::{Lowered, Output, projected};

/// Maps every field that the flow selects, except those excluded.
pub(super) fn lower(exclude: &[String], tasks: &[Task], plan: &mut Lowered) {
    let selected = projected(tasks);
    for field in plan.fields.clone() {
        let wanted = selected.as_ref().is_none_or(|names| names.contains(&field.name.as_str()));
        if wanted && !exclude.contains(&field.name) {
            plan.put(Output {
                name: field.name,
                expr: field.expr,
                data_type: field.data_type,
                is_json: field.is_json,
                meaning: field.meaning,
                trim: false,
            });
        }
    }
}
