//! Which folder and which file each record of a batch belongs to.
//!
//! A folder is `FIELD=VALUE`, one for each partition key. Names and values are
//! spelled so that no two of them look alike, that none leads anywhere else,
//! and that readers of Hive's layout get them back by undoing `%XX`.

use std::collections::HashMap;

use datafusion::arrow::array::{AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::UInt32Type;

use crate::error::RunError;
use crate::tasks::Output;
use crate::values::cells::Cells;

/// How a missing value is spelled, which is AppFlow's way. The text `null` is
/// spelled `%6Eull`.
const NULL: &str = "null";
/// The longest folder, in bytes; see [`super::key::unusable`].
const LONGEST: usize = 255;

/// A partition key: a column of the output whose values become folders.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// `FIELD=`, as it is spelled in folders.
    folder: Vec<u8>,
    name: String,
    column: usize,
    is_json: bool,
    trim: bool,
}

/// Records that go into one file, or into files of one size.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Group {
    /// `FIELD=VALUE/…`; empty without partitions.
    pub folder: String,
    /// The part of the source, if each has files of its own; else 0.
    pub part: u32,
}

/// How a run's batches are parted.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    keys: Vec<Key>,
    /// Whether the last column is the number of the part.
    tells_parts: bool,
    /// The columns that are written.
    written: Vec<usize>,
}

impl Splitter {
    /// A splitter for batches of these columns, followed by the part's number
    /// if `tells_parts`. Keys are not written: their values are in the path.
    pub(super) fn new(columns: &[Output], keys: &[String], tells_parts: bool) -> Self {
        let key = |name: &String| {
            let column = columns.iter().position(|column| column.name == *name)?;
            let mut folder = Vec::new();
            spell(&mut folder, name);
            folder.push(b'=');
            let Output { is_json, trim, .. } = columns[column];
            Some(Key { folder, name: name.clone(), column, is_json, trim })
        };
        let keys: Vec<Key> = keys.iter().filter_map(key).collect();
        let is_key = |at: &usize| keys.iter().any(|key| key.column == *at);
        let written = (0..columns.len()).filter(|at| !is_key(at)).collect();
        Self { keys, tells_parts, written }
    }

    /// Whether every record goes into the same group.
    pub(super) fn is_trivial(&self) -> bool {
        self.keys.is_empty() && !self.tells_parts
    }

    /// The columns that are written, of those that there are.
    pub(super) fn written(&self, columns: &[Output]) -> Vec<Output> {
        self.written.iter().map(|at| columns[*at].clone()).collect()
    }

    /// The part of a batch that is written.
    pub(super) fn project(&self, batch: &RecordBatch) -> Result<RecordBatch, RunError> {
        Ok(batch.project(&self.written)?)
    }

    /// The groups of a batch in the order in which they appear, each with its
    /// rows.
    pub(super) fn split(&self, batch: &RecordBatch) -> Result<Vec<(Group, Vec<u32>)>, RunError> {
        let mut columns = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            columns.push(Cells::new(batch.column(key.column), key.is_json, key.trim)?);
        }
        let parts = match batch.columns().last() {
            Some(last) if self.tells_parts => Some(last.as_primitive::<UInt32Type>()),
            _ => None,
        };
        let mut groups: Vec<(Group, Vec<u32>)> = Vec::new();
        // Each group by its folder and the number of its part.
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        let (mut folder, mut value) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            folder.clear();
            for (key, cells) in self.keys.iter().zip(&columns) {
                let start = if folder.is_empty() { 0 } else { folder.len() + 1 };
                if start > 0 {
                    folder.push(b'/');
                }
                folder.extend(&key.folder);
                if cells.is_null(row) {
                    folder.extend(NULL.as_bytes());
                    continue;
                }
                value.clear();
                cells.write(row, &mut value);
                let text = String::from_utf8_lossy(&value);
                if text == NULL {
                    folder.extend(b"%6Eull");
                } else {
                    spell(&mut folder, &text);
                }
                if folder.len() - start > LONGEST {
                    return Err(too_long(&key.name, value.len()));
                }
            }
            let part = parts.map_or(0, |parts| parts.value(row));
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            let end = folder.len();
            folder.extend(part.to_be_bytes());
            if let Some(at) = known.get(folder.as_slice()) {
                groups[*at].1.push(row);
                continue;
            }
            known.insert(folder.clone(), groups.len());
            folder.truncate(end);
            let folder = String::from_utf8_lossy(&folder).into_owned();
            groups.push((Group { folder, part }, vec![row]));
        }
        Ok(groups)
    }
}

fn too_long(field: &str, bytes: usize) -> RunError {
    RunError::Destination(format!(
        "A value of the field {field} has {bytes} bytes and cannot be the name of a folder, whose names have \
         {LONGEST} bytes at most. Partition by a field with shorter values, or truncate it"
    ))
}

