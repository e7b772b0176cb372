//! Filter with PROJECTION: the fields that the flow may use.

use super::Lowered;
use crate::error::RunError;

/// A projection computes nothing: the source was asked for its fields. It is
/// checked here that they came.
pub(super) fn lower(fields: &[String], plan: &mut Lowered) -> Result<(), RunError> {
    fields.iter().try_for_each(|name| plan.field(name, "projection").map(|_| ()))
}
