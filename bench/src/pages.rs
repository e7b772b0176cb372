//! Reads the pages of an OData entity set in turn and discards them: the least that any reader has to do.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response, header};
use serde_json::Value;

use crate::Outcome;
use crate::proxy::{Seen, connect};

/// A sum over all rows that does not depend on their order, for comparing a source with what was written.
///
/// A row is the CRC-32 of its values as text, joined by U+001F, null as U+0000; the sum wraps at 2^64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The columns in the order in which a row's values are joined.
    pub columns: Vec<String>,
    /// The number of rows.
    pub rows: u64,
    /// The sum.
    pub sum: u64,
}

/// What reading took and saw.
pub struct Read {
    /// Wall time.
    pub time: Duration,
    /// Bytes of all bodies.
    pub bytes: usize,
}

/// Sends the requests one after the other over one connection. `each` gets every body.
pub async fn read(
    address: SocketAddr,
    requests: &[Seen],
    mut each: impl FnMut(&[u8]) -> Outcome<()>,
) -> Outcome<Read> {
    let begun = Instant::now();
    let mut sender = connect::<String>(address).await?;
    let (mut body, mut bytes) = (Vec::new(), 0);
    for Seen { target, headers } in requests {
        let mut request = Request::get(target).body(String::new())?;
        request.headers_mut().clone_from(headers);
        request.headers_mut().insert(header::HOST, address.to_string().parse()?);
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        collect(answer, target, &mut body).await?;
        each(&body)?;
        bytes += body.len();
    }
    Ok(Read { time: begun.elapsed(), bytes })
}

/// Reads the body of an answer into a buffer.
async fn collect(answer: Response<Incoming>, target: &str, body: &mut Vec<u8>) -> Outcome<()> {
    let (head, mut incoming) = answer.into_parts();
    body.clear();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            body.extend_from_slice(&data);
        }
    }
    if head.status != 200 || head.headers.contains_key(header::CONTENT_ENCODING) {
        let words = String::from_utf8_lossy(&body[..body.len().min(500)]);
        return Err(format!("GET {target} is answered with {} {words}", head.status).into());
    }
    Ok(())
}

impl Digest {
    /// A sum over no rows.
    pub const fn new() -> Self {
        Self { columns: Vec::new(), rows: 0, sum: 0 }
    }

    /// Adds the rows of a page.
    pub fn add(&mut self, page: &[u8]) -> Outcome<()> {
        let page: Value = serde_json::from_slice(page)?;
        for row in page["value"].as_array().ok_or("a page without rows")? {
            let row = row.as_object().ok_or("a row that is no object")?;
            if self.columns.is_empty() {
                self.columns = row.keys().filter(|name| !name.starts_with('@')).cloned().collect();
            }
            let mut text = String::new();
            for (place, column) in self.columns.iter().enumerate() {
                if place > 0 {
                    text.push('\u{1f}');
                }
                match row.get(column) {
                    None | Some(Value::Null) => text.push('\0'),
                    Some(Value::String(value)) => text.push_str(value),
                    Some(other) => text.push_str(&other.to_string()),
                }
            }
            self.rows += 1;
            self.sum = self.sum.wrapping_add(u64::from(crc32(text.as_bytes())));
        }
        Ok(())
    }
}

/// CRC-32 as zip, PNG and Python's `zlib` have it.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut place = 0;
        while place < 256 {
            #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
            let mut value = place as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[place] = value;
            place += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum, byte| TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn the_sum_forgets_the_order_of_rows_but_not_of_values() {
        let sum = |pages: &[&str]| {
            let mut digest = Digest::new();
            pages.iter().for_each(|page| digest.add(page.as_bytes()).expect("a page"));
            digest
        };
        let whole = sum(&[r#"{"value":[{"a":1,"b":"x"},{"a":2,"b":null}]}"#]);
        assert_eq!(whole.rows, 2);
        assert_eq!(whole.columns, ["a", "b"]);
        let again = sum(&[r#"{"value":[{"b":null,"a":2}]}"#, r#"{"value":[{"a":1,"b":"x"}]}"#]);
        assert_ne!(again.sum, whole.sum, "the first row names the order of the columns");
        let turned = sum(&[r#"{"value":[{"a":2,"b":null}]}"#, r#"{"value":[{"a":1,"b":"x"}]}"#]);
        assert_eq!(turned, whole);
        let swapped = sum(&[r#"{"value":[{"a":1,"b":null},{"a":2,"b":"x"}]}"#]);
        assert_ne!(swapped.sum, whole.sum);
    }
}
