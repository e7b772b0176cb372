//! The cookie of a session: what it is called, how it is set, how it is read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_core::Secret;

use crate::error::ApiError;

/// Its name where the console is at the root of its host: browsers take a
/// cookie of this prefix only for `/`, over TLS, and from the host itself.
const AT_ROOT: &str = "__Host-tidegate";
/// Its name where the console is below a path.
const BELOW: &str = "__Secure-tidegate";

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// A new token for a cookie, and the hash under which it is known.
///
/// # Errors
/// When the machine gives no random bytes.
pub fn new_token() -> Result<(Secret<String>, [u8; 32]), ApiError> {
    let mut bytes = [0u8; TOKEN_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| ApiError::internal("the machine gives no random bytes"))?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&token);
    Ok((Secret::new(token), hash))
}

/// The hash of the token that a request brings, if it brings one.
pub fn token_hash(headers: &HeaderMap) -> Option<[u8; 32]> {
    read(headers, &[AT_ROOT, BELOW]).filter(|token| token.len() <= 128).map(hash)
}

/// The cookie for a token. `prefix` is the path of the console, empty at the root.
///
/// # Errors
/// Only for a prefix that cannot stand in a header.
pub fn set(token: &Secret<String>, prefix: &str) -> Result<HeaderValue, ApiError> {
    header_value(&format!("{}={}; {}", name(prefix), token.expose(), attributes(prefix)))
}

/// What makes a browser forget the cookie.
///
/// # Errors
/// Only for a prefix that cannot stand in a header.
pub fn clear(prefix: &str) -> Result<HeaderValue, ApiError> {
    header_value(&format!("{}=; Max-Age=0; {}", name(prefix), attributes(prefix)))
}

/// The value of the first cookie of one of these names.
pub fn read<'h>(headers: &'h HeaderMap, names: &[&str]) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| names.contains(name))
        .map(|(_, value)| value)
}

/// A cookie's text as a header that is never shown.
pub fn header_value(text: &str) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(text).map_err(ApiError::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

const fn name(prefix: &str) -> &'static str {
    if prefix.is_empty() { AT_ROOT } else { BELOW }
}

fn attributes(prefix: &str) -> String {
    format!("Path={prefix}/; Secure; HttpOnly; SameSite=Strict")
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_str(value).expect("a value"));
        values.map(|value| (header::COOKIE, value)).collect()
    }

    #[test]
    fn a_cookie_that_is_set_is_read_back_as_its_hash() {
        let (token, hash) = new_token().expect("random bytes");
        for (prefix, start, path) in
            [("", "__Host-tidegate=", "; Path=/;"), ("/tide", "__Secure-tidegate=", "; Path=/tide/;")]
        {
            let value = set(&token, prefix).expect("a header");
            assert!(value.is_sensitive());
            let text = value.to_str().expect("text").to_owned();
            assert!(text.starts_with(start) && text.contains(path), "{text}");
            assert!(text.ends_with("Secure; HttpOnly; SameSite=Strict"), "{text}");
            let sent = text.split(';').next().expect("a pair");
            assert_eq!(token_hash(&headers(&["a=b; c", &format!("x=y; {sent}")])), Some(hash));
            assert!(clear(prefix).expect("a header").to_str().expect("text").contains("=; Max-Age=0;"));
        }
        assert_ne!(new_token().expect("random bytes").1, hash);
    }

    #[test]
    fn what_is_no_cookie_of_ours_is_none() {
        for value in ["", "tidegate=x", "__Host-tidegate", "x__Host-tidegate=y", "a=__Host-tidegate=b"] {
            assert_eq!(token_hash(&headers(&[value])), None, "{value}");
        }
    }
}
