//! Signing in to the console: `/session` and what is below it.
//!
//! A session is known by a cookie that no script can read. With it alone a
//! page can do nothing but ask for access keys, which live a few minutes, sign
//! requests to the same API as everybody's, and count only together with that
//! cookie. `docs/console.md` tells operators about it.

mod authorization;
mod cookie;
mod keys;
mod limiter;
pub mod name;
mod oidc;
mod origin;
pub mod password;
mod sign_in;
mod state;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_wire::ErrorKind;
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Peer, exchange};

pub use oidc::{Oidc, OidcSettings};
pub use state::{Live, SessionSettings, Sessions};

/// The largest body that is read.
const MAX_BODY: usize = 16 * 1024;

/// The routes below the console's path.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/session", get(sign_in::status))
        .route("/session/sign-in", post(sign_in::sign_in))
        .route("/session/keys", post(keys::lend))
        .route("/session/sign-out", post(sign_in::sign_out))
        .route("/session/password", post(sign_in::change_password))
        .route("/session/oidc/start", get(oidc::start))
        .route("/session/oidc/callback", get(oidc::callback))
        .route("/session/authorization", post(authorization::complete))
}

/// The live session of a request, by its cookie. A request that changes
/// something is admitted from the console's own page only.
pub struct Signed(Arc<Live>);

impl Signed {
    /// The session's identifier.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What to call its user.
    pub fn user_name(&self) -> &str {
        &self.0.user_name
    }

    fn by_password(&self) -> bool {
        self.0.by_password
    }

    fn ends_at_ms(&self) -> i64 {
        self.0.ends_at_ms
    }

    /// The session of a request.
    ///
    /// # Errors
    /// 401 when there is none or it is over, 403 for another site's page.
    pub async fn of(app: &Arc<App>, parts: &Parts) -> Result<Self, ApiError> {
        origin::check(app, parts)?;
        app.sessions.find(app, &parts.headers).await?.map(Self).ok_or_else(over)
    }
}

/// What a route answers with.
struct Answer {
    body: Value,
    cookie: Option<HeaderValue>,
}

impl Answer {
    fn of(body: Value) -> Self {
        Self { body, cookie: None }
    }
}

/// Why a route refuses, and in how many seconds it might not.
struct Refusal {
    error: ApiError,
    retry_after: Option<u64>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let retry_after = (error.status == 429).then_some(5);
        Self { error, retry_after }
    }
}

impl From<tidegate_store::StoreError> for Refusal {
    fn from(error: tidegate_store::StoreError) -> Self {
        ApiError::from(error).into()
    }
}

/// The session is over, or there never was one.
fn over() -> ApiError {
    ApiError::unauthorized("You are not signed in, or your session is over. Sign in again.")
}

/// Carries a route out: measured, logged, answered.
async fn reply(
    app: &App,
    name: &'static str,
    work: impl Future<Output = Result<Answer, Refusal>>,
) -> Response {
    let (started, request_id) = (Instant::now(), Uuid::new_v4());
    let result = work.await;
    let status = result.as_ref().map_or_else(|refusal| refusal.error.status, |_| 200);
    app.metrics.request(name, status, started.elapsed());
    match &result {
        Ok(_) => tracing::debug!(%request_id, operation = name, status, "Answered."),
        Err(Refusal { error, .. }) => {
            tracing::info!(%request_id, operation = name, status, error = error.name, message = error.message, "Refused.");
        }
    }
    respond(&request_id, result)
}

fn respond(request_id: &Uuid, result: Result<Answer, Refusal>) -> Response {
    let mut more =
        HeaderMap::from_iter([(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))]);
    let result = match result {
        Ok(Answer { body, cookie }) => {
            more.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            Ok(body)
        }
        Err(Refusal { error, retry_after }) => {
            more.extend(retry_after.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
            Err(error)
        }
    };
    let mut response = exchange::respond(request_id, result);
    response.headers_mut().extend(more);
    response
}

/// Reads the body of a route that takes nothing: empty, or an object without members.
async fn read_nothing(body: Body) -> Result<(), ApiError> {
    let bytes = exchange::read_body(body, MAX_BODY).await?;
    let is_nothing = bytes.is_empty()
        || serde_json::from_slice::<Value>(&bytes)
            .is_ok_and(|value| value.as_object().is_some_and(serde_json::Map::is_empty));
    if is_nothing {
        return Ok(());
    }
    Err(ApiError::new(ErrorKind::Serialization, "This request takes no input: its body must be {} or empty."))
}

/// Reads a JSON body. serde's own text could quote a password, so it is not told.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let bytes = exchange::read_body(body, MAX_BODY).await?;
    serde_json::from_slice(&bytes).map_err(|_| {
        ApiError::new(
            ErrorKind::Serialization,
            "The request's body is not JSON, or a member is missing or has the wrong type.",
        )
    })
}

/// Where a request comes from, as far as TCP tells.
fn peer(request: &Request) -> IpAddr {
    request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}
