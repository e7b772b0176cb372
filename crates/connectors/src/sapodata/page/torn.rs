//! What can be learnt of a page without decoding it: where it goes on, and what
//! is wrong with one that cannot be decoded.

use crate::kit::{embedded_error, vendor_message};

/// How far from either end of a page the link to the next one is looked for.
const NEAR: usize = 8 << 10;

/// The link to the next page, if it stands where servers write it: before the
/// records or after them. A page without one found here may still have one; the
/// decoder knows for sure.
pub fn peek_next(body: &[u8]) -> Option<String> {
    let head = &body[..body.len().min(NEAR)];
    let head = &head[..find(head, b"\"value\"").or_else(|| find(head, b"\"results\"")).unwrap_or(0)];
    let tail = &body[body.len().saturating_sub(NEAR)..];
    let tail = &tail[tail.iter().rposition(|byte| *byte == b']').map_or(tail.len(), |at| at + 1)..];
    // Inside a string of a record the quotes around the name would be escaped.
    [head, tail].into_iter().find_map(|part| {
        ["\"@odata.nextLink\"", "\"@nextLink\"", "\"__next\""].into_iter().find_map(|name| {
            let after = &part[find(part, name.as_bytes())? + name.len()..];
            let after = std::str::from_utf8(after).ok()?.trim_start().strip_prefix(':')?;
            serde_json::Deserializer::from_str(after).into_iter::<String>().next()?.ok()
        })
    })
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

/// The service's own words in a page that it could not finish: an error object
/// or an XML error in the middle, or plain text after the last record.
pub(super) fn last_words(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if let Some(words) = embedded_error(&text) {
        return Some(words);
    }
    if let Some(at) = text.rfind("<error") {
        let words = vendor_message(&text.as_bytes()[at..]);
        return Some(words);
    }
    let after = text.rsplit_once('}').map_or(text.as_ref(), |(_, after)| after);
    let after = after.trim_start_matches(|c: char| ",]} \r\n\t".contains(c)).trim_end();
    // The start of a record is data, not words.
    (after.len() > 3 && !after.starts_with(['{', '"', '['])).then(|| after.chars().take(2000).collect())
}
