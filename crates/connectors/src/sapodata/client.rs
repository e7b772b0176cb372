//! One connection at work: the services below its address and how they are asked.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::Url;
use tidegate_core::{ConnectorError, ConnectorErrorKind, OpenConnection};

use super::config::{Properties, auth};
use super::metadata::{Metadata, Version};
use crate::kit::{Answer, Auth, Origin, Outbound, Retry, Scrubber, looks_like_html, vendor_message};

/// The characters of a query option's value that are percent-encoded. OData's
/// own punctuation (`$`, `'`, `(`, `)`, `,`, `:`, `/`) may stand.
const VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Encodes the value of a query option.
pub(super) fn encode_value(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// The client of one connection.
pub(super) struct Client {
    pub(super) origin: Origin,
    session: Vec<(&'static str, String)>,
    language: Option<String>,
    how: &'static str,
}

impl Client {
    pub(super) fn open(
        open: &OpenConnection,
        outbound: &Arc<Outbound>,
        retry: Retry,
    ) -> Result<Self, ConnectorError> {
        let properties = Properties::read(open)?;
        let scrubber = Arc::new(Scrubber::new(&open.credentials));
        let auth = auth(open, &properties, outbound)?;
        let how = match &auth {
            Auth::None => "without credentials",
            Auth::Basic { .. } => "with the connection's user and password",
            Auth::Bearer(_) => "with an OAuth access token",
        };
        let origin = Origin::new(Arc::clone(outbound), properties.base()?, auth, scrubber, retry)?;
        let language = properties.logon_language.as_ref().map(|language| language.to_ascii_lowercase());
        Ok(Self { origin, session: properties.session_query(), language, how })
    }

    /// The root of the connection's own service path.
    pub(super) fn root(&self) -> &Url {
        self.origin.base()
    }

    /// The URL of a path on the origin, with query options in OData's spelling.
    pub(super) fn url(&self, path: &str, options: &[(&str, String)]) -> Url {
        let mut url = self.root().clone();
        url.set_path(path);
        let query: Vec<String> =
            options.iter().map(|(name, value)| format!("{name}={}", encode_value(value))).collect();
        let query = query.join("&");
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        url
    }

    /// Adds what every request of the connection carries, unless a link of the
    /// server's has it already.
    fn in_session(&self, url: &Url) -> Url {
        let mut url = url.clone();
        let mut query = url.query().unwrap_or_default().to_owned();
        for (name, value) in &self.session {
            let has = query.split('&').any(|part| {
                part.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            });
            if !has {
                if !query.is_empty() {
                    query.push('&');
                }
                query.push_str(&format!("{name}={}", encode_value(value)));
            }
        }
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        url
    }

    /// GETs with the given `Accept` and further headers.
    pub(super) async fn get(
        &self,
        url: &Url,
        accept: &'static str,
        more: &[(HeaderName, String)],
    ) -> Result<Answer, ConnectorError> {
        self.origin.get(&self.in_session(url), &self.headers(accept, more)).await
    }

    /// POSTs nothing, with the given `Accept` and further headers.
    pub(super) async fn post(
        &self,
        url: &Url,
        accept: &'static str,
        more: &[(HeaderName, String)],
    ) -> Result<Answer, ConnectorError> {
        self.origin.post(&self.in_session(url), &self.headers(accept, more)).await
    }

    fn headers(&self, accept: &'static str, more: &[(HeaderName, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers.insert("x-requested-with", HeaderValue::from_static("XMLHttpRequest"));
        if let Some(language) = self.language.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(header::ACCEPT_LANGUAGE, language);
        }
        for (name, value) in more {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        headers
    }

    /// Reads the `$metadata` of the service at a path.
    pub(super) async fn metadata(&self, service: &str) -> Result<(Answer, Metadata), ConnectorError> {
        let url = self.url(&format!("{}/$metadata", service.trim_end_matches('/')), &[]);
        let answer = self.get(&url, "application/xml", &[]).await?;
        if looks_like_html(&answer.body) {
            return Err(self.not_data(&answer, "a logon page or another HTML page instead of $metadata"));
        }
        let text = std::str::from_utf8(&answer.body).map_err(|_| {
            self.origin.error(ConnectorErrorKind::BadAnswer, &format!("{} is not UTF-8", answer.url))
        })?;
        match Metadata::parse(text) {
            Ok(metadata) => Ok((answer, metadata)),
            Err(error) => {
                let words = vendor_message(&answer.body);
                let words: String = words.chars().take(2000).collect();
                let text = format!("{} answered 200, but {error}: {words}", answer.url);
                Err(self.origin.error(error.kind, &text))
            }
        }
    }

    /// Proves that the service answers and takes the credentials, and says what was
    /// done. Some servers show `$metadata` to everybody, so the service document
    /// is read too.
    pub(super) async fn prove(&self) -> Result<String, ConnectorError> {
        let root = self.root().path().to_owned();
        let (answer, metadata) = self.metadata(&root).await?;
        let url = self.url(&format!("{}/", root.trim_end_matches('/')), &[]);
        let headers = [version_header(metadata.version)];
        let read = match self.get(&url, accept(metadata.version), &headers).await {
            Ok(document) if looks_like_html(&document.body) => {
                return Err(self.not_data(&document, "an HTML page instead of the service document"));
            }
            Ok(_) => "the service document was read",
            // A service may have none; then the metadata must do.
            Err(error) if is_absence(error.kind) => "the service has no service document",
            Err(error) => return Err(error),
        };
        Ok(format!(
            "GET {} answered 200 with OData {} metadata of {} entity sets, and {read}, {}",
            answer.url,
            match metadata.version {
                Version::V2 => "V2",
                Version::V4 => "V4",
            },
            metadata.sets.len(),
            self.how
        ))
    }

    /// The error for an answer of 200 that holds no data. A page that asks for a
    /// password means that the credentials were not accepted.
    pub(super) fn not_data(&self, answer: &Answer, what: &str) -> ConnectorError {
        let words = vendor_message(&answer.body);
        let lower = String::from_utf8_lossy(&answer.body[..answer.body.len().min(64 << 10)]).to_lowercase();
        let logon = ["type=\"password\"", "logon", "log on", "login", "sign in", "samlrequest"];
        let kind = if looks_like_html(&answer.body) && logon.iter().any(|word| lower.contains(word)) {
            ConnectorErrorKind::Refused
        } else {
            ConnectorErrorKind::BadAnswer
        };
        self.origin.error(kind, &format!("GET {} answered 200 with {what}: {words}", answer.url))
    }
}

const fn is_absence(kind: ConnectorErrorKind) -> bool {
    matches!(kind, ConnectorErrorKind::NotFound | ConnectorErrorKind::Unsupported)
}

/// The `Accept` header for data: JSON in which long integers and decimals are
/// texts, so that no server rounds them to what JavaScript can hold.
pub(super) const fn accept(version: Version) -> &'static str {
    match version {
        Version::V2 => "application/json",
        Version::V4 => "application/json;odata.metadata=minimal;IEEE754Compatible=true",
    }
}

/// The version header that goes with it.
pub(super) fn version_header(version: Version) -> (HeaderName, String) {
    match version {
        Version::V2 => (HeaderName::from_static("maxdataserviceversion"), "2.0".to_owned()),
        Version::V4 => (HeaderName::from_static("odata-maxversion"), "4.0".to_owned()),
    }
}
