//! Talking to the provider: what it offers, a code for tokens, and who it says
//! has signed in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    SignatureVerificationError, TokenResponse as _,
};
use tokio::sync::Mutex;

use super::settings::OidcSettings;
use super::ticket::Ticket;
use crate::http::is_safe;
use crate::server::explain;

/// How long the provider's description of itself is taken as it was.
const FRESH: Duration = Duration::from_secs(3600);
/// How soon it is read again when a key is missing in it.
const RETRY: Duration = Duration::from_secs(1);
/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const MAX_BODY: usize = 1 << 20;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Somebody for whom the provider has vouched.
#[derive(Debug)]
pub struct Identity {
    /// The provider's identifier.
    pub subject: String,
    /// The e-mail address, if the provider has verified it.
    pub verified_email: Option<String>,
}

/// The provider.
pub struct Provider {
    settings: OidcSettings,
    http: Http,
    known: Mutex<Option<Known>>,
}

struct Known {
    metadata: Arc<CoreProviderMetadata>,
    since: Instant,
}

impl Provider {
    /// A provider; it is not asked anything yet.
    ///
    /// # Errors
    /// When the CA file cannot be used.
    pub fn new(settings: OidcSettings) -> Result<Self, String> {
        let http = Http::new(&settings)?;
        Ok(Self { settings, http, known: Mutex::default() })
    }

    /// Where to send the browser, and what it must bring back.
    ///
    /// # Errors
    /// When the provider does not say how to sign in, as a sentence.
    pub async fn begin(&self, redirect_uri: String) -> Result<(String, Ticket), String> {
        let client = self.client(&*self.metadata(FRESH).await?, &redirect_uri)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(["email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        let ticket = Ticket {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            redirect_uri,
            ends_at_ms: Ticket::end(),
        };
        Ok((url.into(), ticket))
    }

    /// Who has signed in, for the code that the browser has brought back.
    ///
    /// # Errors
    /// When the provider does not take the code, or its token is not good, as a sentence.
    pub async fn finish(&self, ticket: Ticket, code: String) -> Result<Identity, String> {
        let mut metadata = self.metadata(FRESH).await?;
        let client = self.client(&metadata, &ticket.redirect_uri)?;
        let answer: CoreTokenResponse = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| "The identity provider has no token endpoint.".to_owned())?
            .set_pkce_verifier(PkceCodeVerifier::new(ticket.verifier))
            .request_async(&self.http)
            .await
            .map_err(|error| failed("has not taken the code", &error))?;
        let token = answer.id_token().ok_or("The identity provider has sent no ID token.")?;
        let nonce = Nonce::new(ticket.nonce);
        let claims = match token.claims(&verifier(&client, &metadata), &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                // It may have got new keys since.
                metadata = self.metadata(RETRY).await?;
                let client = self.client(&metadata, &ticket.redirect_uri)?;
                token.claims(&verifier(&client, &metadata), &nonce)
            }
            result => result,
        };
        let claims = claims.map_err(|error| failed("has sent an ID token that is not good", &error))?;
        self.identity(&client, claims, &answer).await
    }

    /// The e-mail address is in the token, or else where the provider says more.
    async fn identity(
        &self,
        client: &Client,
        claims: &CoreIdTokenClaims,
        answer: &CoreTokenResponse,
    ) -> Result<Identity, String> {
        let subject = claims.subject().to_string();
        let verified =
            |email: Option<String>, verified: Option<bool>| email.filter(|_| verified == Some(true));
        let told = claims.email().map(|email| email.to_string());
        if told.is_some() || client.user_info_url().is_none() {
            return Ok(Identity { subject, verified_email: verified(told, claims.email_verified()) });
        }
        let request = client
            .user_info(answer.access_token().clone(), Some(claims.subject().clone()))
            .map_err(|error| failed("cannot be asked for the e-mail address", &error))?;
        let more: CoreUserInfoClaims = request
            .request_async(&self.http)
            .await
            .map_err(|error| failed("has not told the e-mail address", &error))?;
        let told = more.email().map(|email| email.to_string());
        Ok(Identity { subject, verified_email: verified(told, more.email_verified()) })
    }

    fn client(&self, metadata: &CoreProviderMetadata, redirect_uri: &str) -> Result<Client, String> {
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().clone()));
        let redirect = RedirectUrl::new(redirect_uri.to_owned())
            .map_err(|_| "This server's own address cannot be told; set --public-url.".to_owned())?;
        let id = ClientId::new(self.settings.client_id.clone());
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), id, secret).set_redirect_uri(redirect);
        // OpenID Connect Discovery 1.0, 3: without a list it is client_secret_basic.
        let takes = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| takes.is_none_or(|methods| methods.contains(&method));
        let post =
            !takes(CoreClientAuthMethod::ClientSecretBasic) && takes(CoreClientAuthMethod::ClientSecretPost);
        Ok(client.set_auth_type(if post { AuthType::RequestBody } else { AuthType::BasicAuth }))
    }

    /// What the provider says of itself, read anew when it is older than `age`.
    async fn metadata(&self, age: Duration) -> Result<Arc<CoreProviderMetadata>, String> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.since.elapsed() < age) {
            return Ok(Arc::clone(&known.metadata));
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| error.to_string())?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.http)
            .await
            .map_err(|error| failed("does not say how to sign in", &error))?;
        let metadata = Arc::new(metadata);
        *known = Some(Known { metadata: Arc::clone(&metadata), since: Instant::now() });
        Ok(metadata)
    }
}

