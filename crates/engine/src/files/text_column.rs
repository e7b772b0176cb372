//! A column of texts in the making, without a check for each of them.

use datafusion::arrow::array::StringArray;
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::bit_util;

/// Texts, one after the other; the place of the next batch is made as large
/// as the last one was.
pub(super) struct TextColumn {
    /// The end of each text in `bytes`, after a first 0.
    ends: Vec<i32>,
    bytes: Vec<u8>,
    /// One bit a text, set where there is one; empty while none is missing.
    present: Vec<u8>,
}

impl TextColumn {
    pub(super) fn new() -> Self {
        Self { ends: vec![0], bytes: Vec::new(), present: Vec::new() }
    }

    const fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Adds a text. Its bytes are checked when the column is finished.
    pub(super) fn append(&mut self, text: &[u8]) {
        if !self.present.is_empty() {
            self.mark(true);
        }
        self.bytes.extend_from_slice(text);
        self.end();
    }

    /// Adds a missing text.
    pub(super) fn append_null(&mut self) {
        if self.present.is_empty() {
            // All before it are there.
            self.present = vec![0xff; self.len().div_ceil(8).max(1)];
        }
        self.mark(false);
        self.end();
    }

    fn mark(&mut self, is_present: bool) {
        let at = self.len();
        if self.present.len() * 8 <= at {
            self.present.push(0);
        }
        if is_present {
            bit_util::set_bit(&mut self.present, at);
        } else {
            bit_util::unset_bit(&mut self.present, at);
        }
    }

    fn end(&mut self) {
        self.ends.push(i32::try_from(self.bytes.len()).expect("a batch is ended long before 2 GiB"));
    }

    /// The texts so far; the column begins anew.
    ///
    /// # Errors
    /// They are not UTF-8.
    pub(super) fn finish(&mut self) -> Result<StringArray, ArrowError> {
        let rows = self.len();
        let (ends, bytes) = (self.ends.capacity(), self.bytes.len() + self.bytes.len() / 8);
        let mut next = Vec::with_capacity(ends);
        next.push(0);
        let ends = std::mem::replace(&mut self.ends, next);
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(bytes));
        let present = std::mem::take(&mut self.present);
        let nulls = (!present.is_empty()).then(|| {
            let bits = datafusion::arrow::buffer::BooleanBuffer::new(Buffer::from_vec(present), 0, rows);
            datafusion::arrow::buffer::NullBuffer::new(bits)
        });
        StringArray::try_new(OffsetBuffer::new(ends.into()), Buffer::from_vec(bytes), nulls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_texts_and_nulls_comes_back() {
        let mut column = TextColumn::new();
        // Twice, because the second column is begun by the first one's end.
        for shift in 0..20_usize {
            let cells: Vec<Option<String>> =
                (0..40).map(|at| ((at * 7 + shift) % 5 > 1 || at < shift).then(|| "é".repeat(at))).collect();
            for cell in &cells {
                match cell {
                    Some(text) => column.append(text.as_bytes()),
                    None => column.append_null(),
                }
            }
            let array = column.finish().unwrap();
            assert_eq!(array.iter().map(|cell| cell.map(str::to_owned)).collect::<Vec<_>>(), cells);
        }
    }

    #[test]
    fn what_is_no_utf8_is_found_at_the_end() {
        for (first, second) in [(&b"a\xff"[..], &b"b"[..]), (b"\xc3", b"\xa9")] {
            let mut column = TextColumn::new();
            column.append(first);
            column.append(second);
            assert!(column.finish().is_err());
        }
    }
}
