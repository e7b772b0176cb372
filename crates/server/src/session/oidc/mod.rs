//! Signing in with an identity provider: OpenID Connect's authorization code
//! flow with PKCE, state and nonce.

mod provider;
mod settings;
mod ticket;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tidegate_store::SignedInAs;

use self::provider::{Identity, Provider};
use self::ticket::Tickets;
use super::{name, origin, peer};
use crate::app::App;
use crate::error::ApiError;

pub use settings::OidcSettings;

/// Where the flow begins, from the console's path.
pub const START: &str = "session/oidc/start";
/// Where the provider sends the browser back to.
const CALLBACK: &str = "session/oidc/callback";

/// Characters of a provider's text that are shown at most.
const LONGEST_TEXT: usize = 300;

/// Signing in with the provider that is set.
pub struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    tickets: Tickets,
}

impl Oidc {
    /// Makes it ready; the provider is asked when somebody signs in.
    ///
    /// # Errors
    /// When the CA file cannot be used.
    pub fn new(settings: OidcSettings) -> Result<Self, String> {
        Ok(Self { provider: Provider::new(settings.clone())?, tickets: Tickets::new()?, settings })
    }

    /// What people call the provider.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Under which settings people are let in: a digest of what decides it.
    pub fn terms(&self) -> String {
        self.settings.terms()
    }
}

/// `GET /session/oidc/start`: sends the browser to the provider.
pub async fn start(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let prefix = prefix(&app);
    let begun = async {
        let oidc = app.sessions.oidc.as_ref().ok_or("This server has no identity provider.")?;
        let (url, ticket) = oidc.provider.begin(redirect_uri(&app, &parts)).await?;
        let cookie = oidc.tickets.cookie(&ticket, prefix).map_err(|error| error.message)?;
        Ok::<_, String>((url, cookie))
    };
    match begun.await {
        Ok((url, cookie)) => see_other(&url, [Ok(cookie)]),
        Err(message) => refused(prefix, &message),
    }
}

/// `GET /session/oidc/callback`: the browser comes back.
pub async fn callback(State(app): State<Arc<App>>, request: Request) -> Response {
    let peer = peer(&request);
    let (parts, _) = request.into_parts();
    let prefix = prefix(&app);
    let finished = async {
        let oidc = app.sessions.oidc.as_ref().ok_or("This server has no identity provider.")?;
        let ticket = oidc.tickets.read(&parts.headers, prefix).ok_or(
            "This browser has not begun to sign in here, or that was more than ten minutes ago. Sign in again.",
        )?;
        let answer = Answer::of(parts.uri.query().unwrap_or(""));
        if answer.state.as_deref() != Some(ticket.state.as_str()) {
            return Err(
                "The answer is not to the sign-in that this browser has begun. Sign in again.".to_owned()
            );
        }
        let code = answer.code()?;
        let identity = oidc.provider.finish(ticket, code).await?;
        let name = admitted(oidc, &identity)?;
        let subject = format!("{}#{}", oidc.settings.issuer, identity.subject);
        let who = SignedInAs::Subject { name: name.clone(), subject, terms: oidc.terms() };
        let cookie = app.sessions.begin(who, prefix).await.map_err(|error| error.message)?;
        tracing::info!(user = name, subject = identity.subject, %peer, "Signed in with the identity provider.");
        cookie.ok_or_else(|| "The session could not begin. Sign in again.".to_owned())
    };
    match finished.await {
        Ok(cookie) => see_other(&format!("{prefix}/"), [Ok(cookie), ticket::clear(prefix)]),
        Err(message) => {
            tracing::info!(%peer, message, "A sign-in with the identity provider was refused.");
            refused(prefix, &message)
        }
    }
}

