//! `POST /session/authorization`: what came back to the console's window from
//! the application that was asked for consent.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::{Answer, Signed, read, reply};
use crate::app::App;
use crate::error::ApiError;
use crate::ops::complete_authorization;

/// Takes it for the session that has begun the authorization. The window has
/// no access key, and needs none: the state is known to that session alone.
pub async fn complete(State(app): State<Arc<App>>, request: Request) -> Response {
    reply(&app, "CompleteConnectorAuthorization", async {
        let (parts, body) = request.into_parts();
        let signed = Signed::of(&app, &parts).await?;
        let input = read(body).await?;
        let completed = complete_authorization(&app, signed.id(), input)?;
        Ok(Answer::of(serde_json::to_value(completed).map_err(ApiError::internal)?))
    })
    .await
}