/// Spells a text within a folder's name: `%XX` stands for each byte of what
/// would separate (`/`, `\`, `=`), of `%` itself, and of what cannot be seen.
fn spell(out: &mut Vec<u8>, text: &str) {
    let mut buffer = [0; 4];
    for character in text.chars() {
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        let is_spelled_out =
            matches!(character, '/' | '\\' | '=' | '%' | '\u{fffe}' | '\u{ffff}') || character.is_control();
        if is_spelled_out {
            for byte in bytes {
                out.extend(format!("%{byte:02X}").as_bytes());
            }
        } else {
            out.extend(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use datafusion::arrow::array::{Array as _, ArrayRef, Int32Array, StringArray, UInt32Array};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::logical_expr::lit;

    use super::*;
    use crate::files::key;
    use crate::tasks::Meaning;

    fn output(name: &str) -> Output {
        Output {
            name: name.to_owned(),
            expr: lit(1),
            data_type: DataType::Utf8,
            is_json: false,
            meaning: Meaning::Own,
            trim: false,
            hidden: false,
            is_line: false,
        }
    }

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let fields: Vec<Field> = (columns.iter().enumerate())
            .map(|(at, column)| Field::new(format!("{at}"), column.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn folders(values: &[Option<&str>]) -> Vec<String> {
        let keys = [output("a key"), output("other")];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(values.to_vec())),
            Arc::new(Int32Array::from(vec![1; values.len()])),
        ];
        let splitter = Splitter::new(&keys, &["a key".to_owned()], false);
        let groups = splitter.split(&batch(columns)).unwrap();
        groups.into_iter().map(|(group, _)| group.folder).collect()
    }

    #[test]
    fn awkward_values_get_folders_of_their_own_that_lead_nowhere() {
        let values = [
            None,
            Some("null"),
            Some("NULL"),
            Some(""),
            Some(" "),
            Some("."),
            Some(".."),
            Some("../../x"),
            Some("a/b"),
            Some("a%2Fb"),
            Some("a=b"),
            Some("a\\b"),
            Some("a\nb"),
            Some("a\0b"),
            Some("Zürich"),
            Some("Zu\u{308}rich"),
            Some("日本"),
            Some("\u{85}"),
            Some("%6Eull"),
            Some("a+b"),
            Some("a b"),
        ];
        let folders = folders(&values);
        assert_eq!(folders.len(), values.len(), "no two are alike: {folders:?}");
        assert_eq!(folders.iter().collect::<HashSet<_>>().len(), values.len());
        for (folder, value) in folders.iter().zip(values) {
            assert_eq!(folder.split('/').count(), 1, "{folder}");
            assert_eq!(key::unusable(folder), None, "{folder}");
            // Undoing `%XX` gives the value back; a plain `null` is a missing one.
            let spelled = folder.strip_prefix("a key=").unwrap();
            let value = value.unwrap_or("null");
            assert_eq!(undone(spelled), value, "{folder}");
        }
        assert_eq!(folders[..2], ["a key=null", "a key=%6Eull"]);
        assert_eq!(folders[7], "a key=..%2F..%2Fx");
        assert_eq!(folders[14], "a key=Zürich");
    }

    fn undone(text: &str) -> String {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((first, others)) = rest.split_first() {
            if *first == b'%' {
                let digits = std::str::from_utf8(&others[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &others[2..];
            } else {
                bytes.push(*first);
                rest = others;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn groups_keep_their_order_and_keys_are_not_written() {
        let columns = [output("b"), output("x"), output("a=")];
        let batch = batch(vec![
            Arc::new(StringArray::from(vec![Some("1"), Some("2"), Some("1"), None])),
            Arc::new(Int32Array::from(vec![10, 20, 30, 40])),
            Arc::new(Int32Array::from(vec![Some(7), Some(7), Some(7), None])),
            Arc::new(UInt32Array::from(vec![1, 1, 1, 2])),
        ]);
        let splitter = Splitter::new(&columns, &["a=".to_owned(), "b".to_owned()], true);
        let group = |folder: &str, part| Group { folder: folder.to_owned(), part };
        let expected = [
            (group("a%3D=7/b=1", 1), vec![0, 2]),
            (group("a%3D=7/b=2", 1), vec![1]),
            (group("a%3D=null/b=null", 2), vec![3]),
        ];
        assert_eq!(splitter.split(&batch).unwrap(), expected);
        let names: Vec<_> = splitter.written(&columns).into_iter().map(|column| column.name).collect();
        assert_eq!(names, ["x"]);
        assert_eq!(splitter.project(&batch).unwrap().num_columns(), 1);
    }

    #[test]
    fn a_value_that_no_folder_can_be_named_after_ends_the_run() {
        let long = "ä".repeat(130);
        let column: ArrayRef = Arc::new(StringArray::from(vec![long.as_str()]));
        let error = Splitter::new(&[output("k")], &["k".to_owned()], false).split(&batch(vec![column]));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("field k has 260 bytes"), "{text}");
    }
}
