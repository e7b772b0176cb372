//! OAuth 2.0 access tokens: obtained, kept until they expire, and renewed.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use serde_json::{Map, Value};
use tidegate_core::{Connection, ConnectorError, ConnectorErrorKind, Credentials, OpenConnection, Secret};
use tokio::sync::Mutex;

use super::origin::{kind_of, shown, tried};
use super::outbound::{Outbound, RawAnswer};
use super::retry::{Retry, is_transient, retry_after};
use super::scrub::Scrubber;
use super::vendor::vendor_message;

/// How long before its end an access token is no longer used.
const MARGIN: Duration = Duration::from_secs(60);
/// How many connections' tokens are kept before the oldest state is dropped.
const MAX_PROVIDERS: usize = 10_000;

/// Takes credentials that a token endpoint has changed. The call returns after
/// they are stored, since only then are they used.
#[async_trait]
pub trait TokenSink: Send + Sync {
    /// Stores the whole new document in place of the old one.
    async fn rotated(&self, connection: &Connection, credentials: &Credentials)
    -> Result<(), ConnectorError>;
}

/// Stores nothing: for checks whose result is thrown away.
pub struct NoSink;

#[async_trait]
impl TokenSink for NoSink {
    async fn rotated(&self, _: &Connection, _: &Credentials) -> Result<(), ConnectorError> {
        Ok(())
    }
}

/// Where and for what a connection gets its tokens.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token endpoint.
    pub token_url: Url,
    /// The scopes, for the client credentials grant.
    pub scopes: Vec<String>,
    /// The member of the credentials that holds `clientId`, `clientSecret` and
    /// the rest; empty when the document itself does.
    pub member: &'static str,
}

/// The tokens of one connection. All its requests share one; whoever needs a
/// new token waits for the one request that gets it.
pub struct TokenProvider {
    grant: Grant,
    connection: Connection,
    state: Mutex<State>,
}

struct State {
    credentials: Credentials,
    access: Option<Access>,
}

struct Access {
    token: Secret<String>,
    until: Option<Instant>,
}

/// A step that may give a token, in the order in which they are tried.
enum Step {
    Refresh(Secret<String>),
    Code { code: Secret<String>, redirect_uri: Option<String>, verifier: Option<Secret<String>> },
    Client,
}

impl Outbound {
    /// The token provider of a connection: the one in use, if the connection is
    /// the same, else a new one.
    pub fn token_provider(&self, open: &OpenConnection, grant: Grant) -> Arc<TokenProvider> {
        let key = fingerprint(&open.connection, &grant, &open.credentials);
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        if providers.len() > MAX_PROVIDERS {
            providers.clear();
        }
        let make = || {
            let access = member(&open.credentials, &grant, "accessToken")
                .map(|token| Access { token: Secret::new(token.to_owned()), until: None });
            Arc::new(TokenProvider {
                grant: grant.clone(),
                connection: open.connection.clone(),
                state: Mutex::new(State { credentials: open.credentials.clone(), access }),
            })
        };
        Arc::clone(providers.entry(key).or_insert_with(make))
    }
}

impl Outbound {
    /// Makes the authorization code of a connection into tokens and tells them
    /// to the sink, for connectors that have no reader which would do so on
    /// its way. Says what was done.
    ///
    /// # Errors
    /// What the token endpoint answered.
    pub async fn exchange_code(&self, open: &OpenConnection, grant: Grant) -> Result<String, ConnectorError> {
        let scrubber = Scrubber::new(&open.credentials);
        let place = shown(&grant.token_url);
        self.token_provider(open, grant).token(self, &scrubber, None).await?;
        Ok(scrubber.scrub(&format!("POST {place} made the authorization code into tokens")))
    }
}

/// Tells connections apart without keeping their secrets.
fn fingerprint(connection: &Connection, grant: &Grant, credentials: &Credentials) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one((
        connection.name.as_str(),
        connection.created_at_ms,
        grant.token_url.as_str(),
        &grant.scopes,
        Secret::new(credentials.expose().to_string()).expose(),
    ))
}

fn member<'a>(credentials: &'a Credentials, grant: &Grant, path: &str) -> Option<&'a str> {
    match grant.member {
        "" => credentials.get(path),
        outer => credentials.get(&format!("{outer}.{path}")),
    }
}

