//! Reading the headers that carry a signature: `Authorization`, the date, the
//! session token and the payload's hash.

use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::Offset;

use super::canonical::{ALGORITHM, TERMINATOR};
use super::error::SignatureError;

/// The date of the signature in ISO 8601's basic format.
pub(super) const X_AMZ_DATE: &str = "x-amz-date";
/// The session token of a temporary access key.
pub(super) const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";
/// The hash of the payload as the client says it is.
pub(super) const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";
/// A payload that the signature does not cover.
pub(super) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

const STREAMING: &str = "STREAMING-";

/// What the `Authorization` header and the date header say.
#[derive(Debug)]
pub(super) struct Authorization<'a> {
    pub access_key_id: &'a str,
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    /// In lower case, sorted, each name once.
    pub signed_headers: Vec<String>,
    /// `None` if it is not 64 lower-case hexadecimal digits, so never right.
    pub signature: Option<[u8; 32]>,
    pub signed_at: Timestamp,
}

impl<'a> Authorization<'a> {
    /// Reads the headers of a request. `raw_query` serves to recognise
    /// presigned requests, which are refused.
    pub(super) fn read(headers: &'a HeaderMap, raw_query: &str) -> Result<Self, SignatureError> {
        let Some(text) = single(headers, AUTHORIZATION.as_str())? else {
            return Err(without_authorization(raw_query));
        };
        let parameters = Parameters::of(text)?;
        let signed_at = date(headers)?;
        let absent = parameters.absent(signed_at.is_some());
        let (Some(credential), Some(names), Some(signature), Some(signed_at)) =
            (parameters.credential, parameters.signed_headers, parameters.signature, signed_at)
        else {
            return Err(SignatureError::Incomplete(absent));
        };
        let (access_key_id, date, region, service) = split_credential(credential)?;
        let mut signed_headers: Vec<String> =
            names.split(';').filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect();
        signed_headers.sort_unstable();
        signed_headers.dedup();
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers,
            signature: lower_hex(signature),
            signed_at,
        })
    }
}

/// The `key=value` parts of an `Authorization` header.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signature: Option<&'a str>,
    signed_headers: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    /// Reads them; commas and spaces in any number separate them.
    fn of(text: &'a str) -> Result<Self, SignatureError> {
        let (algorithm, rest) = text.trim().split_once([' ', '\t']).unwrap_or((text.trim(), ""));
        if algorithm != ALGORITHM {
            // Another scheme altogether (`Basic`, `Bearer`) is no AWS
            // authentication, and its value is not ours to repeat.
            return Err(if algorithm.starts_with("AWS4-") {
                incomplete(format!(
                    "Authorization header names an unsupported signing algorithm: use {ALGORITHM}."
                ))
            } else {
                SignatureError::MissingAuthenticationToken
            });
        }
        let mut parameters = Self::default();
        for part in rest.split([',', ' ', '\t']).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(incomplete(
                    "Authorization header holds a part that is not a valid key=value pair \
                     (missing equal-sign).",
                ));
            };
            let slot = match key {
                "Credential" => &mut parameters.credential,
                "Signature" => &mut parameters.signature,
                "SignedHeaders" => &mut parameters.signed_headers,
                _ => continue,
            };
            if slot.is_some() {
                return Err(incomplete(format!(
                    "Authorization header holds the '{key}' parameter more than once."
                )));
            }
            *slot = Some(value).filter(|value| !value.is_empty());
        }
        Ok(parameters)
    }

    /// One sentence for everything that is missing.
    fn absent(&self, has_date: bool) -> String {
        let parameters = [
            ("Credential", self.credential),
            ("Signature", self.signature),
            ("SignedHeaders", self.signed_headers),
        ];
        let mut text = String::new();
        for (name, value) in parameters {
            if value.is_none() {
                text += &format!("Authorization header requires '{name}' parameter. ");
            }
        }
        if !has_date {
            text += "Authorization header requires existence of either a 'X-Amz-Date' or a \
                     'Date' header. ";
        }
        text += "Authorization=";
        text + ALGORITHM
    }
}

