//! Signing in with a password, changing it, signing out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tidegate_core::Secret;
use tidegate_store::{SignedInAs, StoreError, UserPassword};

use super::limiter::Attempt;
use super::{Answer, Refusal, Signed, cookie, oidc, origin, peer, read, read_nothing, reply};
use crate::app::App;
use crate::cli::VERSION;
use crate::error::ApiError;

/// `GET /session`: whether somebody is signed in, and how one can be.
pub async fn status(State(app): State<Arc<App>>, request: Request) -> Response {
    reply(&app, "DescribeSession", async {
        let (parts, _) = request.into_parts();
        let live = app.sessions.find(&app, &parts.headers).await?;
        let oidc = app.sessions.oidc.as_ref();
        let oidc = oidc.map(|oidc| json!({ "name": oidc.name(), "startPath": oidc::START }));
        let has_users = app.store.users(&app.scope.account).any().await?;
        let mut body = json!({
            "signedIn": live.is_some(),
            "signIn": { "password": true, "oidc": oidc },
            "hasUsers": has_users,
            "region": app.scope.region,
            "accountId": app.scope.account,
            "version": VERSION,
            "oauthRedirectPath": "oauth/callback",
        });
        if let Some(live) = live {
            body["userName"] = json!(live.user_name);
        }
        Ok(Answer::of(body))
    })
    .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    user_name: String,
    password: Secret<String>,
}

/// `POST /session/sign-in`
pub async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Response {
    reply(&app, "SignIn", async {
        let peer = peer(&request);
        let (parts, body) = request.into_parts();
        origin::check(&app, &parts)?;
        let SignIn { user_name, password } = read(body).await?;
        let checked = check_password(&app, &user_name, password, peer).await?;
        let (user, attempt) =
            checked.ok_or_else(|| ApiError::unauthorized("The user name or password is wrong."))?;
        let who = SignedInAs::Password { name: user.user.name, version: user.version };
        let cookie = app.sessions.begin(who, &origin::place(&app, &parts).prefix).await?;
        let cookie = cookie.ok_or_else(|| ApiError::unauthorized("The user name or password is wrong."))?;
        attempt.succeeded();
        // The session that the browser had before has no way back to it.
        if let Some(live) = app.sessions.find(&app, &parts.headers).await? {
            app.sessions.end(&app, &live).await?;
        }
        tracing::info!(user = user_name, %peer, "Signed in.");
        Ok(Answer { body: json!({ "userName": user_name }), cookie: Some(cookie) })
    })
    .await
}

/// `POST /session/sign-out`
pub async fn sign_out(State(app): State<Arc<App>>, request: Request) -> Response {
    reply(&app, "SignOut", async {
        let (parts, body) = request.into_parts();
        origin::check(&app, &parts)?;
        read_nothing(body).await?;
        if let Some(live) = app.sessions.find(&app, &parts.headers).await? {
            app.sessions.end(&app, &live).await?;
            tracing::info!(user = live.user_name, "Signed out.");
        }
        let cookie = cookie::clear(app.sessions.cookie_name, &origin::place(&app, &parts).prefix)?;
        Ok(Answer { body: json!({}), cookie: Some(cookie) })
    })
    .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangePassword {
    current_password: Secret<String>,
    new_password: Secret<String>,
}

/// `POST /session/password`
pub async fn change_password(State(app): State<Arc<App>>, request: Request) -> Response {
    reply(&app, "ChangePassword", async {
        let peer = peer(&request);
        let (parts, body) = request.into_parts();
        let signed = Signed::of(&app, &parts).await?;
        let ChangePassword { current_password, new_password } = read(body).await?;
        if !signed.by_password() {
            return Err(ApiError::validation(
                "Your password is kept by the identity provider that you signed in with. Change it there.",
            )
            .into());
        }
        super::password::check(&new_password)?;
        if new_password == current_password {
            return Err(ApiError::validation("The new password must differ from the current one.").into());
        }
        let name = signed.user_name();
        let wrong = || ApiError::validation("The current password is wrong.");
        let (user, attempt) = check_password(&app, name, current_password, peer).await?.ok_or_else(wrong)?;
        attempt.succeeded();
        let hash = app.sessions.passwords.hash(new_password).await?;
        let (account, own) = (app.scope.account.clone(), name.to_owned());
        let set = app.revoke(move |store| async move {
            store.users(&account).set_password(&own, hash, Some(user.version)).await
        });
        let gone = match set.await? {
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {
                return Err(super::over().into());
            }
            result => result?,
        };
        tracing::info!(
            user = name,
            sessions = gone.sessions.len(),
            "A password was changed; its sessions have ended."
        );
        let who = SignedInAs::Password { name: name.to_owned(), version: user.version.saturating_add(1) };
        let cookie = app.sessions.begin(who, &origin::place(&app, &parts).prefix).await?;
        Ok(Answer { body: json!({}), cookie })
    })
    .await
}

/// The user of a name and a password, if they belong together and the user may
/// sign in, and the attempt, which the caller decides. The answer takes as long
/// when there is no such user.
async fn check_password<'a>(
    app: &'a App,
    name: &str,
    password: Secret<String>,
    peer: std::net::IpAddr,
) -> Result<Option<(UserPassword, Attempt<'a>)>, Refusal> {
    let attempt = app.sessions.limiter.attempt(name, peer).await.map_err(|wait| {
        let seconds = wait.as_secs().saturating_add(1);
        Refusal {
            error: ApiError::too_many_requests(format!(
                "There were too many attempts to sign in with this name. Try again in {seconds} seconds."
            )),
            retry_after: Some(seconds),
        }
    })?;
    let user = app.store.users(&app.scope.account).find(name).await?;
    let hash = user.as_ref().map(|user| user.hash.clone());
    let right = app.sessions.passwords.verify(password, hash).await?;
    if let Some(user) = &user
        && !right
    {
        // A name that nobody has may be a password in the wrong field.
        tracing::warn!(user = user.user.name, %peer, "A wrong password was given.");
    }
    match user.filter(|user| right && user.user.enabled) {
        Some(user) => Ok(Some((user, attempt))),
        None => {
            attempt.failed(Instant::now());
            Ok(None)
        }
    }
}
