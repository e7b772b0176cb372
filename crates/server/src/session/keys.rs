//! The access keys that a session is lent: for minutes, and of no use without
//! the session's cookie.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use super::{Answer, Signed, over, read_nothing, reply};
use crate::app::App;
use crate::convert::{now_ms, timestamp};

/// How long a key lives, in milliseconds.
const LIFE_MS: i64 = 15 * 60 * 1000;

/// `POST /session/keys`. It counts as a use of the session: the console asks
/// for new keys only while somebody is there.
pub async fn lend(State(app): State<Arc<App>>, request: Request) -> Response {
    reply(&app, "LendSessionKeys", async {
        let (parts, body) = request.into_parts();
        let signed = Signed::of(&app, &parts).await?;
        read_nothing(body).await?;
        app.sessions.used(&app, &signed.0).await?;
        let expires_at_ms = now_ms().saturating_add(LIFE_MS).min(signed.ends_at_ms());
        let (lent, gone) = app.keys.lend(signed.id(), expires_at_ms).await?.ok_or_else(over)?;
        app.forget(&gone);
        Ok(Answer::of(json!({
            "accessKeyId": lent.id,
            "secretAccessKey": lent.secret.expose(),
            "sessionToken": lent.token.expose(),
            "expiration": timestamp(expires_at_ms).to_string(),
            "region": app.scope.region,
            "accountId": app.scope.account,
            "userName": signed.user_name(),
            "signIn": if signed.by_password() { "password" } else { "oidc" },
            "idleMinutes": app.sessions.settings.idle.as_secs_f64() / 60.0,
        })))
    })
    .await
}