/// Takes ID tokens that are signed with a key of the provider's, never with our secret.
fn verifier<'c>(client: &'c Client, metadata: &CoreProviderMetadata) -> CoreIdTokenVerifier<'c> {
    use CoreJwsSigningAlgorithm as Alg;
    let shared = [Alg::HmacSha256, Alg::HmacSha384, Alg::HmacSha512, Alg::None];
    let offered = metadata.id_token_signing_alg_values_supported().iter();
    client.id_token_verifier().set_allowed_algs(offered.filter(|alg| !shared.contains(alg)).cloned())
}

/// A sentence for people. The details are for the log: they may quote what the provider sent.
fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> String {
    tracing::warn!(error = explain(error), "The identity provider {what}.");
    format!("The identity provider {what}. The server's log says why.")
}

/// One request at a time, within bounds, and never after a redirect.
struct Http(reqwest::Client);

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the request could not be made")]
    Form(#[from] http::Error),
    #[error("the answer is too large")]
    TooLarge,
    #[error("{0} is not an https:// URL")]
    InTheClear(String),
}

impl Http {
    fn new(settings: &OidcSettings) -> Result<Self, String> {
        let mut authorities = Vec::new();
        if let Some(path) = &settings.ca_file {
            let unusable = |error: &dyn std::fmt::Display| {
                format!("cannot use the certificates of {}: {error}", path.display())
            };
            let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
            authorities = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?;
        }
        let builder = || {
            let builder = reqwest::Client::builder()
                .timeout(PATIENCE)
                .connect_timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none());
            authorities.iter().cloned().fold(builder, reqwest::ClientBuilder::add_root_certificate)
        };
        // A machine without any certificate store may have the CA file.
        let client = builder().build().or_else(|_| builder().tls_built_in_root_certs(false).build());
        client.map(Self).map_err(|error| format!("the HTTP client cannot start: {}", explain(&error)))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        if !is_safe(request.url()) {
            return Err(HttpError::InTheClear(request.url().to_string()));
        }
        let response = self.0.execute(request).await?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > MAX_BODY {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn http() -> Http {
        let settings = OidcSettings {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            name: String::new(),
            allow: Vec::new(),
            ca_file: None,
        };
        Http::new(&settings).expect("a client")
    }

    fn get(url: &str) -> HttpRequest {
        http::Request::get(url).body(Vec::new()).expect("a request")
    }

    /// Answers one request with these bytes; gives its URL.
    fn peer(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("the same")).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            // Who has read enough may hang up.
            let _ = stream.write_all(&answer);
        });
        url
    }

    #[tokio::test]
    async fn nothing_is_sent_in_the_clear_over_a_network() {
        let error = http().send(get("http://192.0.2.1/token")).await.expect_err("refused");
        assert!(matches!(error, HttpError::InTheClear(_)), "{error:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let url = peer(
            b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec(),
        );
        assert_eq!(http().send(get(&url)).await.expect("answered").status(), 307);
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read() {
        let whole = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b' '; MAX_BODY + 1]].concat();
        let error = http().send(get(&peer(whole.clone()))).await.expect_err("refused");
        assert!(matches!(error, HttpError::TooLarge), "{error:?}");
        let fits = http().send(get(&peer(whole[..whole.len() - 1].to_vec()))).await.expect("answered");
        assert_eq!(fits.body().len(), MAX_BODY);
    }
}
