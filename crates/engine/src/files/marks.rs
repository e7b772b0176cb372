//! Where the bytes are that mean something to CSV, found 64 at a time.
//!
//! Most fields are short, and to search each one's end on its own takes longer
//! than to read it. So a block is compared as a whole, which compilers turn
//! into vector instructions on every processor, and its finds are then taken
//! bit by bit.

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Whether a byte may end a field, or be a quote.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b',' | b'\n' | b'\r' | b'"')
}

/// One bit a byte, the first byte's lowest: set where there is a mark.
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    /// Brings the lowest bits of eight bytes together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut found = [0_u8; BLOCK];
    for (found, byte) in found.iter_mut().zip(block) {
        *found = u8::from(is_mark(*byte));
    }
    let (eights, _) = found.as_chunks::<8>();
    eights
        .iter()
        .rev()
        .fold(0, |bits, eight| (bits << 8) | (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56))
}

/// The places of all marks in a text, but for those in its last bytes, which
/// fill no block.
pub(super) struct Marks<'a> {
    blocks: std::slice::Iter<'a, [u8; BLOCK]>,
    /// Where the block at hand begins.
    base: usize,
    /// What is left of its marks.
    bits: u64,
}

impl<'a> Marks<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let (blocks, _) = text.as_chunks::<BLOCK>();
        let mut blocks = blocks.iter();
        let bits = blocks.next().map_or(0, marks_of);
        Self { blocks, base: 0, bits }
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.bits = marks_of(self.blocks.next()?);
            self.base += BLOCK;
        }
        let at = self.base + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_marks_are_found_and_nothing_else() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_mark(byte), b",\n\r\"".contains(&byte));
        }
        let mut random = 7_u64;
        for length in 0..400 {
            let text: Vec<u8> = (0..length)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    // Some marks, and bytes on both sides of 128.
                    *b",\n\r\"".get((random >> 33) as usize % 20).unwrap_or(&((random >> 40) as u8))
                })
                .collect();
            let whole = length / BLOCK * BLOCK;
            let expected: Vec<usize> = (0..whole).filter(|at| is_mark(text[*at])).collect();
            assert_eq!(Marks::of(&text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
