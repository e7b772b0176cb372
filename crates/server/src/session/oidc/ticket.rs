//! What a browser carries while it is at the provider: state, nonce and PKCE
//! verifier, sealed into a short-lived cookie. The server keeps nothing, so
//! nobody can fill its memory with sign-ins that never end.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::super::cookie;
use crate::convert::now_ms;
use crate::error::ApiError;

/// How long somebody may be at the provider, in seconds.
const LIFE_SECONDS: i64 = 600;

/// The cookie's names, at the root of a host and below a path.
const AT_ROOT: &str = "__Host-tidegate-oidc";
const BELOW: &str = "__Secure-tidegate-oidc";

/// A sign-in under way.
#[derive(Serialize, Deserialize)]
pub struct Ticket {
    /// What the provider gives back as it is.
    pub state: String,
    /// What the provider puts into the ID token.
    pub nonce: String,
    /// What the code is worth nothing without.
    pub verifier: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// Epoch milliseconds.
    pub ends_at_ms: i64,
}

impl Ticket {
    /// When a sign-in that begins now ends.
    pub fn end() -> i64 {
        now_ms().saturating_add(LIFE_SECONDS * 1000)
    }
}

/// Seals tickets, with a key that goes with the process.
pub struct Tickets(LessSafeKey);

impl Tickets {
    /// A new key.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    pub fn new() -> Result<Self, String> {
        let mut bytes = [0u8; 32];
        let made = SystemRandom::new().fill(&mut bytes).and_then(|()| UnboundKey::new(&AES_256_GCM, &bytes));
        made.map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| "the machine gives no random bytes".to_owned())
    }

    /// The cookie of a ticket.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    pub fn cookie(&self, ticket: &Ticket, prefix: &str) -> Result<HeaderValue, ApiError> {
        let mut nonce = [0u8; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| ApiError::internal("no random bytes"))?;
        let mut bytes = serde_json::to_vec(ticket).map_err(ApiError::internal)?;
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .map_err(|_| ApiError::internal("a ticket could not be sealed"))?;
        let value = URL_SAFE_NO_PAD.encode([&nonce, bytes.as_slice()].concat());
        cookie::header_value(&format!(
            "{}={value}; Max-Age={LIFE_SECONDS}; {}",
            name(prefix),
            attributes(prefix)
        ))
    }

    /// The ticket of a request, if it has one that still counts.
    pub fn read(&self, headers: &HeaderMap, prefix: &str) -> Option<Ticket> {
        let mut bytes = URL_SAFE_NO_PAD.decode(cookie::read(headers, name(prefix))?).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::empty(), sealed).ok()?;
        let ticket: Ticket = serde_json::from_slice(opened).ok()?;
        (now_ms() < ticket.ends_at_ms).then_some(ticket)
    }
}

/// What makes a browser forget the cookie.
///
/// # Errors
/// Only for a prefix that cannot stand in a header.
pub fn clear(prefix: &str) -> Result<HeaderValue, ApiError> {
    cookie::header_value(&format!("{}=; Max-Age=0; {}", name(prefix), attributes(prefix)))
}

const fn name(prefix: &str) -> &'static str {
    if prefix.is_empty() { AT_ROOT } else { BELOW }
}

/// `Lax`, because the browser comes back from another site.
fn attributes(prefix: &str) -> String {
    format!("Path={prefix}/; Secure; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let pair = cookie.split(';').next().expect("a pair");
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(pair).expect("a value"))])
    }

    fn ticket(ends_at_ms: i64) -> Ticket {
        let text = |text: &str| text.to_owned();
        Ticket {
            state: text("state"),
            nonce: text("nonce"),
            verifier: text("canary-verifier"),
            redirect_uri: text("https://example.com/"),
            ends_at_ms,
        }
    }

    #[test]
    fn a_ticket_comes_back_from_its_cookie_alone_and_in_time() {
        let tickets = Tickets::new().expect("random bytes");
        for (prefix, start) in [("", "__Host-tidegate-oidc="), ("/a", "__Secure-tidegate-oidc=")] {
            let value = tickets.cookie(&ticket(Ticket::end()), prefix).expect("a cookie");
            let text = value.to_str().expect("text");
            assert!(text.starts_with(start) && text.contains(&format!("; Path={prefix}/; ")), "{text}");
            assert!(text.ends_with("Secure; HttpOnly; SameSite=Lax"), "{text}");
            assert_eq!(tickets.read(&headers(text), prefix).expect("it counts").verifier, "canary-verifier");
            let other = if prefix.is_empty() { "/a" } else { "" };
            assert!(tickets.read(&headers(text), other).is_none(), "another configuration's name");
            let at = start.len() + 30;
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(tickets.read(&headers(&changed), prefix).is_none(), "{changed}");
            let another = Tickets::new().expect("random bytes");
            assert!(another.read(&headers(text), prefix).is_none(), "another process");
        }
        let late = tickets.cookie(&ticket(now_ms()), "").expect("a cookie");
        assert!(tickets.read(&headers(late.to_str().expect("text")), "").is_none(), "too late");
        for bad in ["__Host-tidegate-oidc=", "__Host-tidegate-oidc=AAAA", "x=y"] {
            assert!(tickets.read(&headers(bad), "").is_none(), "{bad}");
        }
    }
}
