//! The URL that clients know the server by: what they sign, and what leads back to it.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::uri::PathAndQuery;
use http::{Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;
use serde::Deserialize;
use thiserror::Error;
use tidegate_wire::match_route;

/// First segments of the server's own paths. A prefix that began with one could not be told from
/// a request whose prefix a proxy has taken off.
const TAKEN: [&str; 8] = ["assets", "healthz", "metrics", "oauth", "readyz", "session", "tags", "x"];

/// What AWS's clients encode in a part of a path: everything but the unreserved of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `--public-url`: scheme, host, port, and the path that everything lies under.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    secure: bool,
    authority: String,
    prefix: String,
}

/// The URI of a request before the prefix was taken off: a client or a proxy has sent it.
#[derive(Clone, Debug)]
pub struct CameAs(pub Uri);

/// Why a text is no public URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublicUrlError {
    /// Not an absolute URL of `http` or `https`.
    #[error(
        "the public URL must look like https://appflow.example.com or https://example.com/appflow, not '{0}'"
    )]
    NoUrl(String),
    /// A part that no client would sign.
    #[error("the public URL must not have {0}: give scheme, host, port and path alone")]
    TooMuch(&'static str),
    /// In the clear over a network.
    #[error(
        "the public URL must begin with https://, because {0} is not this machine and browsers keep the console's \
         session for https only"
    )]
    PlainHttp(String),
    /// A path that clients and proxies write in several ways.
    #[error(
        "the path of the public URL must be made of letters, digits, '-', '.', '_' and '~' between single slashes, \
         not '{0}'"
    )]
    Prefix(String),
    /// A path that leads to another one.
    #[error(
        "the path of the public URL must not have '.' or '..' between its slashes, but it is '{0}': write the path that \
         it leads to"
    )]
    Dots(String),
    /// A path of the server's own.
    #[error(
        "the path of the public URL must not begin with /{0}, which is the server's own; take another, such as /appflow"
    )]
    Taken(String),
}

impl PublicUrl {
    /// Whether clients come by TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host, and port unless it is the scheme's own: what a client puts into `Host`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path that everything lies under, such as `/appflow`, without a slash at its end; empty if there is none.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The origin, as a browser sends it in `Origin`.
    pub fn origin(&self) -> String {
        let scheme = if self.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// The URL of something below it: `path` has no slash at its begin. The empty path is the console.
    pub fn join(&self, path: &str) -> String {
        format!("{}{}/{path}", self.origin(), self.prefix)
    }

    /// The path without the prefix, if it lies under it. `/appflow` alone lies beside it.
    pub fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.prefix.is_empty() {
            return None;
        }
        path.strip_prefix(self.prefix.as_str()).filter(|rest| rest.starts_with('/'))
    }

    /// The URI without the prefix, if it lies under it.
    pub fn strip_uri(&self, uri: &Uri) -> Option<Uri> {
        self.strip(uri.path())?;
        let rest = uri.path_and_query()?.as_str().get(self.prefix.len()..)?;
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// The paths that a client may have signed for a request that has come with `path`, which has no prefix any more.
    ///
    /// The first is the prefix and what came. The second is there because some proxies decode the path that they pass
    /// on: where it carries a value, such as an ARN, the value is written once more as AWS's clients write it. Both name
    /// the same operation with the same input.
    pub fn signed_paths(&self, method: &Method, path: &str) -> Vec<String> {
        let mut paths = vec![format!("{}{path}", self.prefix)];
        let carried = match_route(method.as_str(), path).and_then(|found| found.path_params.first().copied());
        if let Some((_, raw)) = carried
            && let Ok(value) = percent_decode_str(raw).decode_utf8()
            && let Some(before) = path.strip_suffix(raw)
        {
            let written: Cow<'_, str> = utf8_percent_encode(&value, ENCODED).into();
            if written != raw {
                paths.push(format!("{}{before}{written}", self.prefix));
            }
        }
        paths
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join(""))
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = PublicUrlError;

    fn try_from(text: String) -> Result<Self, PublicUrlError> {
        text.parse()
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let no_url = || PublicUrlError::NoUrl(text.to_owned());
        let url = Url::parse(text.trim()).map_err(|_| no_url())?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(no_url()),
        };
        let host = url.host_str().ok_or_else(no_url)?;
        for (there, what) in [
            (!url.username().is_empty() || url.password().is_some(), "a user or a password"),
            (url.query().is_some(), "a query"),
            (url.fragment().is_some(), "a fragment"),
        ] {
            if there {
                return Err(PublicUrlError::TooMuch(what));
            }
        }
        if !secure && !is_loopback(host) {
            return Err(PublicUrlError::PlainHttp(host.to_owned()));
        }
        if let Some(path) = dotted(text) {
            return Err(PublicUrlError::Dots(path));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { secure, authority, prefix: prefix(url.path())? })
    }
}

