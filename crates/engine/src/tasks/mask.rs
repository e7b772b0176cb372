//! Mask: a field's text is covered, in place.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use tidegate_core::task::MaskPart;

use super::Lowered;
use crate::error::RunError;
use crate::values::cells::Cells;

/// Covers a field: from here on it is text.
pub(super) fn lower(name: &str, part: MaskPart, character: char, plan: &mut Lowered) -> Result<(), RunError> {
    let field = plan.field_mut(name, "Mask task")?;
    let (kind, length) = match part {
        MaskPart::All(length) => (Kind::All, length),
        MaskPart::First(length) => (Kind::First, length),
        MaskPart::Last(length) => (Kind::Last, length),
    };
    let implementation = Mask {
        name: format!("mask {kind:?} {length} with {character}"),
        kind,
        length: length as usize,
        character,
        is_json: field.is_json,
        trim: field.trim,
        signature: Signature::any(1, Volatility::Immutable),
    };
    let covered = ScalarUDF::new_from_impl(implementation).call(vec![field.expr.clone()]);
    field.become_text(covered);
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
    name: String,
    kind: Kind,
    length: usize,
    character: char,
    is_json: bool,
    trim: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Mask {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let arrays = [args.args[0].to_array(args.number_rows)?];
        let cells = Cells::new(&arrays[0], self.is_json, self.trim)?;
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
        Ok(ColumnarValue::Array(Arc::new(masked.finish()) as ArrayRef))
    }
}

impl Mask {
    fn cover(&self, text: &str, out: &mut String) {
        let mut push = |count: usize| out.extend(std::iter::repeat_n(self.character, count));
        match self.kind {
            Kind::All => push(self.length),
            Kind::First => {
                let end = text.char_indices().nth(self.length).map_or(text.len(), |(at, _)| at);
                push(text[..end].chars().count());
                out.push_str(&text[end..]);
            }
            Kind::Last => {
                let count = text.chars().count();
                let covered = count.min(self.length);
                let start = text.char_indices().nth(count - covered).map_or(text.len(), |(at, _)| at);
                out.push_str(&text[..start]);
                out.extend(std::iter::repeat_n(self.character, covered));
            }
        }
    }
}
