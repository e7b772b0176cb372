//! The address of one connection, and the only place that sends its credentials.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::Url;
use tidegate_core::{ConnectorError, ConnectorErrorKind, Secret};

use super::address::is_loopback_host;
use super::oauth::TokenProvider;
use super::outbound::{Failure, Outbound, RawAnswer};
use super::retry::{Retry, is_transient, retry_after};
use super::scrub::Scrubber;
use super::vendor::vendor_message;

/// How many redirects a request follows.
const MAX_REDIRECTS: usize = 5;

/// How a request proves who it is from.
pub enum Auth {
    /// Not at all.
    None,
    /// HTTP basic authentication.
    Basic {
        /// The user's name.
        user: Secret<String>,
        /// The password.
        password: Secret<String>,
    },
    /// An OAuth 2.0 access token.
    Bearer(Arc<TokenProvider>),
}

/// An answer with a status of success.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Where it came from, after redirects.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body, decompressed.
    pub body: Bytes,
}

/// Scheme, host and port of one connection, with its credentials. Nothing that
/// an answer says makes a request leave it.
pub struct Origin {
    outbound: Arc<Outbound>,
    base: Url,
    auth: Auth,
    scrubber: Arc<Scrubber>,
    retry: Retry,
}

impl Origin {
    /// Binds credentials to the origin of `base`. Fails when the outbound
    /// policy does not allow the address.
    pub fn new(
        outbound: Arc<Outbound>,
        base: Url,
        auth: Auth,
        scrubber: Arc<Scrubber>,
        retry: Retry,
    ) -> Result<Self, ConnectorError> {
        outbound.check(&base)?;
        Ok(Self { outbound, base, auth, scrubber, retry })
    }

    /// The address that it was made from.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The scrubber of its connection.
    pub fn scrubber(&self) -> &Arc<Scrubber> {
        &self.scrubber
    }

    /// An error of this connection, with text that may hold its secrets.
    pub fn error(&self, kind: ConnectorErrorKind, text: &str) -> ConnectorError {
        ConnectorError::new(kind, self.scrubber.scrub(text))
    }

    /// Resolves a link that an answer at `from` named: path and query are taken,
    /// and the request goes to this origin. A link to another host is an error.
    pub fn link(&self, from: &Url, link: &str) -> Result<Url, ConnectorError> {
        let target = from.join(link).map_err(|error| {
            self.error(ConnectorErrorKind::BadAnswer, &format!("the link {link} is not a URL: {error}"))
        })?;
        if !same_host(&target, &self.base) {
            return Err(self.error(
                ConnectorErrorKind::Invalid,
                &format!(
                    "the answer of {} links to another host, {}, which is not followed: credentials go only to the \
                     connection's own address",
                    shown(&self.base),
                    shown(&target)
                ),
            ));
        }
        let mut url = self.base.clone();
        url.set_path(target.path());
        url.set_query(target.query());
        Ok(url)
    }

    /// GETs a URL of this origin: authenticated, repeated while that may help,
    /// redirects followed on this origin. A status other than success is an error
    /// with the vendor's words.
    pub async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, ConnectorError> {
        self.exchange(&Method::GET, url, headers).await
    }