/// The path of a URL as it is written, if a parser would shorten it: with `.` or
/// `..` between slashes, written in any way that browsers take for those.
fn dotted(url: &str) -> Option<String> {
    let url: String = url.trim().chars().filter(|letter| !letter.is_control()).collect();
    let rest = url.split_once(':').map_or("", |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let path = &rest[rest.find(['/', '\\'])?..];
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let is_dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    path.split(['/', '\\']).any(is_dots).then(|| path.to_owned())
}

/// The path as it is kept: without a slash at its end.
fn prefix(path: &str) -> Result<String, PublicUrlError> {
    let prefix = path.strip_suffix('/').unwrap_or(path);
    let Some(rest) = prefix.strip_prefix('/') else { return Ok(String::new()) };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !rest.split('/').all(|segment| !segment.is_empty() && segment.bytes().all(plain)) {
        return Err(PublicUrlError::Prefix(path.to_owned()));
    }
    let first = rest.split('/').next().unwrap_or_default();
    let is_operation = tidegate_wire::Operation::ALL.iter().any(|operation| operation.uri()[1..] == *first);
    if is_operation || TAKEN.contains(&first) {
        return Err(PublicUrlError::Taken(first.to_owned()));
    }
    Ok(prefix.to_owned())
}

/// Whether a host of a URL is this machine, as browsers see it.
fn is_loopback(host: &str) -> bool {
    is_this_machine(host) || host.ends_with(".localhost")
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a URL keeps what is sent to it from others: by TLS, or because it does not leave this machine.
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && url.host_str().is_some_and(is_this_machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PublicUrl {
        text.parse().expect(text)
    }

    #[test]
    fn what_a_public_url_says_is_kept_in_one_form() {
        for (text, origin, prefix) in [
            ("https://Example.com", "https://example.com", ""),
            ("https://example.com:443/", "https://example.com", ""),
            (" https://example.com:8443/some/prefix/ ", "https://example.com:8443", "/some/prefix"),
            ("http://localhost:8080/a", "http://localhost:8080", "/a"),
            ("http://127.0.0.2:80", "http://127.0.0.2", ""),
            ("http://[::1]:8080", "http://[::1]:8080", ""),
            ("https://a..example.com/..a/b.", "https://a..example.com", "/..a/b."),
            ("http://x.localhost/v1.0~", "http://x.localhost", "/v1.0~"),
        ] {
            let url = url(text);
            assert_eq!((url.origin().as_str(), url.prefix()), (origin, prefix), "{text}");
            assert_eq!(url.to_string(), format!("{origin}{prefix}/"));
            assert_eq!(url.is_secure(), origin.starts_with("https"));
            assert!(origin.ends_with(url.authority()));
        }
    }

    #[test]
    fn what_nobody_could_sign_is_refused_with_the_way_out() {
        for (text, told) in [
            ("", "must look like"),
            ("example.com", "must look like"),
            ("ftp://example.com", "must look like"),
            ("https://", "must look like"),
            ("https://user@example.com", "a user"),
            ("https://:secret@example.com", "a password"),
            ("https://example.com/?a=b", "a query"),
            ("https://example.com/#a", "a fragment"),
            ("http://example.com", "https://"),
            ("http://192.0.2.1", "https://"),
            ("https://example.com/a//b", "single slashes"),
            ("https://example.com/a%2fb", "single slashes"),
            ("https://example.com/a b", "single slashes"),
            ("https://example.com/a//", "single slashes"),
            ("https://example.com/a/../b", "leads to"),
            ("https://example.com/./a", "leads to"),
            ("https://example.com/a/..", "leads to"),
            ("https:\\\\example.com\\a\\.\t.\\b", "leads to"),
            ("https://example.com/a/%2E./b", "leads to"),
            ("https://example.com/x", "begin with /x"),
            ("https://example.com/tags/a", "begin with /tags"),
            ("https://example.com/list-flows", "begin with /list-flows"),
            ("https://example.com/session", "begin with /session"),
        ] {
            let error = text.parse::<PublicUrl>().expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_prefix_is_taken_off_whole_or_not_at_all() {
        let url = url("https://example.com/some/prefix");
        for (path, rest) in [
            ("/some/prefix/list-flows", Some("/list-flows")),
            ("/some/prefix/", Some("/")),
            ("/some/prefix", None),
            ("/some/prefixes/list-flows", None),
            ("/some/list-flows", None),
            ("/list-flows", None),
        ] {
            assert_eq!(url.strip(path), rest, "{path}");
        }
        let stripped = url.strip_uri(&Uri::from_static("/some/prefix/tags/a%2Fb?tagKeys=%2B"));
        assert_eq!(stripped, Some(Uri::from_static("/tags/a%2Fb?tagKeys=%2B")));
        let whole = url.strip_uri(&Uri::from_static("https://h:1/some/prefix/?a"));
        assert_eq!(whole, Some(Uri::from_static("https://h:1/?a")));
        assert_eq!(self::url("https://example.com").strip("/list-flows"), None);
    }

    #[test]
    fn a_value_in_the_path_may_have_been_decoded_on_the_way() {
        let url = url("https://example.com/p");
        for (method, path, signed) in [
            (Method::POST, "/list-flows", &["/p/list-flows"][..]),
            (Method::POST, "/nothing/a:b", &["/p/nothing/a:b"]),
            (Method::GET, "/tags/arn%3Aaws", &["/p/tags/arn%3Aaws"]),
            (
                Method::GET,
                "/tags/arn:aws:a/b!@%23+=",
                &["/p/tags/arn:aws:a/b!@%23+=", "/p/tags/arn%3Aaws%3Aa%2Fb%21%40%23%2B%3D"],
            ),
            (Method::GET, "/tags/%ff", &["/p/tags/%ff"]),
        ] {
            assert_eq!(url.signed_paths(&method, path), signed, "{path}");
        }
    }

    #[test]
    fn http_is_for_this_machine_alone() {
        let safe = |url: &str| is_safe(&Url::parse(url).expect(url));
        for good in ["https://example.com", "http://localhost:1", "http://127.0.0.2/x", "http://[::1]:9/"] {
            assert!(safe(good), "{good}");
        }
        for bad in
            ["http://example.com", "http://localhost.example.com", "http://10.0.0.1", "ftp://localhost"]
        {
            assert!(!safe(bad), "{bad}");
        }
    }
}
