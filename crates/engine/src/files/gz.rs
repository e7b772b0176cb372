//! Gzip (RFC 1952), any number of members, piece by piece: whatever a file
//! claims to hold, no more than one buffer of it exists at a time.

use bytes::{Buf as _, Bytes};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Bytes that come out at once.
const OUT_SIZE: usize = 256 * 1024;
/// The longest header; names and comments have a few bytes.
const LONGEST_HEADER: usize = 128 * 1024;

pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

enum State {
    /// In a member's header.
    Header,
    Body,
    /// In the checksum and the length at a member's end.
    Trailer,
    /// After a member: the end, another one, or zeros up to the end.
    Between,
    Padding,
}

/// A gzip file on its way.
pub(super) struct Inflater {
    state: State,
    /// The header or trailer so far.
    held: Vec<u8>,
    raw: Decompress,
    crc: Crc,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: State::Header, held: Vec::new(), raw: Decompress::new(false), crc: Crc::new() }
    }

    /// Takes from a piece as much as one buffer's content needs; `None` when the
    /// piece is used up.
    pub(super) fn inflate(&mut self, piece: &mut Bytes) -> Result<Option<Bytes>, String> {
        while !piece.is_empty() {
            match self.state {
                State::Header => self.header(piece)?,
                State::Body => {
                    let plain = self.body(piece)?;
                    if !plain.is_empty() {
                        return Ok(Some(plain));
                    }
                }
                State::Trailer => self.trailer(piece)?,
                State::Between if piece[0] == 0 => self.state = State::Padding,
                State::Between => self.state = State::Header,
                State::Padding => {
                    if piece.iter().any(|byte| *byte != 0) {
                        return Err(AFTER_ITS_END.to_owned());
                    }
                    piece.clear();
                }
            }
        }
        Ok(None)
    }

    /// Says whether the file may end here.
    pub(super) fn finish(&self) -> Result<(), String> {
        match self.state {
            State::Between | State::Padding => Ok(()),
            State::Header | State::Body | State::Trailer => {
                Err("it ends in the middle of its gzip data; was it cut off on its way here?".to_owned())
            }
        }
    }

    fn header(&mut self, piece: &mut Bytes) -> Result<(), String> {
        let held = self.held.len();
        self.held.extend(piece.iter());
        match header_length(&self.held)? {
            None if self.held.len() > LONGEST_HEADER => Err(DAMAGED_HEADER.to_owned()),
            None => {
                piece.clear();
                Ok(())
            }
            Some(length) => {
                piece.advance(length - held);
                self.held.clear();
                self.raw.reset(false);
                self.crc.reset();
                self.state = State::Body;
                Ok(())
            }
        }
    }

    fn body(&mut self, piece: &mut Bytes) -> Result<Bytes, String> {
        let (taken, given) = (self.raw.total_in(), self.raw.total_out());
        let mut plain = vec![0; OUT_SIZE];
        let status = self
            .raw
            .decompress(piece, &mut plain, FlushDecompress::None)
            .map_err(|_| "its gzip data is damaged".to_owned())?;
        let (taken, given) = (self.raw.total_in() - taken, self.raw.total_out() - given);
        if status != Status::StreamEnd && taken == 0 && given == 0 {
            return Err("its gzip data is damaged".to_owned());
        }
        piece.advance(taken as usize);
        plain.truncate(given as usize);
        self.crc.update(&plain);
        if status == Status::StreamEnd {
            self.state = State::Trailer;
        }
        Ok(Bytes::from(plain))
    }

    fn trailer(&mut self, piece: &mut Bytes) -> Result<(), String> {
        let rest = piece.split_to((8 - self.held.len()).min(piece.len()));
        self.held.extend(rest);
        let [a, b, c, d, e, f, g, h] = self.held[..] else { return Ok(()) };
        let (sum, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if (sum, length) != (self.crc.sum(), self.crc.amount()) {
            return Err("its gzip checksum is not that of its content; it is damaged".to_owned());
        }
        self.held.clear();
        self.state = State::Between;
        Ok(())
    }
}

const DAMAGED_HEADER: &str = "its gzip header is damaged";
const AFTER_ITS_END: &str = "there is something after the end of its gzip data that is no gzip data";

/// The length of a member's header; `None` while it is not whole.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, String> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    if !bytes.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic) {
        return Err(AFTER_ITS_END.to_owned());
    }
    let Some(fixed) = bytes.first_chunk::<10>() else { return Ok(None) };
    let (method, flags) = (fixed[2], fixed[3]);
    if method != 8 || flags & RESERVED != 0 {
        return Err(DAMAGED_HEADER.to_owned());
    }
    let mut length = fixed.len();
    if flags & EXTRA != 0 {
        let Some([low, high]) = bytes.get(length..length + 2) else { return Ok(None) };
        length += 2 + usize::from(u16::from_le_bytes([*low, *high]));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let Some(end) = bytes.get(length..).and_then(|rest| memchr::memchr(0, rest)) else {
                return Ok(None);
            };
            length += end + 1;
        }
    }
    if flags & CHECKSUM != 0 {
        length += 2;
    }
    Ok((length <= bytes.len()).then_some(length))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, GzBuilder};

    use super::*;

    fn member(content: &[u8], builder: GzBuilder) -> Vec<u8> {
        let mut encoder = builder.write(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(file: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let (mut inflater, mut plain) = (Inflater::new(), Vec::new());
        for piece in file.chunks(size) {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(more) = inflater.inflate(&mut piece)? {
                assert!(more.len() <= OUT_SIZE);
                plain.extend(more);
            }
        }
        inflater.finish().map(|()| plain)
    }

    #[test]
    fn members_read_the_same_whatever_the_cut() {
        let long = GzBuilder::new().filename("a name").comment("a comment").extra(vec![7; 300]);
        let mut file = member(b"one,", long);
        file.extend(member(b"", GzBuilder::new()));
        file.extend(member(b"two", GzBuilder::new().filename("b")));
        for padding in [0, 3, 600] {
            let padded = [file.as_slice(), &vec![0; padding]].concat();
            for size in (1..40).chain([file.len(), padded.len()]) {
                assert_eq!(inflate(&padded, size).unwrap(), b"one,two", "pieces of {size}");
            }
        }
    }

    #[test]
    fn a_header_with_a_checksum_of_its_own_is_skipped_whole() {
        let mut file = member(b"content", GzBuilder::new());
        file[3] = 2;
        file.splice(10..10, [1, 2]);
        assert_eq!(inflate(&file, 4).unwrap(), b"content");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_told() {
        let file = member(b"some text that is longer than a few bytes, some text", GzBuilder::new());
        for length in 1..file.len() {
            let error = inflate(&file[..length], 7).unwrap_err();
            assert!(error.contains("cut off"), "{length}: {error}");
        }
        // The time, the level and the system in the header say nothing about the content.
        for at in (0..file.len()).filter(|at| !(4..10).contains(at)) {
            for bit in 0..8 {
                let mut damaged = file.clone();
                damaged[at] ^= 1 << bit;
                // Flags that only announce text change nothing.
                if at != 3 || bit != 0 {
                    assert!(inflate(&damaged, 7).is_err(), "byte {at}, bit {bit}");
                }
            }
        }
        for after in [&b"x"[..], b"\0x", b"\x1f"] {
            assert!(inflate(&[file.as_slice(), after].concat(), 7).is_err(), "{after:?}");
        }
    }
}
