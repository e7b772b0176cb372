//! The console's files over HTTP: content negotiation, caching, and the headers that keep pages safe.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tidegate_console::Asset;
use tidegate_wire::{ErrorKind, match_route};

use super::pipeline;
use crate::app::App;

/// What a page may load and do: its own files and its own server, no inline script, no inline style, no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' \
                      data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every answer here. The opener policy lets the console open a pop-up at an authorization server.
const SAFETY: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin-allow-popups"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// For files whose name changes with their content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// For all others: keep it, but ask each time.
const ASK: &str = "no-cache";

/// The page of a path that is nobody's, for a person who looks at it.
const NOTHING: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" \
                       content=\"light dark\">\n<title>Tidegate: not found</title>\n<h1>There is nothing here</h1>\n\
                       <p>The console is at the root of this server, and its pages lie behind a <code>#</code> there.</p>\n\
                       </html>\n";

/// How a file's content is written in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

/// Answers what no route is for: a file of the console, or else an operation of the API.
pub async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    if let Some(response) = answer(&parts) {
        app.metrics.request("Console", response.status().as_u16(), started.elapsed());
        return response;
    }
    pipeline::handle(State(app), Request::from_parts(parts, body)).await
}

/// The answer, if the request is for a file, or by a person for nothing at all.
fn answer(parts: &Parts) -> Option<Response> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return None;
    }
    let path = parts.uri.path();
    let mut response = match tidegate_console::find(path) {
        Some(asset) => file(asset, &parts.headers),
        None if match_route(parts.method.as_str(), path).is_none() && is_for_a_person(&parts.headers) => {
            nothing()
        }
        None => return None,
    };
    for (name, value) in SAFETY {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if parts.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    Some(response)
}

fn file(asset: &'static Asset, request: &HeaderMap) -> Response {
    let encoding = choose(asset, request);
    let etag = tag(asset, encoding);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(if asset.immutable { FOREVER } else { ASK }));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let has_it = is_known(request, &etag);
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let (name, content) = match encoding {
        Encoding::Brotli => (Some("br"), Bytes::from_static(asset.brotli.unwrap_or_default())),
        Encoding::Gzip => (Some("gzip"), Bytes::from_static(asset.gzip.unwrap_or_default())),
        Encoding::Identity => (None, plain(asset)),
    };
    if let Some(name) = name {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
    *response.body_mut() = Body::from(content);
    response
}

/// The best encoding that the client takes and the file has. Plain is always at hand.
fn choose(asset: &Asset, request: &HeaderMap) -> Encoding {
    if asset.brotli.is_some() && accepts(request, "br") {
        Encoding::Brotli
    } else if asset.gzip.is_some() && accepts(request, "gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// Whether `Accept-Encoding` names a coding, and not only to refuse it.
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    items(request, header::ACCEPT_ENCODING).any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight =
            parameters.trim().strip_prefix("q=").map_or(Ok(1.0), |weight| weight.trim().parse::<f32>());
        name.trim().eq_ignore_ascii_case(coding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// The tag of a file in one encoding: caches must not mix them up.
fn tag(asset: &Asset, encoding: Encoding) -> Cow<'static, str> {
    let suffix = match encoding {
        Encoding::Brotli => "br",
        Encoding::Gzip => "gz",
        Encoding::Identity => return Cow::Borrowed(asset.etag),
    };
    Cow::Owned(format!("{}-{suffix}\"", asset.etag.trim_end_matches('"')))
}

fn is_known(request: &HeaderMap, etag: &str) -> bool {
    items(request, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

/// The parts between commas of all headers of a name.
fn items(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
}

/// The content as it is. Clients that take no compression are rare, so it is made when it is asked for.
fn plain(asset: &Asset) -> Bytes {
    if let Some(plain) = asset.plain {
        return Bytes::from_static(plain);
    }
    let mut content = Vec::new();
    if let Err(error) = GzDecoder::new(asset.gzip.unwrap_or_default()).read_to_end(&mut content) {
        tracing::error!(%error, path = asset.path, "An embedded file cannot be decompressed.");
    }
    content.into()
}

fn is_for_a_person(headers: &HeaderMap) -> bool {
    items(headers, header::ACCEPT)
        .any(|item| item.split(';').next().is_some_and(|kind| kind.trim() == "text/html"))
}

fn nothing() -> Response {
    let mut response = Response::new(Body::from(NOTHING));
    *response.status_mut() = StatusCode::NOT_FOUND;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-amzn-errortype"), ErrorKind::UnknownOperation.name()),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Asset = Asset {
        path: "/assets/a-1.js",
        content_type: "text/javascript; charset=utf-8",
        etag: "\"0123456789abcdef\"",
        immutable: true,
        plain: None,
        brotli: Some(b"b"),
        gzip: Some(b"g"),
    };

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_client_says_which_encodings_it_takes() {
        let plain = Asset { brotli: None, gzip: None, plain: Some(b"p"), ..BOTH };
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("GZIP;q=0.5, deflate", Encoding::Gzip),
            ("br;q=0, gzip", Encoding::Gzip),
            ("br; q=0.0, gzip; q=0", Encoding::Identity),
            ("brotli, x-gzip", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            assert_eq!(choose(&BOTH, &headers(header::ACCEPT_ENCODING, accepted)), expected, "{accepted}");
            assert_eq!(choose(&plain, &headers(header::ACCEPT_ENCODING, accepted)), Encoding::Identity);
        }
    }

    #[test]
    fn each_encoding_has_a_tag_of_its_own_and_is_known_by_it() {
        let tags =
            [Encoding::Brotli, Encoding::Gzip, Encoding::Identity].map(|encoding| tag(&BOTH, encoding));
        assert_eq!(tags, ["\"0123456789abcdef-br\"", "\"0123456789abcdef-gz\"", "\"0123456789abcdef\""]);
        for (sent, expected) in [
            ("\"0123456789abcdef-br\"", true),
            ("\"x\", W/\"0123456789abcdef-br\"", true),
            ("*", true),
            ("\"0123456789abcdef\"", false),
            ("0123456789abcdef-br", false),
        ] {
            assert_eq!(is_known(&headers(header::IF_NONE_MATCH, sent), &tags[0]), expected, "{sent}");
        }
    }

    #[test]
    fn only_reading_a_file_and_a_person_who_is_lost_are_answered_here() {
        let asked = |method: &str, path: &str, accept: &str| {
            let request = http::Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
            answer(&request.body(()).expect("a request").into_parts().0)
                .map(|response| response.status().as_u16())
        };
        assert_eq!(asked("GET", "/", "*/*"), Some(200));
        assert_eq!(asked("HEAD", "/oauth/callback?code=1&state=2", "*/*"), Some(200));
        assert_eq!(asked("POST", "/", "text/html"), None);
        assert_eq!(asked("GET", "/nothing", "text/html, */*;q=0.1"), Some(404));
        assert_eq!(asked("GET", "/nothing", "*/*"), None);
        assert_eq!(asked("GET", "/tags/arn", "text/html"), None);
        for path in ["/assets/../", "/%2e%2e/", "//", "/index.html/"] {
            assert_eq!(asked("GET", path, "*/*"), None, "{path}");
        }
    }
}