impl TokenProvider {
    /// An access token that is valid as far as is known, and is not `rejected`,
    /// the one with which the application just answered 401.
    pub(super) async fn token(
        &self,
        outbound: &Outbound,
        scrubber: &Scrubber,
        rejected: Option<&Secret<String>>,
    ) -> Result<Secret<String>, ConnectorError> {
        let mut state = self.state.lock().await;
        if let Some(access) = &state.access {
            let fresh = access.until.is_none_or(|until| Instant::now() < until);
            if fresh && rejected != Some(&access.token) {
                scrubber.add(access.token.expose());
                return Ok(access.token.clone());
            }
        }
        // Tokens that were stored since this connection was opened.
        scrubber.learn(&state.credentials);
        let step = self.step(&state.credentials, rejected.is_some())?;
        let answer = self.request(outbound, scrubber, &state.credentials, &step).await?;
        let text = |name: &str| {
            answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let Some(token) = text("access_token") else {
            let what = format!("{} gave no access_token", shown(&self.grant.token_url));
            return Err(ConnectorError::new(ConnectorErrorKind::BadAnswer, scrubber.scrub(&what)));
        };
        scrubber.add(&token);
        let refresh = text("refresh_token");
        if let Some(refresh) = &refresh {
            scrubber.add(refresh);
        }
        let rotated = match &step {
            Step::Refresh(old) => refresh.as_ref().is_some_and(|new| new != old.expose()),
            Step::Code { .. } => true,
            Step::Client => false,
        };
        if rotated {
            let new = self.replaced(&state.credentials, &token, refresh.as_deref());
            outbound.sink.rotated(&self.connection, &new).await?;
            let key = fingerprint(&self.connection, &self.grant, &new);
            let mut providers = outbound.providers.lock().unwrap_or_else(PoisonError::into_inner);
            let old = fingerprint(&self.connection, &self.grant, &state.credentials);
            if let Some(own) = providers.get(&old).cloned() {
                providers.insert(key, own);
            }
            drop(providers);
            state.credentials = new;
        }
        let lifetime = match answer.get("expires_in") {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let until = lifetime.map(|seconds| {
            let whole = Duration::from_secs(seconds);
            Instant::now() + whole.checked_sub(MARGIN).unwrap_or(whole / 2)
        });
        let token = Secret::new(token);
        state.access = Some(Access { token: token.clone(), until });
        Ok(token)
    }

    fn step(&self, credentials: &Credentials, rejected: bool) -> Result<Step, ConnectorError> {
        let get = |path: &str| member(credentials, &self.grant, path);
        if let Some(token) = get("refreshToken") {
            return Ok(Step::Refresh(Secret::new(token.to_owned())));
        }
        if let Some(code) = get("oAuthRequest.authCode") {
            return Ok(Step::Code {
                code: Secret::new(code.to_owned()),
                redirect_uri: get("oAuthRequest.redirectUri").map(str::to_owned),
                verifier: get("oAuthRequest.codeVerifier").map(|text| Secret::new(text.to_owned())),
            });
        }
        // An access token alone was given by somebody; asking for one in the
        // client's own name might give other rights than that person's.
        if rejected && get("accessToken").is_some() {
            return Err(ConnectorError::new(
                ConnectorErrorKind::Refused,
                "the access token was refused and there is no refresh token to renew it with; supply new credentials",
            ));
        }
        if get("clientId").is_some() {
            return Ok(Step::Client);
        }
        Err(ConnectorError::new(
            ConnectorErrorKind::Refused,
            "the OAuth credentials hold neither a client id nor a token",
        ))
    }

    /// Asks the token endpoint. The client authenticates by HTTP basic
    /// authentication (RFC 6749 2.3.1); an endpoint that does not know the
    /// client that way is asked once more with both in the body.
    async fn request(
        &self,
        outbound: &Outbound,
        scrubber: &Scrubber,
        credentials: &Credentials,
        step: &Step,
    ) -> Result<Map<String, Value>, ConnectorError> {
        outbound.check(&self.grant.token_url)?;
        let get = |path: &str| member(credentials, &self.grant, path).unwrap_or_default();
        let (id, secret) = (get("clientId"), get("clientSecret"));
        let scopes = self.grant.scopes.join(" ");
        let mut form: Vec<(&str, &str)> = match step {
            Step::Refresh(token) => {
                vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())]
            }
            Step::Code { code, redirect_uri, verifier } => {
                let mut form = vec![("grant_type", "authorization_code"), ("code", code.expose().as_str())];
                form.extend(redirect_uri.as_deref().map(|uri| ("redirect_uri", uri)));
                // PKCE (RFC 7636, 4.5), for codes that this server has asked for.
                form.extend(verifier.as_ref().map(|text| ("code_verifier", text.expose().as_str())));
                form
            }
            Step::Client => vec![("grant_type", "client_credentials")],
        };
        if matches!(step, Step::Client) && !scopes.is_empty() {
            form.push(("scope", &scopes));
        }
        // A client credentials request may be repeated; the other two spend
        // what they send, so only an answer that says "later" repeats them.
        let repeatable = matches!(step, Step::Client);
        let raw = self.post(outbound, scrubber, &form, Some((id, secret)), repeatable).await?;
        let unknown = !raw.status.is_success() && vendor_message(&raw.body).starts_with("invalid_client");
        let raw = if unknown {
            form.push(("client_id", id));
            form.push(("client_secret", secret));
            self.post(outbound, scrubber, &form, None, repeatable).await?
        } else {
            raw
        };
        if raw.status.is_success() {
            return serde_json::from_slice(&raw.body).map_err(|_| {
                let words = vendor_message(&raw.body);
                let text = format!("POST {} gave no token: {words}", shown(&self.grant.token_url));
                ConnectorError::new(ConnectorErrorKind::BadAnswer, scrubber.scrub(&text))
            });
        }
        let kind = match raw.status.as_u16() {
            429 | 500..=599 | 404 => kind_of(raw.status),
            300..=399 => ConnectorErrorKind::BadAnswer,
            _ => ConnectorErrorKind::Refused,
        };
        let words = vendor_message(&raw.body);
        let text = format!("POST {} answered {}: {words}", shown(&self.grant.token_url), raw.status);
        Err(ConnectorError::new(kind, scrubber.scrub(&text)))
    }

