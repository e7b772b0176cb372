//! A column of texts in the making, without a check for each of them.

use std::ops::Range;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::util::bit_util;

/// Bytes of a short text, which is copied as a whole number of words: that
/// takes one instruction or two, where copying any length takes a call.
const SHORT: usize = 16;

/// Texts, one after the other; the place of the next batch is made as large
/// as the last one was.
pub(super) struct TextColumn {
    /// The end of each text in `bytes`, after a first 0.
    ends: Vec<i32>,
    /// The texts, and room for more.
    bytes: Vec<u8>,
    /// Bytes that the texts take.
    used: usize,
    /// One bit a text, set where there is one; empty while none is missing.
    present: Vec<u8>,
}

impl TextColumn {
    pub(super) fn new() -> Self {
        Self { ends: vec![0], bytes: Vec::new(), used: 0, present: Vec::new() }
    }

    const fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Adds a text. Its bytes are checked when the column is finished.
    pub(super) fn append(&mut self, text: &[u8]) {
        self.append_part(text, 0..text.len());
    }

    /// Adds a part of a text, as [`Self::append`] does. It is done sooner when
    /// the text goes on for some bytes after the part.
    #[inline(always)]
    pub(super) fn append_part(&mut self, text: &[u8], part: Range<usize>) {
        if !self.present.is_empty() {
            self.mark(true);
        }
        let length = part.len();
        if self.bytes.len() - self.used < length.max(SHORT) {
            self.grow(length);
        }
        let room = &mut self.bytes[self.used..];
        match (room.first_chunk_mut::<SHORT>(), text[part.start..].first_chunk::<SHORT>()) {
            (Some(room), Some(text)) if length <= SHORT => *room = *text,
            _ => room[..length].copy_from_slice(&text[part]),
        }
        self.used += length;
        self.end();
    }

    /// Makes room for a text of a length, and for many more.
    #[cold]
    fn grow(&mut self, length: usize) {
        let least = self.used + length.max(SHORT);
        self.bytes.resize(least.max(2 * self.bytes.len()).max(1_024), 0);
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
        self.ends.push(i32::try_from(self.used).expect("a batch is ended long before 2 GiB"));
    }

    /// The texts so far; the column begins anew.
    ///
    /// # Errors
    /// The number of the first text, from 0, that is not UTF-8.
    pub(super) fn finish(&mut self) -> Result<StringArray, usize> {
        let rows = self.len();
        let (ends, used) = (self.ends.capacity(), std::mem::take(&mut self.used));
        let mut next = Vec::with_capacity(ends);
        next.push(0);
        let ends = std::mem::replace(&mut self.ends, next);
        let mut bytes = std::mem::replace(&mut self.bytes, vec![0; used + used / 8]);
        bytes.truncate(used);
        let present = std::mem::take(&mut self.present);
        let nulls = (!present.is_empty()).then(|| {
            let bits = datafusion::arrow::buffer::BooleanBuffer::new(Buffer::from_vec(present), 0, rows);
            datafusion::arrow::buffer::NullBuffer::new(bits)
        });
        let (ends, bytes) = (OffsetBuffer::new(ends.into()), Buffer::from_vec(bytes));
        StringArray::try_new(ends.clone(), bytes.clone(), nulls).map_err(|_| {
            let is_text = |from: i32, to: i32| str::from_utf8(&bytes[from as usize..to as usize]).is_ok();
            ends.windows(2).position(|ends| !is_text(ends[0], ends[1])).unwrap_or(rows)
        })
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
                    Some(text) if text.len() % 4 == 0 => column.append(text.as_bytes()),
                    Some(text) => {
                        let around = format!("é{text}{}", "x".repeat(shift));
                        column.append_part(around.as_bytes(), 2..2 + text.len());
                    }
                    None => column.append_null(),
                }
            }
            let array = column.finish().unwrap();
            assert_eq!(array.iter().map(|cell| cell.map(str::to_owned)).collect::<Vec<_>>(), cells);
        }
    }

    #[test]
    fn what_is_no_utf8_is_found_at_the_end() {
        for (first, second, bad) in [(&b"a\xff"[..], &b"b"[..], 1), (b"\xc3", b"\xa9", 1), (b"a", b"\xa9", 2)]
        {
            let mut column = TextColumn::new();
            column.append_null();
            column.append(first);
            column.append(second);
            assert_eq!(column.finish().unwrap_err(), bad);
        }
    }
}
