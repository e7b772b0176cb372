//! HTTP: the listener, the pipeline of one request, and the operator's pages.

mod console;
pub mod exchange;
mod listener;
mod pages;
mod pipeline;
mod public_url;
pub mod s3_listen;
pub mod sigv4;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use http::Method;
use tower::Service;

use crate::app::App;
use crate::session;

pub use listener::{Bound, Peer, TlsFiles};
pub use public_url::{PublicUrl, is_safe};

use public_url::CameAs;

/// Every route of the server: three pages for operators, the console's files and sessions, and
/// the API for everything else. All of it answers below the public URL's prefix, too.
pub fn router(app: Arc<App>) -> Router {
    let public_url = app.public_url.clone();
    let routes = Router::new()
        .route("/healthz", get(pages::healthz))
        .route("/readyz", get(pages::readyz))
        .route("/metrics", get(pages::metrics))
        .merge(session::routes())
        .fallback(console::handle)
        .with_state(app);
    match public_url {
        Some(url) if !url.prefix().is_empty() => below_prefix(url, routes),
        _ => routes,
    }
}

/// The same routes with and without the prefix, because some proxies take it off and some do not.
fn below_prefix(url: PublicUrl, routes: Router) -> Router {
    Router::new().fallback(move |mut request: Request| {
        let mut routes = routes.clone();
        let stripped = url.strip_uri(request.uri());
        let to_console = console_of(&url, &request);
        async move {
            if let Some(location) = to_console {
                return Redirect::permanent(&location).into_response();
            }
            if let Some(stripped) = stripped {
                let came_as = std::mem::replace(request.uri_mut(), stripped);
                request.extensions_mut().insert(CameAs(came_as));
            }
            routes.call(request).await.unwrap_or_else(|never| match never {})
        }
    })
}

/// Where the prefix alone leads: the page's relative addresses need the slash behind it.
fn console_of(url: &PublicUrl, request: &Request) -> Option<String> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    (reads && request.uri().path() == url.prefix()).then(|| format!("{}/{query}", url.prefix()))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::{Request, header};

    use super::*;

    #[tokio::test]
    async fn routes_answer_with_and_without_the_prefix_and_know_what_came() {
        let url: PublicUrl = "https://example.com/some/prefix".parse().expect("a URL");
        let told = |request: Request<Body>| async move {
            let came_as = request.extensions().get::<CameAs>().map(|came_as| came_as.0.to_string());
            format!("{} {}", request.uri(), came_as.unwrap_or_default())
        };
        let routes = Router::new().route("/healthz", get(|| async { "ok" })).fallback(told);
        let mut router = below_prefix(url, routes);
        for (asked, status, expected) in [
            ("/healthz", 200, "ok"),
            ("/some/prefix/healthz", 200, "ok"),
            ("/some/prefix/a%2Fb?c=%2B", 200, "/a%2Fb?c=%2B /some/prefix/a%2Fb?c=%2B"),
            ("/some/prefix/some/prefix/a", 200, "/some/prefix/a /some/prefix/some/prefix/a"),
            ("/some/prefixes", 200, "/some/prefixes "),
            ("/some/prefix?a=b", 308, "/some/prefix/?a=b"),
        ] {
            let request = Request::get(asked).body(Body::empty()).expect("a request");
            let answer = router.call(request).await.expect("an answer");
            assert_eq!(answer.status(), status, "{asked}");
            let text = match answer.headers().get(header::LOCATION) {
                Some(location) => location.to_str().expect("visible ASCII").to_owned(),
                None => String::from_utf8(to_bytes(answer.into_body(), 999).await.expect("a body").to_vec())
                    .expect("a text"),
            };
            assert_eq!(text, expected, "{asked}");
        }
    }
}