    async fn post(
        &self,
        outbound: &Outbound,
        scrubber: &Scrubber,
        form: &[(&str, &str)],
        basic: Option<(&str, &str)>,
        repeatable: bool,
    ) -> Result<RawAnswer, ConnectorError> {
        let (started, mut attempt) = (Instant::now(), 1);
        loop {
            let mut request = outbound
                .client
                .post(self.grant.token_url.clone())
                .header(http::header::ACCEPT, "application/json")
                .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(encode_form(form));
            if let Some((id, secret)) = basic {
                request = request.basic_auth(encode(id), Some(encode(secret)));
            }
            let (transient, asked, outcome) = match outbound.send(request).await {
                Ok(raw) => {
                    // A gateway's 502 or 504 does not tell whether the code or the
                    // refresh token has been spent.
                    let untouched = matches!(raw.status.as_u16(), 429 | 503);
                    (
                        is_transient(raw.status) && (repeatable || untouched),
                        retry_after(&raw.headers),
                        Ok(raw),
                    )
                }
                Err(failure) => {
                    let url = shown(&self.grant.token_url);
                    let text = format!("POST {url} failed: {}{}", failure.text, tried(attempt, started));
                    let error = ConnectorError::new(failure.kind, scrubber.scrub(&text));
                    (failure.transient && repeatable, None, Err(error))
                }
            };
            match Retry::CALL.wait(attempt, started.elapsed(), asked).filter(|_| transient) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return outcome,
            }
            attempt += 1;
        }
    }

    /// The document with the new tokens, and without the code, which is spent.
    fn replaced(&self, old: &Credentials, access: &str, refresh: Option<&str>) -> Credentials {
        let mut document = old.expose().clone();
        let place = match self.grant.member {
            "" => Some(&mut document),
            outer => document.get_mut(outer),
        };
        if let Some(Value::Object(members)) = place {
            members.insert("accessToken".to_owned(), access.into());
            if let Some(refresh) = refresh {
                members.insert("refreshToken".to_owned(), refresh.into());
            }
            members.remove("oAuthRequest");
        }
        Credentials::new(document)
    }
}

/// Form encoding (RFC 6749, appendix B), with `%20` for a space, which every
/// server reads.
fn encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

fn encode_form(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}
