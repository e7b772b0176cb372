//! Signing requests, for the client commands of our own command line.

use http::header::{AUTHORIZATION, HOST, HeaderName, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use jiff::Timestamp;

use super::SERVICE;
use super::canonical::{ALGORITHM, Canonical, host_of, sha256_hex, string_to_sign};
use super::header::{X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, basic_format};
use super::key::{Scope, SigningKey};

/// Headers that proxies and HTTP clients change on the way.
const NEVER_SIGNED: [HeaderName; 4] =
    [AUTHORIZATION, USER_AGENT, TRANSFER_ENCODING, HeaderName::from_static("x-amzn-trace-id")];

/// A request to sign, and the key to sign it with.
pub struct SignRequest<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The whole address. Its path must be encoded as it goes over the wire.
    pub uri: &'a Uri,
    /// The headers that the request will carry; all but a few that proxies
    /// change are signed.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
    /// The access key's id.
    pub access_key_id: &'a str,
    /// The access key's secret.
    pub secret: &'a str,
    /// The session token, if the access key is a temporary one.
    pub session_token: Option<&'a str>,
    /// The region of the server.
    pub region: &'a str,
    /// The time of the signature: now.
    pub time: Timestamp,
}

/// Why a request cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The address is not absolute.
    #[error("the endpoint URL names no host: write it as http://HOST:PORT")]
    NoHost,
    /// The access key id or the region cannot stand in a header.
    #[error("the access key id and the region may hold visible ASCII characters only")]
    BadAccessKeyId,
    /// The session token cannot stand in a header.
    #[error("the session token may hold visible ASCII characters only")]
    BadSessionToken,
}

/// Signs a request; the result are the headers to set on it, in place of any
/// of the same name: `host`, `x-amz-date`, `authorization` and, with a session,
/// `x-amz-security-token`.
///
/// # Errors
///
/// See [`SignError`].
pub fn sign(request: &SignRequest<'_>) -> Result<HeaderMap, SignError> {
    let timestamp = basic_format(request.time);
    let mut added = HeaderMap::new();
    added.insert(HOST, value(host_of(request.uri), SignError::NoHost)?);
    added.insert(X_AMZ_DATE, value(Some(&timestamp), SignError::NoHost)?);
    if let Some(token) = request.session_token {
        let mut token = value(Some(token), SignError::BadSessionToken)?;
        token.set_sensitive(true);
        added.insert(X_AMZ_SECURITY_TOKEN, token);
    }

    let mut headers = request.headers.clone();
    for name in NEVER_SIGNED {
        headers.remove(name);
    }
    for (name, value) in &added {
        headers.insert(name, value.clone());
    }
    let mut names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort_unstable();
    let canonical = Canonical {
        method: request.method,
        raw_path: request.uri.path(),
        raw_query: request.uri.query().unwrap_or_default(),
        headers: &headers,
        authority: None,
        host: None,
        signed_headers: &names,
        payload_hash: &sha256_hex(request.body),
    };
    let canonical = canonical.request().expect("every name was taken from the headers");

    let scope = Scope { date: &timestamp[..8], region: request.region, service: SERVICE };
    let text = string_to_sign(&timestamp, &scope.to_string(), &canonical);
    let signature = SigningKey::derive(request.secret, &scope).sign(&text);
    let names = names.join(";");
    let id = request.access_key_id;
    let authorization =
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    let mut authorization = value(Some(&authorization), SignError::BadAccessKeyId)?;
    authorization.set_sensitive(true);
    added.insert(AUTHORIZATION, authorization);
    Ok(added)
}

fn value(text: Option<&str>, error: SignError) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text.ok_or(error)?).map_err(|_| error)
}
