//! AWS Signature Version 4: who sent a request, and did they send exactly this.
//!
//! Pure functions without IO. Looking up a secret access key is the caller's,
//! so verification has two steps: [`parse`] reads the headers and refuses what
//! no key could save; [`Parsed::verify`] takes the key and checks the signature.
//!
//! Signatures are taken from the `Authorization` header only; presigned URLs
//! and payloads signed in chunks are refused with a message that says so.

mod canonical;
mod error;
mod header;
mod key;
mod sign;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use self::canonical::{Canonical, sha256_hex, string_to_sign};
use self::error::SKEW_MINUTES;
use self::header::{Authorization, UNSIGNED_PAYLOAD, basic_format, shown};
use self::key::{Scope, SigningKey};

pub use self::error::SignatureError;
pub use self::key::SigningKeyCache;
pub use self::sign::{SignRequest, sign};

/// The signing name of the service.
pub const SERVICE: &str = "appflow";

const SKEW: SignedDuration = SignedDuration::from_mins(SKEW_MINUTES);

/// A request as it came over the wire.
#[derive(Clone, Copy)]
pub struct VerifyRequest<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The path before any decoding; clients sign its encoded form.
    pub raw_path: &'a str,
    /// The query before any decoding, without `?`; empty if there is none.
    pub raw_query: &'a str,
    /// The authority of the request's URI, if it has one: HTTP/2 sends it in
    /// place of a `host` header.
    pub authority: Option<&'a str>,
    /// What else the client may have signed than `authority` or the `host` header, and `raw_path`.
    /// Everything but these two must be as it was signed all the same.
    pub also_known_as: &'a [Address<'a>],
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
    /// The time to measure the signature's age against.
    pub now: Timestamp,
}

/// Another address that a client may have signed for the same request: a proxy between the two has
/// changed the host or the path.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// The host, with its port unless that is the scheme's own. It takes the place of the `host` header.
    pub authority: &'a str,
    /// The path before any decoding.
    pub raw_path: &'a str,
}

/// An access key as the caller's store knows it.
#[derive(Clone, Copy)]
pub struct AccessKey<'a> {
    /// The secret access key.
    pub secret: &'a str,
    /// What makes it a temporary key; `None` for a permanent one.
    pub session: Option<Session<'a>>,
}

/// The session of a temporary access key.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The session token that requests must carry.
    pub token: &'a str,
    /// From this time on the key is refused.
    pub expires_at: Timestamp,
}

/// Shows nothing of the secret and the token.
impl fmt::Debug for AccessKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey([redacted])")
    }
}

/// A request whose headers are complete and made for this service, region and
/// time. Nothing is proven yet: [`Parsed::verify`] does that.
pub struct Parsed<'a> {
    request: VerifyRequest<'a>,
    authorization: Authorization<'a>,
    session_token: Option<&'a str>,
    stated_hash: Option<&'a str>,
}

/// A request that its access key has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The access key that signed.
    pub access_key_id: String,
    /// When it was signed, by the client's clock.
    pub signed_at: Timestamp,
}

/// Reads what a request says about its signature.
///
/// # Errors
///
/// Everything that is wrong whatever the key: parts that are missing or
/// unreadable, a clock more than five minutes off, a scope for another day,
/// region or service, headers that must be signed and are not.
pub fn parse<'a>(request: &VerifyRequest<'a>, region: &str) -> Result<Parsed<'a>, SignatureError> {
    let headers = request.headers;
    let authorization = Authorization::read(headers, request.raw_query)?;
    let stated_hash = header::stated_hash(headers)?;
    let session_token = header::session_token(headers)?;
    check_scope(&authorization, region)?;
    check_time(authorization.signed_at, request.now)?;
    check_signed_headers(&authorization.signed_headers, headers)?;
    Ok(Parsed { request: *request, authorization, session_token, stated_hash })
}

