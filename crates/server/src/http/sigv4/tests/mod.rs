//! Tests: published vectors, AWS's own signer as an oracle, every refusal, and
//! what is accepted besides the usual.

mod accepted;
mod cases;
mod property;
mod refused;
mod vectors;

use http::{HeaderMap, Uri};
use jiff::Timestamp;

use super::canonical::{ALGORITHM, Canonical, host_of, sha256_hex, string_to_sign};
use super::key::{Scope, SigningKey};
use super::{
    AccessKey, Address, SERVICE, Session, SignRequest, SignatureError, SigningKeyCache, Verified,
    VerifyRequest, parse, sign,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = br#"{"maxResults":20}"#;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-11-24T10:10:00Z")
}

/// A well-signed request's headers; `token` makes the key a temporary one.
fn signed(token: Option<&str>, headers: &HeaderMap) -> HeaderMap {
    let uri = Uri::from_static("http://localhost:8080/list-flows");
    let added = sign(&SignRequest {
        method: "POST",
        uri: &uri,
        headers,
        body: BODY,
        access_key_id: "AKIDEXAMPLE",
        secret: SECRET,
        session_token: token,
        region: "us-east-1",
        time: now(),
    })
    .expect("everything can be signed");
    let mut all = headers.clone();
    for (name, value) in &added {
        all.insert(name, value.clone());
    }
    all
}

fn request(headers: &HeaderMap) -> VerifyRequest<'_> {
    let (method, raw_path, raw_query) = ("POST", "/list-flows", "");
    VerifyRequest {
        method,
        raw_path,
        raw_query,
        authority: None,
        also_known_as: &[],
        headers,
        body: BODY,
        now: now(),
    }
}

fn verify(request: &VerifyRequest<'_>, key: Option<AccessKey<'_>>) -> Result<Verified, SignatureError> {
    parse(request, "us-east-1")?.verify(&SigningKeyCache::new(), key)
}

const PERMANENT: Option<AccessKey<'static>> = Some(AccessKey { secret: SECRET, session: None });

/// Well-signed headers with some replaced: `~` removes one, `{}` is the
/// authorisation that was there, `/a/b` replaces a by b in it.
fn with_replacements(replacements: &[(&str, &str)]) -> HeaderMap {
    let mut headers = signed(None, &HeaderMap::new());
    let original = headers["authorization"].to_str().expect("visible ASCII").to_owned();
    for (name, text) in replacements {
        let name: http::HeaderName = name.parse().expect("a header name");
        let value = match text.strip_prefix('/').map(|edit| edit.rsplit_once('/')) {
            Some(Some((from, to))) => original.replace(from, to),
            _ => text.replace("{}", &original),
        };
        headers.remove(&name);
        if value != "~" {
            headers.insert(name, value.parse().expect("a header value"));
        }
    }
    headers
}
