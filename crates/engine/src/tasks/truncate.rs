//! Truncate: the first characters of a field's text, in place.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _};
use datafusion::arrow::compute::kernels::substring::{substring, substring_by_char};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::ColumnarValue;

use super::Lowered;
use crate::error::RunError;
use crate::values::cells::Cells;
use crate::values::kernel::Kernel;

/// Cuts a field: from here on it is text.
pub(super) fn lower(name: &str, length: u32, plan: &mut Lowered) -> Result<(), RunError> {
    let field = plan.field_mut(name, "Truncate task")?;
    let kernel = Truncate { length, is_json: field.is_json, trim: field.trim };
    let cut = kernel.of(vec![field.expr.clone()]);
    field.become_text(cut);
    field.cut = true;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncate {
    length: u32,
    is_json: bool,
    trim: bool,
}

impl Kernel for Truncate {
    fn name(&self) -> String {
        format!("truncate to {}", self.length)
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, inputs: &[ArrayRef], _: usize) -> PlanResult<ColumnarValue> {
        let texts = Cells::new(&inputs[0], self.is_json, self.trim)?.to_text();
        // Where every character is one byte, they need not be counted.
        let cut: ArrayRef = if texts.is_ascii() {
            substring(&texts, 0, Some(u64::from(self.length)))?
        } else {
            Arc::new(substring_by_char(&texts, 0, Some(u64::from(self.length)))?)
        };
        debug_assert_eq!(cut.as_string::<i32>().len(), texts.len());
        Ok(ColumnarValue::Array(cut))
    }
}
