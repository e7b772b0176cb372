//! Basic authentication (RFC 7617): every request needs the user and the password.

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_core::Secret;
use zeroize::Zeroizing;

use super::error::ODataError;

/// Lets a request through whose `Authorization` names this user and password.
///
/// # Errors
///
/// 401 with a challenge, the same whatever was wrong.
pub fn check(headers: &HeaderMap, user: &str, password: &Secret<String>) -> Result<(), ODataError> {
    let refused = || {
        let message = "This service needs Basic authentication with its user and password.";
        ODataError::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
    };
    let value =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused());
    }
    let given = Zeroizing::new(STANDARD.decode(token.trim()).map_err(|_| refused())?);
    let colon = given.iter().position(|byte| *byte == b':').ok_or_else(refused)?;
    // Both comparisons always run, so that the time tells nothing about the user.
    let user_matches = equal(&given[..colon], user.as_bytes());
    let password_matches = equal(&given[colon + 1..], password.expose().as_bytes());
    if user_matches & password_matches { Ok(()) } else { Err(refused()) }
}

/// Compares in a time that depends on the length of `given` alone.
fn equal(given: &[u8], wanted: &[u8]) -> bool {
    let mut difference = given.len() ^ wanted.len();
    for (at, byte) in given.iter().enumerate() {
        let against = wanted.get(at).copied().unwrap_or(0);
        difference |= usize::from(std::hint::black_box(byte ^ against));
    }
    difference == 0
}
