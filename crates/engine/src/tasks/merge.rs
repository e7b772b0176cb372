//! Merge: the texts of several fields as one.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, Expr};
use tidegate_core::task::MergePiece;

use super::{Field, Lowered, Meaning};
use crate::error::RunError;
use crate::values::cells::Cells;
use crate::values::kernel::Kernel;

/// Computes a text of fields. A missing value counts as an empty text; when
/// all are missing, so is the result.
pub(super) fn lower(
    fields: &[String],
    name: &str,
    format: &[MergePiece],
    plan: &mut Lowered,
) -> Result<(), RunError> {
    let mut sources = Vec::with_capacity(fields.len());
    for field in fields {
        sources.push(plan.field(field, "Merge task")?.clone());
    }
    let kernel = Merge {
        name: name.to_owned(),
        pieces: format.to_vec(),
        forms: sources.iter().map(|field| (field.is_json, field.trim)).collect(),
    };
    let inputs: Vec<Expr> = sources.iter().map(|field| field.expr.clone()).collect();
    let expr = kernel.of(inputs);
    let hidden = sources.iter().any(|field| field.hidden);
    plan.add_computed(name, expr, DataType::Utf8, hidden, false);
    Ok(())
}

impl Lowered {
    /// Adds a field that a task computes.
    pub(super) fn add_computed(
        &mut self,
        name: &str,
        expr: Expr,
        data_type: DataType,
        hidden: bool,
        trim: bool,
    ) {
        let masked = self.masked.iter().any(|masked| masked == name);
        self.fields.push(Field {
            name: name.to_owned(),
            origin: (expr.clone(), false),
            expr,
            data_type,
            is_json: false,
            meaning: Meaning::Own,
            trim,
            masked,
            cut: false,
            hidden: hidden || masked,
            computed: true,
        });
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Merge {
    name: String,
    pieces: Vec<MergePiece>,
    /// For each field, whether it is JSON text, and whether it trims.
    forms: Vec<(bool, bool)>,
}

impl Kernel for Merge {
    fn name(&self) -> String {
        format!("merge as {}", self.name)
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, inputs: &[ArrayRef], rows: usize) -> PlanResult<ColumnarValue> {
        let mut cells = Vec::with_capacity(self.forms.len());
        for (input, (is_json, trim)) in inputs.iter().zip(&self.forms) {
            cells.push(Cells::new(input, *is_json, *trim)?);
        }
        let mut merged = StringBuilder::with_capacity(rows, rows.saturating_mul(16));
        let mut buffer = Vec::new();
        for row in 0..rows {
            if cells.iter().all(|column| column.is_null(row)) {
                merged.append_null();
                continue;
            }
            buffer.clear();
            for piece in &self.pieces {
                match piece {
                    MergePiece::Text(text) => buffer.extend(text.as_bytes()),
                    MergePiece::Field(at) => {
                        if let Some(column) = cells.get(*at).filter(|column| !column.is_null(row)) {
                            column.write(row, &mut buffer);
                        }
                    }
                }
            }
            merged.append_value(std::str::from_utf8(&buffer).expect("text forms are UTF-8"));
        }
        Ok(ColumnarValue::Array(Arc::new(merged.finish())))
    }
}
