//! Only the console's own page may change anything with a session's cookie.
//!
//! `SameSite=Strict` keeps the cookie from other sites' requests already; this
//! check stands for itself: it also refuses pages of sibling hosts, forms, and
//! requests that say nothing of where they come from.

use http::request::Parts;
use http::{HeaderMap, header};
use tidegate_wire::ErrorKind;

use super::SessionSettings;
use crate::app::App;
use crate::error::ApiError;
use crate::http::PublicUrl;

/// Where the console is, as a request's browser sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Scheme, host and port.
    pub origin: String,
    /// The path before every route, empty at the root.
    pub prefix: String,
}

/// Refuses a request that another site's page could have made.
///
/// # Errors
/// `AccessDeniedException`, with what is missing.
pub fn check(app: &App, parts: &Parts) -> Result<(), ApiError> {
    if parts.method.is_safe() {
        return Ok(());
    }
    let content = text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or("");
    let content = content.split(';').next().unwrap_or("").trim();
    if !content.eq_ignore_ascii_case("application/json") {
        return Err(denied("The request's Content-Type must be application/json."));
    }
    let site = text(&parts.headers, "sec-fetch-site");
    let origin = text(&parts.headers, header::ORIGIN.as_str());
    if site.is_some_and(|site| site != "same-origin") {
        return Err(denied("The request comes from another site's page."));
    }
    match origin {
        Some(origin) if of(app, parts).iter().any(|own| own.origin.eq_ignore_ascii_case(origin)) => Ok(()),
        Some(_) => Err(denied(
            "The request's Origin is not this server's. If a proxy in front changes the host, it must pass Host on \
             unchanged.",
        )),
        None if site.is_some() => Ok(()),
        None => Err(denied("The request must say where it comes from, with the header Origin.")),
    }
}

/// Where the console is for this request.
pub fn place(app: &App, parts: &Parts) -> Place {
    let places = of(app, parts);
    let origin = text(&parts.headers, header::ORIGIN.as_str());
    let named =
        places.iter().position(|place| origin.is_some_and(|it| place.origin.eq_ignore_ascii_case(it)));
    places
        .into_iter()
        .nth(named.unwrap_or(0))
        .unwrap_or(Place { origin: String::new(), prefix: String::new() })
}

fn of(app: &App, parts: &Parts) -> Vec<Place> {
    own(app.public_url.as_ref(), app.sessions.settings, parts)
}

/// The places where the console may be, the likeliest first.
fn own(public: Option<&PublicUrl>, settings: SessionSettings, parts: &Parts) -> Vec<Place> {
    let host = parts.uri.authority().map_or_else(
        || text(&parts.headers, header::HOST.as_str()).unwrap_or("").to_owned(),
        |authority| authority.as_str().to_owned(),
    );
    // A proxy may end TLS; then the browser's scheme is not ours.
    let schemes: &[&str] = match settings {
        SessionSettings { tls: true, .. } => &["https"],
        SessionSettings { behind_tls_proxy: true, .. } => &["https", "http"],
        _ => &["http", "https"],
    };
    let at = |scheme: &&str| Place { origin: format!("{scheme}://{host}"), prefix: String::new() };
    let public =
        public.into_iter().map(|url| Place { origin: url.origin(), prefix: url.prefix().to_owned() });
    public.chain(schemes.iter().map(at)).collect()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or(""))
}

fn denied(message: &str) -> ApiError {
    ApiError::new(ErrorKind::AccessDenied, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_scheme_is_that_of_whoever_ends_tls_and_the_public_url_comes_first() {
        let parts = http::Request::get("/").header("host", "h:1").body(()).expect("a request").into_parts().0;
        let origins = |public: Option<&str>, tls, behind_tls_proxy| {
            let public: Option<PublicUrl> = public.map(|url| url.parse().expect(url));
            let settings = SessionSettings { idle: Duration::ZERO, tls, behind_tls_proxy };
            let places = own(public.as_ref(), settings, &parts);
            places.into_iter().map(|place| format!("{} {}", place.origin, place.prefix)).collect::<Vec<_>>()
        };
        assert_eq!(origins(None, false, false), ["http://h:1 ", "https://h:1 "]);
        assert_eq!(origins(None, false, true), ["https://h:1 ", "http://h:1 "]);
        assert_eq!(origins(None, true, false), ["https://h:1 "]);
        let public = Some("https://example.com/tide");
        assert_eq!(origins(public, true, false), ["https://example.com /tide", "https://h:1 "]);
    }
}