/// The error for a request without an `Authorization` header.
fn without_authorization(raw_query: &str) -> SignatureError {
    let presigned = raw_query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case("X-Amz-Signature") || name.eq_ignore_ascii_case("X-Amz-Algorithm")
    });
    if presigned {
        incomplete(
            "Presigned requests (X-Amz-Signature in the query) are not supported: sign the \
             request with an Authorization header.",
        )
    } else {
        SignatureError::MissingAuthenticationToken
    }
}

/// Splits `keyid/date/region/service/aws4_request`.
fn split_credential(text: &str) -> Result<(&str, &str, &str, &str), SignatureError> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        [id, date, region, service, TERMINATOR] if !id.is_empty() => Ok((id, date, region, service)),
        [_, _, _, _, terminator] if terminator != TERMINATOR => Err(SignatureError::Scope(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'.",
            shown(terminator)
        ))),
        // The text is not repeated: people have put their secret there.
        _ => Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, \
             e.g. keyid/date/region/service/term, got {}.",
            parts.iter().filter(|part| !part.is_empty()).count()
        ))),
    }
}

/// The time of the signature: `X-Amz-Date`, else `Date`; `None` without either.
fn date(headers: &HeaderMap) -> Result<Option<Timestamp>, SignatureError> {
    let name = if headers.contains_key(X_AMZ_DATE) { X_AMZ_DATE } else { DATE.as_str() };
    let Some(text) = single(headers, name)? else {
        return Ok(None);
    };
    let parsed = parse_basic(text).or_else(|| {
        let rfc2822 = || rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
        (name != X_AMZ_DATE).then(rfc2822).flatten()
    });
    parsed.map(Some).ok_or_else(|| {
        incomplete(format!(
            "Date must be in ISO-8601 'basic format' (YYYYMMDD'T'HHMMSS'Z'). Got '{}'.",
            shown(text)
        ))
    })
}

/// Parses `YYYYMMDDTHHMMSSZ`, nothing looser.
fn parse_basic(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    if bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range]
            .iter()
            .try_fold(0i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let two = |at: usize| number(at..at + 2).and_then(|n| i8::try_from(n).ok());
    let year = number(0..4)?;
    let time = DateTime::new(year, two(4)?, two(6)?, two(9)?, two(11)?, two(13)?, 0).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

/// A time as `YYYYMMDDTHHMMSSZ`.
pub(super) fn basic_format(time: Timestamp) -> String {
    let t = Offset::UTC.to_datetime(time);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

/// The payload's hash as the client states it, if it does, checked for being
/// one that can be verified here.
pub(super) fn stated_hash(headers: &HeaderMap) -> Result<Option<&str>, SignatureError> {
    let Some(text) = single(headers, X_AMZ_CONTENT_SHA256)? else {
        return Ok(None);
    };
    if text == UNSIGNED_PAYLOAD || lower_hex(text).is_some() {
        return Ok(Some(text));
    }
    Err(incomplete(if text.starts_with(STREAMING) {
        "Payloads signed in chunks (x-amz-content-sha256: STREAMING-…) are not supported: send \
         the body's SHA-256 or UNSIGNED-PAYLOAD."
    } else {
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, or a valid sha256 value."
    }))
}

/// The session token, if the request carries one.
pub(super) fn session_token(headers: &HeaderMap) -> Result<Option<&str>, SignatureError> {
    single(headers, X_AMZ_SECURITY_TOKEN)
}

/// A header that may be there once. Twice, it could mean one thing to this
/// check and another to the next reader.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(incomplete(format!("Header '{name}' must not be there more than once.")));
    }
    let text = HeaderValue::to_str(value);
    let text = text.map_err(|_| incomplete(format!("Header '{name}' must be visible ASCII.")))?;
    Ok(Some(text.trim()))
}

/// 64 lower-case hexadecimal digits as bytes.
fn lower_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// The start of a text that a client sent, short enough for a message.
pub(super) fn shown(text: &str) -> &str {
    text.get(..40).unwrap_or(text)
}

fn incomplete(text: impl Into<String>) -> SignatureError {
    SignatureError::Incomplete(text.into())
}