impl Parsed<'_> {
    /// The access key that claims to have signed.
    pub fn access_key_id(&self) -> &str {
        self.authorization.access_key_id
    }

    /// Checks the signature with the access key that the caller found under
    /// [`Parsed::access_key_id`]; `None` if it is unknown or disabled.
    ///
    /// # Errors
    ///
    /// [`SignatureError::UnrecognizedClient`] without a key, or if the session
    /// token is not the key's (a permanent key has none);
    /// [`SignatureError::ExpiredToken`] after the session's end;
    /// [`SignatureError::Mismatch`] if the request is not the one signed.
    pub fn verify(
        &self,
        cache: &SigningKeyCache,
        key: Option<AccessKey<'_>>,
    ) -> Result<Verified, SignatureError> {
        let key = key.ok_or(SignatureError::UnrecognizedClient)?;
        self.check_session(key.session)?;
        let signature = self.authorization.signature.ok_or(SignatureError::Mismatch)?;
        let payload_hash = self.payload_hash()?;

        let id = self.access_key_id();
        let scope = self.scope();
        let cached = cache.get(id, key.secret, &scope);
        let signing_key = cached.clone().unwrap_or_else(|| Arc::new(SigningKey::derive(key.secret, &scope)));
        let also = self.request.also_known_as.iter().copied().map(Some);
        let fits = |address| {
            let text = self.string_to_sign(address, &payload_hash);
            text.is_some_and(|text| signing_key.verify(&text, &signature))
        };
        if !std::iter::once(None).chain(also).any(fits) {
            return Err(SignatureError::Mismatch);
        }
        if cached.is_none() {
            cache.put(id, key.secret, &scope, signing_key);
        }
        Ok(Verified { access_key_id: id.to_owned(), signed_at: self.authorization.signed_at })
    }

    fn check_session(&self, session: Option<Session<'_>>) -> Result<(), SignatureError> {
        match (session, self.session_token) {
            (None, None) => Ok(()),
            (Some(session), Some(token)) if key::same(session.token, token) => {
                if self.request.now < session.expires_at { Ok(()) } else { Err(SignatureError::ExpiredToken) }
            }
            _ => Err(SignatureError::UnrecognizedClient),
        }
    }

    /// The hash of the body that was signed, or `UNSIGNED-PAYLOAD`.
    fn payload_hash(&self) -> Result<Cow<'static, str>, SignatureError> {
        if self.stated_hash == Some(UNSIGNED_PAYLOAD) {
            return Ok(Cow::Borrowed(UNSIGNED_PAYLOAD));
        }
        let computed = sha256_hex(self.request.body);
        if self.stated_hash.is_some_and(|stated| stated != computed) {
            return Err(SignatureError::Mismatch);
        }
        Ok(Cow::Owned(computed))
    }

    /// What was signed if the request had this address, or the one that it came with; `None` if
    /// nobody can have signed it.
    fn string_to_sign(&self, address: Option<Address<'_>>, payload_hash: &str) -> Option<String> {
        let request = &self.request;
        let canonical = Canonical {
            method: request.method,
            raw_path: address.map_or(request.raw_path, |address| address.raw_path),
            raw_query: request.raw_query,
            headers: request.headers,
            authority: request.authority,
            host: address.map(|address| address.authority),
            signed_headers: &self.authorization.signed_headers,
            payload_hash,
        };
        let canonical = canonical.request()?;
        let timestamp = basic_format(self.authorization.signed_at);
        Some(string_to_sign(&timestamp, &self.scope().to_string(), &canonical))
    }

    fn scope(&self) -> Scope<'_> {
        let Authorization { date, region, service, .. } = self.authorization;
        Scope { date, region, service }
    }
}

fn check_scope(authorization: &Authorization<'_>, region: &str) -> Result<(), SignatureError> {
    let Authorization { date, region: scoped, service, signed_at, .. } = authorization;
    let mut wrong = String::new();
    if *scoped != region {
        wrong += &format!("Credential should be scoped to a valid region, not '{}'. ", shown(scoped));
    }
    if *service != SERVICE {
        wrong += &format!("Credential should be scoped to correct service: '{SERVICE}'. ");
    }
    let time = basic_format(*signed_at);
    if !time.starts_with(date) || date.len() != 8 {
        wrong += &format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
             from HTTP: '{}' != '{}', from '{time}'. ",
            shown(date),
            &time[..8]
        );
    }
    match wrong.trim_end() {
        "" => Ok(()),
        wrong => Err(SignatureError::Scope(wrong.to_owned())),
    }
}

fn check_time(signed_at: Timestamp, now: Timestamp) -> Result<(), SignatureError> {
    let earliest = now.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
    let latest = now.saturating_add(SKEW).unwrap_or(Timestamp::MAX);
    if signed_at < earliest {
        return Err(SignatureError::Expired { signed_at, limit: earliest, now });
    }
    if signed_at > latest {
        return Err(SignatureError::NotYetCurrent { signed_at, limit: latest, now });
    }
    Ok(())
}

/// AWS wants the host and every `x-amz-` header signed: they decide what a
/// request means and where it may be replayed.
fn check_signed_headers(signed: &[String], headers: &HeaderMap) -> Result<(), SignatureError> {
    let is_signed = |name: &str| signed.iter().any(|signed| signed == name);
    if !is_signed("host") {
        return Err(SignatureError::Scope(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into(),
        ));
    }
    let mut amz = headers.keys().filter(|name| name.as_str().starts_with("x-amz-"));
    match amz.find(|name| !is_signed(name.as_str())) {
        None => Ok(()),
        Some(name) => Err(SignatureError::Scope(format!(
            "'{}' must be a 'SignedHeader' in the AWS Authorization.",
            shown(name.as_str())
        ))),
    }
}
