//! The canonical request and the string to sign, byte for byte as the client
//! built them.
//!
//! Both are built from the request as it came over the wire. The path is not
//! decoded: services other than S3 encode the encoded path once more, so the
//! wire's `%3A` becomes `%253A`. The query is decoded and encoded again,
//! because clients differ in how they write one and the same value there.

use http::{HeaderMap, Uri};
use ring::digest;

/// The name of the signing algorithm, the only one that is accepted.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What closes a credential scope.
pub(super) const TERMINATOR: &str = "aws4_request";

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Everything that goes into a canonical request.
pub(super) struct Canonical<'a> {
    /// The method, in capitals as on the wire.
    pub method: &'a str,
    /// The path as on the wire.
    pub raw_path: &'a str,
    /// The query as on the wire, without `?`; empty if there is none.
    pub raw_query: &'a str,
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// HTTP/2's `:authority`, which stands in for a `host` header.
    pub authority: Option<&'a str>,
    /// The host to write in place of whatever came as one.
    pub host: Option<&'a str>,
    /// The signed headers' names: in lower case, sorted, each one once.
    pub signed_headers: &'a [String],
    /// The payload's hash in hex, or `UNSIGNED-PAYLOAD`.
    pub payload_hash: &'a str,
}

impl Canonical<'_> {
    /// Writes the canonical request; `None` if a signed header is absent,
    /// because no honest client can have signed it.
    pub(super) fn request(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(512 + self.raw_path.len() + self.raw_query.len());
        out.extend_from_slice(self.method.as_bytes());
        out.push(b'\n');
        push_path(&mut out, self.raw_path);
        out.push(b'\n');
        push_query(&mut out, self.raw_query);
        out.push(b'\n');
        for name in self.signed_headers {
            self.push_header(&mut out, name)?;
        }
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.join(";").as_bytes());
        out.push(b'\n');
        out.extend_from_slice(self.payload_hash.as_bytes());
        Some(out)
    }

    /// Writes `name:value,value`; values keep the order in which they came.
    fn push_header(&self, out: &mut Vec<u8>, name: &str) -> Option<()> {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        if let Some(host) = self.host.filter(|_| name == "host") {
            push_folded(out, host.as_bytes());
            out.push(b'\n');
            return Some(());
        }
        let mut values = self.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            let authority = self.authority.filter(|_| name == "host")?;
            push_folded(out, authority.as_bytes());
        }
        while let Some(value) = values.next() {
            push_folded(out, value.as_bytes());
            if values.peek().is_some() {
                out.push(b',');
            }
        }
        out.push(b'\n');
        Some(())
    }
}

/// The host as HTTP clients send it in `host`: with its port, unless that is
/// the scheme's own. `None` if the address names no host.
pub(super) fn host_of(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    // A user name before the host is never sent.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let default = match uri.scheme_str() {
        Some("https") => ":443",
        _ => ":80",
    };
    Some(host.strip_suffix(default).unwrap_or(host)).filter(|host| !host.is_empty())
}

/// The text that is signed. `timestamp` is in ISO 8601's basic format, `scope`
/// is `date/region/service/aws4_request`.
pub(super) fn string_to_sign(timestamp: &str, scope: &str, canonical_request: &[u8]) -> String {
    let hash = sha256_hex(canonical_request);
    format!("{ALGORITHM}\n{timestamp}\n{scope}\n{hash}")
}

/// SHA-256 in lower-case hex.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Writes the canonical URI: dot segments resolved, repeated slashes joined
/// (RFC 3986, 5.2.4, as AWS applies it), then every segment encoded as it stands.
fn push_path(out: &mut Vec<u8>, raw: &str) {
    let mut segments: Vec<&str> = Vec::with_capacity(8);
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        push_encoded(out, segment.as_bytes());
    }
    // A path that ends in a dot segment names a folder, so it keeps its slash.
    if segments.is_empty() || matches!(raw.rsplit('/').next(), Some("" | "." | "..")) {
        out.push(b'/');
    }
}

/// Writes the canonical query: names and values encoded, sorted by name, then
/// by value, with `=` even where there is no value.
fn push_query(out: &mut Vec<u8>, raw: &str) {
    if raw.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (recoded(name), recoded(value))
        })
        .collect();
    pairs.sort_unstable();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// Decodes one part of a query (`+` is a space there, as in forms) and encodes
/// it in the one canonical way. A `%` that starts no escape is taken literally.
fn recoded(raw: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 8);
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let decoded = match (*first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => other,
        };
        push_encoded(&mut out, &[decoded]);
    }
    out
}

/// The value of a hexadecimal digit of either case.
fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes every byte but the unreserved ones of RFC 3986.
fn push_encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ => out.extend([b'%', HEX_UPPER[usize::from(byte >> 4)], HEX_UPPER[usize::from(byte & 15)]]),
        }
    }
}

/// Writes a header value without the space around it, runs of spaces inside it
/// as one.
fn push_folded(out: &mut Vec<u8>, value: &[u8]) {
    let mut after_space = false;
    for &byte in value.trim_ascii() {
        if byte != b' ' || !after_space {
            out.push(byte);
        }
        after_space = byte == b' ';
    }
}
