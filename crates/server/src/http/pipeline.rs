//! One API request from its bytes to its answer: route, signature, validation, operation.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use serde_json::Value;
use tidegate_wire::{ErrorKind, Match, match_route, parse_body};
use uuid::Uuid;

use super::exchange;
use super::public_url::{CameAs, PublicUrl};
use super::sigv4::{self, Address, SignatureError, VerifyRequest};
use crate::app::App;
use crate::error::ApiError;
use crate::keys::AccessKeyEntry;
use crate::ops::{self, Caller, Extension};
use crate::session::Live;

/// The largest body that is read; a definition with its tasks is far smaller.
const MAX_BODY: usize = 1024 * 1024;

/// What a path asks for.
enum Target<'p> {
    Operation(Match<'p>),
    Extension(Extension),
}

impl<'p> Target<'p> {
    fn find(method: &Method, path: &'p str) -> Result<Self, ApiError> {
        if let Some(found) = match_route(method.as_str(), path) {
            return Ok(Self::Operation(found));
        }
        if let Some(found) = path.strip_prefix("/x/").and_then(Extension::parse)
            && method == Method::POST
        {
            return Ok(Self::Extension(found));
        }
        Err(ApiError::new(ErrorKind::UnknownOperation, format!("There is no operation at {method} {path}.")))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Operation(found) => found.operation.name(),
            Self::Extension(extension) => extension.name(),
        }
    }
}

/// Answers any request that is not for one of the operator's pages.
pub async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let request_id = Uuid::new_v4();
    let (parts, body) = request.into_parts();
    let (name, result) = match Target::find(&parts.method, parts.uri.path()) {
        Ok(target) => (target.name(), run(&app, target, &parts, body).await),
        Err(error) => ("Unknown", Err(error)),
    };
    let status = result.as_ref().map_or_else(|error| error.status, |_| 200);
    app.metrics.request(name, status, started.elapsed());
    match &result {
        // What changed something is worth a line; what only read is not.
        Ok(_) if name.starts_with("Describe") || name.starts_with("List") => {
            tracing::debug!(%request_id, operation = name, status, "Answered.");
        }
        Ok(_) => tracing::info!(%request_id, operation = name, status, "Done."),
        Err(error) => {
            tracing::info!(%request_id, operation = name, status, error = error.name, message = error.message, "Refused.");
        }
    }
    exchange::respond(&request_id, result)
}

async fn run(app: &Arc<App>, target: Target<'_>, parts: &Parts, body: Body) -> Result<Value, ApiError> {
    let body = read_body(app, parts, body).await?;
    let caller = authenticate(app, parts, &body).await?;
    match target {
        Target::Operation(found) => {
            let input = found.input(parts.uri.query().unwrap_or(""), parse_body(&body)?)?;
            let input = tidegate_wire::validate_input(found.operation, input)?;
            ops::dispatch(app, &caller, found.operation, input).await
        }
        Target::Extension(extension) => {
            let input = parse_body(&body)?;
            ops::dispatch_extension(app, &caller, extension, input).await
        }
    }
}

/// Reads the body of a request whose headers promise a valid signature: nobody
/// else can make the server wait for one, or keep one.
async fn read_body(app: &Arc<App>, parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    let stated = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(exchange::too_large(MAX_BODY));
    }
    let nothing = Bytes::new();
    let parsed = sigv4::parse(&signed_part(parts, &nothing, &[]), &app.scope.region)?;
    if find_key(app, parts, parsed.access_key_id()).await?.is_none() {
        return Err(SignatureError::UnrecognizedClient.into());
    }
    exchange::read_body(body, MAX_BODY).await
}

fn signed_part<'a>(parts: &'a Parts, body: &'a Bytes, also_known_as: &'a [Address<'a>]) -> VerifyRequest<'a> {
    // What lies under the public URL's prefix has lost it by now, but may have been signed with it.
    let uri = parts.extensions.get::<CameAs>().map_or(&parts.uri, |came_as| &came_as.0);
    VerifyRequest {
        method: parts.method.as_str(),
        raw_path: uri.path(),
        raw_query: uri.query().unwrap_or(""),
        authority: uri.authority().map(http::uri::Authority::as_str),
        also_known_as,
        headers: &parts.headers,
        body,
        now: jiff::Timestamp::now(),
    }
}

async fn authenticate(app: &Arc<App>, parts: &Parts, body: &Bytes) -> Result<Caller, ApiError> {
    let public = app.public_url.as_ref();
    let paths = public.map(|url| url.signed_paths(&parts.method, parts.uri.path())).unwrap_or_default();
    let authority = public.map_or("", PublicUrl::authority);
    let also: Vec<_> = paths.iter().map(|raw_path| Address { authority, raw_path }).collect();
    let parsed = sigv4::parse(&signed_part(parts, body, &also), &app.scope.region)?;
    let (key, session) = find_key(app, parts, parsed.access_key_id()).await?.unzip();
    let verified = parsed.verify(&app.keys.signing, key.as_deref().map(AccessKeyEntry::as_access_key))?;
    let session = session.flatten();
    if let Some(session) = &session {
        app.sessions.used(app, session).await?;
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let came_to = host.or(parts.uri.authority().map(http::uri::Authority::as_str)).map(str::to_owned);
    Ok(Caller {
        access_key_id: verified.access_key_id,
        root: key.is_some_and(|key| key.is_root()),
        session_id: session.as_ref().map(|session| session.id.clone()),
        user_name: session.map(|session| session.user_name.clone()),
        came_to,
    })
}

/// The key that a request names, if it is there and the request may use it:
/// one that is lent to a session needs the cookie of that very session.
async fn find_key(
    app: &Arc<App>,
    parts: &Parts,
    id: &str,
) -> Result<Option<(Arc<AccessKeyEntry>, Option<Arc<Live>>)>, ApiError> {
    let Some(key) = app.keys.find(id).await? else { return Ok(None) };
    let Some(session_id) = key.session_id() else { return Ok(Some((key, None))) };
    let session = app.sessions.find(app, &parts.headers).await?;
    let session = session.filter(|session| session.id == session_id);
    Ok(session.map(|session| (key, Some(session))))
}