/// What to call somebody who may come in.
fn admitted(oidc: &Oidc, identity: &Identity) -> Result<String, String> {
    let email = identity.verified_email.as_deref();
    if oidc.settings.allow.iter().any(|rule| rule.admits(&identity.subject, email)) {
        return Ok(user_name(email.unwrap_or(&identity.subject)));
    }
    tracing::warn!(
        subject = identity.subject,
        has_verified_email = email.is_some(),
        "Somebody whom --oidc-allow does not name was turned away."
    );
    Err(match email {
        Some(email) => format!(
            "{email} may not use this server. Its operator says who may, with --oidc-allow."
        ),
        None => "The identity provider has not verified your e-mail address, and this server's operator has not let \
                 you in by your identifier."
            .to_owned(),
    })
}

/// A name that may stand in an ARN.
fn user_name(text: &str) -> String {
    text.chars().map(|letter| if name::allows(letter) { letter } else { '-' }).take(name::LONGEST).collect()
}

/// What the provider has put into the address.
#[derive(Default)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    description: Option<String>,
}

impl Answer {
    fn of(query: &str) -> Self {
        let mut answer = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let place = match name {
                "state" => &mut answer.state,
                "code" => &mut answer.code,
                "error" => &mut answer.error,
                "error_description" => &mut answer.description,
                _ => continue,
            };
            let value: Cow<'_, str> = value.replace('+', " ").into();
            *place = percent_decode_str(&value).decode_utf8().ok().map(Cow::into_owned);
        }
        answer
    }

    fn code(self) -> Result<String, String> {
        match (self.error, self.code) {
            (None, Some(code)) => Ok(code),
            (None, None) => Err("The identity provider has sent no code. Sign in again.".to_owned()),
            (Some(error), _) => {
                let said = self.description.unwrap_or(error);
                let said: String = said.chars().filter(|it| !it.is_control()).take(LONGEST_TEXT).collect();
                Err(format!("The identity provider has refused: {said}"))
            }
        }
    }
}

/// The path of the console, as a browser that comes by a link sees it.
fn prefix(app: &App) -> &str {
    app.public_url.as_ref().map_or("", |url| url.prefix())
}

/// Where the provider sends the browser back to: the public URL, or else the
/// address that the browser has used.
fn redirect_uri(app: &App, parts: &Parts) -> String {
    match &app.public_url {
        Some(url) => url.join(CALLBACK),
        None => format!("{}/{CALLBACK}", origin::place(app, parts).origin),
    }
}

fn refused(prefix: &str, message: &str) -> Response {
    let text = utf8_percent_encode(message, NON_ALPHANUMERIC);
    see_other(&format!("{prefix}/#/sign-in?error={text}"), [ticket::clear(prefix)])
}

fn see_other(location: &str, cookies: impl IntoIterator<Item = Result<HeaderValue, ApiError>>) -> Response {
    let mut response = Response::new(Body::empty());
    let Ok(location) = HeaderValue::from_str(location) else {
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        return response;
    };
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let fixed = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    headers.extend(fixed);
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    for cookie in cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_code_or_the_providers_words() {
        let answer = Answer::of("state=a%2Bb&code=x+y&session_state=z&iss=q");
        assert_eq!(answer.state.as_deref(), Some("a+b"));
        assert_eq!(answer.code().expect("a code"), "x y");
        let refused = |query: &str| Answer::of(query).code().expect_err(query);
        assert!(
            refused("error=access_denied&error_description=You+said+no%0A&code=x").ends_with("You said no")
        );
        assert!(refused("error=access_denied").ends_with("access_denied"));
        assert!(refused("state=a").contains("no code"));
        assert!(refused(&format!("error={}", "x".repeat(999))).len() < 400);
    }

    #[test]
    fn names_may_stand_in_arns() {
        assert_eq!(user_name("ada.b+c@example.com"), "ada.b+c@example.com");
        assert_eq!(user_name("auth0|5/ä b"), "auth0-5---b");
        assert_eq!(user_name(&"x".repeat(99)).len(), 64);
    }
}
