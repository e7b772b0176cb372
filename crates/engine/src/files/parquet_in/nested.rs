//! Lists, structures and maps as JSON texts.

use datafusion::arrow::array::{Array, ArrayRef, AsArray as _, OffsetSizeTrait, StringArray, StringBuilder};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::DataType;

use crate::error::RunError;
use crate::values::cells::{Cells, JsonKind};
use crate::values::json;

/// The values of a nested column, each as one JSON text.
pub(super) fn texts(array: &ArrayRef) -> Result<StringArray, RunError> {
    let node = Node::new(array)?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len().saturating_mul(32));
    let (mut text, mut scratch) = (Vec::new(), Vec::new());
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        node.write(row, &mut text, &mut scratch);
        texts
            .append_value(std::str::from_utf8(&text).map_err(|error| RunError::Internal(error.to_string()))?);
    }
    Ok(texts.finish())
}

/// An array, opened for writing.
struct Node {
    array: ArrayRef,
    kind: Kind,
}

enum Kind {
    Leaf(Cells),
    /// For each row, where its items begin and end.
    List(Vec<(usize, usize)>, Box<Node>),
    Struct(Vec<(String, Node)>),
    /// Like a list; the keys become names, as texts.
    Map(Vec<(usize, usize)>, Box<(Cells, Node)>),
}

impl Node {
    fn new(array: &ArrayRef) -> Result<Self, RunError> {
        let kind = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Kind::List(bounds(list.offsets()), Box::new(Self::new(list.values())?))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Kind::List(bounds(list.offsets()), Box::new(Self::new(list.values())?))
            }
            DataType::FixedSizeList(_, length) => {
                let length = usize::try_from(*length).unwrap_or_default();
                let bounds = (0..array.len()).map(|row| (row * length, (row + 1) * length)).collect();
                Kind::List(bounds, Box::new(Self::new(array.as_fixed_size_list().values())?))
            }
            DataType::Struct(fields) => {
                let mut members = Vec::with_capacity(fields.len());
                for (field, values) in fields.iter().zip(array.as_struct().columns()) {
                    members.push((field.name().clone(), Self::new(values)?));
                }
                Kind::Struct(members)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let parts = (Cells::new(map.keys(), false, false)?, Self::new(map.values())?);
                Kind::Map(bounds(map.offsets()), Box::new(parts))
            }
            _ => Kind::Leaf(Cells::new(array, false, false)?),
        };
        Ok(Self { array: array.clone(), kind })
    }

    fn write(&self, row: usize, out: &mut Vec<u8>, scratch: &mut Vec<u8>) {
        match &self.kind {
            Kind::Leaf(cells) => write_leaf(cells, row, out, scratch),
            _ if self.array.is_null(row) => out.extend(b"null"),
            Kind::List(bounds, items) => {
                out.push(b'[');
                let (start, end) = bounds[row];
                for at in start..end {
                    if at > start {
                        out.push(b',');
                    }
                    items.write(at, out, scratch);
                }
                out.push(b']');
            }
            Kind::Struct(members) => {
                out.push(b'{');
                for (at, (name, values)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    json::write_string(out, name.as_bytes());
                    out.push(b':');
                    values.write(row, out, scratch);
                }
                out.push(b'}');
            }
            Kind::Map(bounds, parts) => {
                let (keys, values) = parts.as_ref();
                out.push(b'{');
                let (start, end) = bounds[row];
                for at in start..end {
                    if at > start {
                        out.push(b',');
                    }
                    scratch.clear();
                    keys.write(at, scratch);
                    json::write_string(out, scratch);
                    out.push(b':');
                    values.write(at, out, scratch);
                }
                out.push(b'}');
            }
        }
    }
}

fn bounds<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> Vec<(usize, usize)> {
    offsets.windows(2).map(|pair| (pair[0].as_usize(), pair[1].as_usize())).collect()
}

fn write_leaf(cells: &Cells, row: usize, out: &mut Vec<u8>, scratch: &mut Vec<u8>) {
    if cells.is_null(row) {
        out.extend(b"null");
        return;
    }
    match cells.json_kind(row) {
        JsonKind::Bare => cells.write(row, out),
        JsonKind::Raw => json::write_raw(out, cells.borrowed(row).unwrap_or("null")),
        JsonKind::Quoted => {
            scratch.clear();
            cells.write(row, scratch);
            json::write_string(out, scratch);
        }
    }
}
