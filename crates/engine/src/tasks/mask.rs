//! Mask: a field's text is covered, in place.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::ColumnarValue;
use tidegate_core::task::MaskPart;

use super::Lowered;
use crate::error::RunError;
use crate::values::cells::Cells;
use crate::values::kernel::Kernel;

/// Covers a field: from here on it is text. Where a computed field has the name
/// of a source's, both are covered: the name is all that the task says.
pub(super) fn lower(name: &str, part: MaskPart, character: char, plan: &mut Lowered) -> Result<(), RunError> {
    plan.field(name, "Mask task")?;
    let (kind, length) = match part {
        MaskPart::All(length) => (Kind::All, length),
        MaskPart::First(length) => (Kind::First, length),
        MaskPart::Last(length) => (Kind::Last, length),
    };
    for field in plan.fields.iter_mut().filter(|field| field.name == name) {
        let length = length as usize;
        let kernel = Mask { kind, length, character, is_json: field.is_json, trim: field.trim };
        let covered = kernel.of(vec![field.expr.clone()]);
        field.become_text(covered);
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    All,
    First,
    Last,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mask {
    kind: Kind,
    length: usize,
    character: char,
    is_json: bool,
    trim: bool,
}

impl Kernel for Mask {
    fn name(&self) -> String {
        format!("mask {:?} {} with {}", self.kind, self.length, self.character)
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, inputs: &[ArrayRef], _: usize) -> PlanResult<ColumnarValue> {
        let cells = Cells::new(&inputs[0], self.is_json, self.trim)?;
        let mut masked = StringBuilder::with_capacity(cells.len(), cells.len() * 8);
        let mut buffer = String::new();
        cells.for_each_text(|text| match text {
            None => masked.append_null(),
            Some(text) => {
                buffer.clear();
                self.cover(text, &mut buffer);
                masked.append_value(&buffer);
            }
        });
        Ok(ColumnarValue::Array(Arc::new(masked.finish())))
    }
}

impl Mask {
    fn cover(&self, text: &str, out: &mut String) {
        let push = |out: &mut String, count: usize| out.extend(std::iter::repeat_n(self.character, count));
        match self.kind {
            Kind::All => push(out, self.length),
            Kind::First => {
                let end = text.char_indices().nth(self.length).map_or(text.len(), |(at, _)| at);
                push(out, text[..end].chars().count());
                out.push_str(&text[end..]);
            }
            Kind::Last if text.is_ascii() => {
                let covered = text.len().min(self.length);
                out.push_str(&text[..text.len() - covered]);
                push(out, covered);
            }
            Kind::Last => {
                let count = text.chars().count();
                let covered = count.min(self.length);
                let start = text.char_indices().nth(count - covered).map_or(text.len(), |(at, _)| at);
                out.push_str(&text[..start]);
                push(out, covered);
            }
        }
    }
}
