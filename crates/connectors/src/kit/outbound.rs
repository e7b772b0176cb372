//! The one HTTP client of all connectors.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use reqwest::{Client, NoProxy, Proxy, RequestBuilder, Url};
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::address::{Refusal, Resolver, check_url};
use super::oauth::{NoSink, TokenProvider, TokenSink};
use super::policy::{OutboundPolicy, ProxySettings};

/// The one client, its policy, and the access tokens that are in use. It is
/// cheap to share, and connections to the same host share their sockets.
pub struct Outbound {
    pub(super) client: Client,
    pub(super) policy: Arc<OutboundPolicy>,
    pub(super) sink: Arc<dyn TokenSink>,
    pub(super) providers: Mutex<HashMap<u64, Arc<TokenProvider>>>,
}

/// What came back, whatever its status.
pub(super) struct RawAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why nothing came back.
pub(super) struct Failure {
    pub(super) kind: ConnectorErrorKind,
    pub(super) text: String,
    pub(super) transient: bool,
}

impl Outbound {
    /// Builds the client. Fails when the policy's CA file cannot be read or a
    /// proxy is no URL; the text says which.
    pub fn new(policy: OutboundPolicy) -> Result<Arc<Self>, ConnectorError> {
        // The process may have chosen a provider already; then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = Arc::new(policy);
        let client = match builder(&policy)?.build() {
            Ok(client) => client,
            // A machine without any certificate store can still reach hosts
            // over the CA file and over loopback.
            Err(error) => {
                let client = builder(&policy)?.tls_built_in_root_certs(false).build().map_err(|error| {
                    let file =
                        policy.ca_file.as_ref().map(|path| format!(" with the CA file {}", path.display()));
                    invalid(format!(
                        "the HTTP client cannot start{}: {}",
                        file.unwrap_or_default(),
                        chain(&error)
                    ))
                })?;
                tracing::warn!(error = chain(&error), "the system's certificates are not usable");
                client
            }
        };
        Ok(Arc::new(Self { client, policy, sink: Arc::new(NoSink), providers: Mutex::new(HashMap::new()) }))
    }

    /// The same client, telling rotated tokens to `sink` and with no access
    /// token in use yet. The server gives the one that stores them; a check of
    /// credentials that are not stored yet gives one that keeps them for the
    /// caller.
    pub fn with_token_sink(&self, sink: Arc<dyn TokenSink>) -> Arc<Self> {
        Arc::new(Self {
            client: self.client.clone(),
            policy: Arc::clone(&self.policy),
            sink,
            providers: Mutex::new(HashMap::new()),
        })
    }

    /// The policy.
    pub fn policy(&self) -> &OutboundPolicy {
        &self.policy
    }

    /// Checks an address by the policy, as far as that goes without resolving.
    pub fn check(&self, url: &Url) -> Result<(), ConnectorError> {
        check_url(&self.policy, url).map_err(|refusal| invalid(refusal.to_string()))
    }

    /// Sends a request that is signed already, once, and reads the whole answer,
    /// whatever its status: for services of the operator's own, which no
    /// connection of a user names. The policy holds here, too, and redirects are
    /// not followed.
    pub async fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, ConnectorError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| invalid(format!("the request has no usable address: {error}")))?;
        self.check(request.url())?;
        let request = RequestBuilder::from_parts(self.client.clone(), request);
        let RawAnswer { status, headers, body } =
            self.send(request).await.map_err(|failure| ConnectorError::new(failure.kind, failure.text))?;
        let mut answer = http::Response::new(body);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }

    /// Sends one request once and reads the whole answer, within the bounds.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<RawAnswer, Failure> {
        let response = request.send().await.map_err(Failure::from_client)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let length = response.content_length();
        let limit = self.policy.max_body;
        let too_large = || Failure {
            kind: ConnectorErrorKind::BadAnswer,
            text: format!("the answer is larger than {} MiB; ask for smaller pages", limit >> 20),
            transient: false,
        };
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let capacity = usize::try_from(length.unwrap_or(16 << 10).min(16 << 20)).unwrap_or(0);
        let mut body = BytesMut::with_capacity(capacity);
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(Failure::from_client)?;
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(RawAnswer { status, headers, body: body.freeze() })
    }
}

impl Failure {
    fn from_client(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut source: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(cause) = source {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                let (kind, text) = (ConnectorErrorKind::Invalid, refusal.to_string());
                return Self { kind, text, transient: false };
            }
            source = cause.source();
        }
        let text = if error.is_timeout() && !error.is_connect() {
            "no answer in time".to_owned()
        } else {
            chain(&error)
        };
        // A certificate that is not trusted will not be trusted a second later.
        let transient = !error.is_builder() && !text.contains("certificate");
        Self { kind: ConnectorErrorKind::Unreachable, text, transient }
    }
}

/// An error and its causes in one line, each said once.
fn chain(error: &dyn StdError) -> String {
    let mut parts: Vec<String> = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        source = cause.source();
    }
    parts.join(": ")
}

fn invalid(text: String) -> ConnectorError {
    ConnectorError::new(ConnectorErrorKind::Invalid, text)
}

fn builder(policy: &Arc<OutboundPolicy>) -> Result<reqwest::ClientBuilder, ConnectorError> {
    let mut builder = Client::builder()
        .use_rustls_tls()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.read_timeout)
        .timeout(policy.total_timeout)
        .pool_max_idle_per_host(32);
    if let Some(path) = &policy.ca_file {
        let unusable = |why: String| invalid(format!("the CA file {} {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| unusable(format!("holds no PEM certificates: {error}")))?;
        if authorities.is_empty() {
            return Err(unusable("holds no PEM certificates".to_owned()));
        }
        for authority in authorities {
            builder = builder.add_root_certificate(authority);
        }
    }
    let mut proxies = Vec::new();
    if let Some(settings) = &policy.proxy {
        for (address, proxy) in proxied(settings)? {
            proxies.extend(address.host_str().map(str::to_owned));
            builder = builder.proxy(proxy);
        }
    }
    Ok(builder.dns_resolver(Arc::new(Resolver { policy: Arc::clone(policy), proxies })))
}

fn proxied(settings: &ProxySettings) -> Result<Vec<(Url, Proxy)>, ConnectorError> {
    let own = "localhost,127.0.0.0/8,::1";
    let list = match &settings.no_proxy {
        Some(hosts) => format!("{hosts},{own}"),
        None => own.to_owned(),
    };
    let mut all = Vec::new();
    for (text, secure) in [(&settings.https, true), (&settings.http, false)] {
        let Some(text) = text else { continue };
        let url = if text.contains("://") { text.clone() } else { format!("http://{text}") };
        // The text may hold the proxy's password, so it is not repeated.
        let bad = || invalid("the proxy address is not a URL".to_owned());
        let address = Url::parse(&url).map_err(|_| bad())?;
        let proxy = if secure { Proxy::https(&url) } else { Proxy::http(&url) };
        all.push((address, proxy.map_err(|_| bad())?.no_proxy(NoProxy::from_string(&list))));
    }
    Ok(all)
}