    /// The same by POST and without a body, for calls that may be repeated
    /// without harm.
    pub async fn post(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, ConnectorError> {
        self.exchange(&Method::POST, url, headers).await
    }

    async fn exchange(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Answer, ConnectorError> {
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let failure = match self.once(method, url, headers).await? {
                Ok((url, raw)) if raw.status.is_success() => {
                    return Ok(Answer { url, headers: raw.headers, body: raw.body });
                }
                Ok((at, raw)) if !is_transient(raw.status) => {
                    return Err(self.refused(method, &at, &raw, attempt, started));
                }
                Err(failure) if !failure.transient => {
                    return Err(self.failed(method, url, &failure, attempt, started));
                }
                other => other,
            };
            let asked = match &failure {
                Ok((_, raw)) => retry_after(&raw.headers),
                Err(_) => None,
            };
            let Some(wait) = self.retry.wait(attempt, started.elapsed(), asked) else {
                return Err(match &failure {
                    Ok((at, raw)) => self.refused(method, at, raw, attempt, started),
                    Err(failure) => self.failed(method, url, failure, attempt, started),
                });
            };
            let why = match &failure {
                Ok((_, raw)) => raw.status.to_string(),
                Err(failure) => self.scrubber.scrub(&failure.text),
            };
            tracing::debug!(host = self.base.host_str(), attempt, ?wait, why, "the request is sent again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// One attempt: the request, its redirects, and once a fresh access token.
    /// The outer error is final; the inner result may be tried again.
    async fn once(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Result<(Url, RawAnswer), Failure>, ConnectorError> {
        let mut at = url.clone();
        let mut token = self.token(None).await?;
        let mut refreshed = false;
        for _ in 0..=MAX_REDIRECTS {
            debug_assert!(same_origin(&at, &self.base), "requests stay on the origin");
            let mut request =
                self.outbound.client.request(method.clone(), at.clone()).headers(headers.clone());
            match (&self.auth, &token) {
                (Auth::Basic { user, password }, _) => {
                    request = request.basic_auth(user.expose(), Some(password.expose()));
                }
                (Auth::Bearer(_), Some(token)) => request = request.bearer_auth(token.expose()),
                _ => {}
            }
            let raw = match self.outbound.send(request).await {
                Ok(raw) => raw,
                Err(failure) => return Ok(Err(failure)),
            };
            if raw.status == StatusCode::UNAUTHORIZED && token.is_some() && !refreshed {
                refreshed = true;
                token = self.token(token.as_ref()).await?;
                continue;
            }
            if !raw.status.is_redirection() || raw.status == StatusCode::NOT_MODIFIED {
                return Ok(Ok((at, raw)));
            }
            at = self.redirect(&at, &raw)?;
        }
        Err(self.error(
            ConnectorErrorKind::BadAnswer,
            &format!("GET {} was redirected more than {MAX_REDIRECTS} times", shown(url)),
        ))
    }

    async fn token(
        &self,
        rejected: Option<&Secret<String>>,
    ) -> Result<Option<Secret<String>>, ConnectorError> {
        match &self.auth {
            Auth::Bearer(provider) => {
                provider.token(&self.outbound, &self.scrubber, rejected).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    fn redirect(&self, at: &Url, raw: &RawAnswer) -> Result<Url, ConnectorError> {
        let location = raw.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| at.join(location).ok()).ok_or_else(|| {
            let text = format!("GET {} answered {} without a usable Location", shown(at), raw.status);
            self.error(ConnectorErrorKind::BadAnswer, &text)
        })?;
        if same_origin(&target, &self.base) {
            return Ok(target);
        }
        let text = format!(
            "GET {} was redirected to {}, which is not followed: credentials go only to the connection's own address. \
             If that is where the application lives, put it into the connection; if it is a logon page, the \
             application wants another kind of authentication",
            shown(at),
            origin_of(&target)
        );
        Err(self.error(ConnectorErrorKind::Invalid, &text))
    }

    fn refused(
        &self,
        method: &Method,
        url: &Url,
        raw: &RawAnswer,
        attempt: u32,
        started: Instant,
    ) -> ConnectorError {
        let words = vendor_message(&raw.body);
        let text = format!(
            "{method} {} answered {}{}{words}{}",
            shown(url),
            raw.status,
            if words.is_empty() { "" } else { ": " },
            tried(attempt, started)
        );
        let mut error = self.error(kind_of(raw.status), &text);
        error.retry_after = retry_after(&raw.headers);
        error
    }

    fn failed(
        &self,
        method: &Method,
        url: &Url,
        failure: &Failure,
        attempt: u32,
        started: Instant,
    ) -> ConnectorError {
        let text = format!("{method} {} failed: {}{}", shown(url), failure.text, tried(attempt, started));
        self.error(failure.kind, &text)
    }
}

/// The kind of error that a status means.
pub(super) fn kind_of(status: StatusCode) -> ConnectorErrorKind {
    match status.as_u16() {
        401 | 403 | 407 => ConnectorErrorKind::Refused,
        404 | 410 => ConnectorErrorKind::NotFound,
        429 => ConnectorErrorKind::Throttled,
        501 => ConnectorErrorKind::Unsupported,
        500..=599 => ConnectorErrorKind::Unreachable,
        400..=499 => ConnectorErrorKind::Invalid,
        _ => ConnectorErrorKind::BadAnswer,
    }
}

pub(super) fn tried(attempt: u32, started: Instant) -> String {
    match attempt {
        1 => String::new(),
        _ => format!(" (tried {attempt} times in {:.1} s)", started.elapsed().as_secs_f64()),
    }
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether two URLs name the same host; the names of this machine count as one.
fn same_host(a: &Url, b: &Url) -> bool {
    let (a, b) = (a.host_str().unwrap_or_default(), b.host_str().unwrap_or_default());
    a.eq_ignore_ascii_case(b) || (is_loopback_host(a) && is_loopback_host(b))
}

fn origin_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// A URL for an error text: without user and password, and not endless.
pub(super) fn shown(url: &Url) -> String {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let text = format!("{}{}{query}", origin_of(url), url.path());
    match text.char_indices().nth(1000) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
