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

/// What the cookie is called by a server whose public URL has this path, empty
/// without one. The other name never counts: pages of sibling hosts can set a
/// `__Secure-` cookie, and so could push somebody into a session of their own.
pub const fn name(public_prefix: &str) -> &'static str {
    if public_prefix.is_empty() { AT_ROOT } else { BELOW }
}

/// The hash of the token that a request brings in the cookie of this name.
pub fn token_hash(headers: &HeaderMap, name: &str) -> Option<[u8; 32]> {
    read(headers, name).filter(|token| token.len() <= 128).map(hash)
}

/// The cookie for a token. `path` is where the console is for the request,
/// empty at the root.
///
/// # Errors
/// Only for a path that cannot stand in a header.
pub fn set(token: &Secret<String>, name: &str, path: &str) -> Result<HeaderValue, ApiError> {
    header_value(&format!("{name}={}; {}", token.expose(), attributes(path)))
}

/// What makes a browser forget the cookie.
///
/// # Errors
/// Only for a path that cannot stand in a header.
pub fn clear(name: &str, path: &str) -> Result<HeaderValue, ApiError> {
    header_value(&format!("{name}=; Max-Age=0; {}", attributes(path)))
}

/// The value of the cookie of this name. When it comes twice, somebody else has
/// set one of them, and neither counts.
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        // Other programs of the host may put into theirs what is no ASCII.
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = found.next()?;
    if found.next().is_some() {
        return None;
    }
    std::str::from_utf8(value).ok()
}

/// A cookie's text as a header that is never shown.
pub fn header_value(text: &str) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(text).map_err(ApiError::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

fn attributes(path: &str) -> String {
    format!("Path={path}/; Secure; HttpOnly; SameSite=Strict")
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
        let values = values.iter().map(|value| HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        values.map(|value| (header::COOKIE, value)).collect()
    }

    #[test]
    fn a_cookie_that_is_set_is_read_back_as_its_hash() {
        let (token, hash) = new_token().expect("random bytes");
        for (prefix, start, path) in
            [("", "__Host-tidegate=", "; Path=/;"), ("/tide", "__Secure-tidegate=", "; Path=/tide/;")]
        {
            let value = set(&token, name(prefix), prefix).expect("a header");
            assert!(value.is_sensitive());
            let text = value.to_str().expect("text").to_owned();
            assert!(text.starts_with(start) && text.contains(path), "{text}");
            assert!(text.ends_with("Secure; HttpOnly; SameSite=Strict"), "{text}");
            let sent = text.split(';').next().expect("a pair");
            let read = |values: &[&str], name| token_hash(&headers(values), name);
            assert_eq!(read(&["a=b; c", &format!("x=y; {sent}")], name(prefix)), Some(hash));
            let other = if prefix.is_empty() { BELOW } else { AT_ROOT };
            assert_eq!(read(&[sent], other), None, "only the configuration's name counts");
            let planted = format!("{}=planted", name(prefix));
            assert_eq!(read(&[&planted, sent], name(prefix)), None, "twice");
            assert_eq!(read(&[&format!("{sent}; {planted}")], name(prefix)), None, "twice");
            assert_eq!(read(&[sent, &format!("{other}=planted")], name(prefix)), Some(hash));
            assert_eq!(read(&[&format!("name=zoë; {sent}")], name(prefix)), Some(hash), "others' cookies");
            assert!(
                clear(name(prefix), prefix)
                    .expect("a header")
                    .to_str()
                    .expect("text")
                    .contains("=; Max-Age=0;")
            );
        }
        assert_ne!(new_token().expect("random bytes").1, hash);
    }

    #[test]
    fn what_is_no_cookie_of_ours_is_none() {
        for value in ["", "tidegate=x", "__Host-tidegate", "x__Host-tidegate=y", "a=__Host-tidegate=b"] {
            assert_eq!(token_hash(&headers(&[value]), AT_ROOT), None, "{value}");
        }
    }
}
