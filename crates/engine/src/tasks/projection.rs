//! Filter with PROJECTION: the fields that the flow may use.

use tidegate_core::task::Task;

use super::Lowered;
use crate::error::RunError;

/// A projection computes nothing: the source was asked for its fields. It is
/// checked here that they came. The CDK writes the names of computed fields
/// into it as well.
pub(super) fn lower(fields: &[String], tasks: &[Task], plan: &Lowered) -> Result<(), RunError> {
    let is_computed = |name: &String| tasks.iter().any(|task| task.computed() == Some(name));
    let mut of_source = fields.iter().filter(|name| !is_computed(name));
    of_source.try_for_each(|name| plan.field(name, "projection").map(|_| ()))
}
