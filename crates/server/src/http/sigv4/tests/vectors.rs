//! Published vectors for the canonical request and the key derivation, and
//! what the cache of derived keys promises.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Uri};

use super::{Canonical, SECRET, Scope, SigningKey, SigningKeyCache, host_of, sha256_hex, string_to_sign};

/// The signature of a request of AWS's published test suite (service
/// `service`, 2015-08-30T12:36:00Z).
fn vector(method: &str, path: &str, query: &str, headers: &[(&str, &str)]) -> String {
    let fixed = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
    let mut map = HeaderMap::new();
    for (name, value) in fixed.iter().chain(headers) {
        map.append(name.parse::<HeaderName>().expect("name"), value.parse().expect("value"));
    }
    let mut names: Vec<String> = map.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort_unstable();
    let canonical = Canonical {
        method,
        raw_path: path,
        raw_query: query,
        headers: &map,
        authority: None,
        host: None,
        signed_headers: &names,
        payload_hash: &sha256_hex(b""),
    };
    let canonical = canonical.request().expect("all headers are there");
    let scope = Scope { date: "20150830", region: "us-east-1", service: "service" };
    let text = string_to_sign("20150830T123600Z", &scope.to_string(), &canonical);
    SigningKey::derive(SECRET, &scope).sign(&text)
}

#[test]
#[rustfmt::skip]
fn published_vectors() {
    const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let order = [("my-header1", "value4"), ("my-header1", "value1"), ("my-header1", "value3"), ("my-header1", "value2")];
    let trim = [("my-header1", " value1"), ("my-header2", r#" "a   b   c""#)];
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let table: &[Row<'_>] = &[
        ("GET", "/", "", &[], VANILLA),
        ("GET", "/./", "", &[], VANILLA),
        ("GET", "//", "", &[], VANILLA),
        ("GET", "/example/..", "", &[], VANILLA),
        ("GET", "/example1/example2/../..", "", &[], VANILLA),
        ("POST", "/", "", &[], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/", "Param2=value2&Param1=value1", &[], "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", "/", "Param1=value2&Param1=Value1", &[], "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"),
        ("GET", "/\u{1234}", "", &[], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", "/example space/", "", &[], "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("GET", "/", "", &trim, "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("GET", "/", "", &order, "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
        ("POST", "/", "", &[("my-header1", "VALUE1")], "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
    ];
    for (method, path, query, headers, signature) in table {
        assert_eq!(vector(method, path, query, headers), *signature, "{method} {path}?{query}");
    }
}

/// The canonical path and query of an address, as text.
fn canonical_address(path: &str, query: &str) -> String {
    let headers = HeaderMap::new();
    let canonical = Canonical {
        method: "GET",
        raw_path: path,
        raw_query: query,
        headers: &headers,
        authority: None,
        host: None,
        signed_headers: &[],
        payload_hash: "",
    };
    let text = String::from_utf8(canonical.request().expect("no headers")).expect("ASCII");
    text.lines().skip(1).take(2).collect::<Vec<_>>().join("?")
}

#[test]
fn canonical_addresses() {
    for (path, query, expect) in [
        // What is encoded on the wire is encoded once more, what is not, once.
        ("/tags/arn%3Aaws%3Aflow%2Fa", "", "/tags/arn%253Aaws%253Aflow%252Fa?"),
        ("/tags/arn:aws:flow%2Fa", "", "/tags/arn%3Aaws%3Aflow%252Fa?"),
        ("", "", "/?"),
        ("/a//b/./c/../", "", "/a/b/?"),
        ("/a/.", "", "/a/?"),
        ("/../..", "", "/?"),
        ("/a", "b&a", "/a?a=&b="),
        // Names are sorted as they are encoded: `-` (2D) comes before `=`.
        ("/a", "a-b=1&a=2&a=1", "/a?a=1&a=2&a-b=1"),
        ("/a", "k=%3a+%7E&k=%zz%&&", "/a?k=%25zz%25&k=%3A%20~"),
        ("/a", "tagKeys=a=b", "/a?tagKeys=a%3Db"),
        ("/a", "k=%ff%fe", "/a?k=%FF%FE"),
    ] {
        assert_eq!(canonical_address(path, query), expect, "{path}?{query}");
    }
}

#[test]
fn hosts_are_written_as_clients_send_them() {
    for (uri, expect) in [
        ("http://localhost:8080/a", Some("localhost:8080")),
        ("http://localhost:80/a", Some("localhost")),
        ("https://localhost:443/a", Some("localhost")),
        ("https://localhost:80/a", Some("localhost:80")),
        ("http://[::1]:8080/a", Some("[::1]:8080")),
        ("http://me:secret@localhost/a", Some("localhost")),
        ("/a", None),
    ] {
        assert_eq!(host_of(&Uri::from_static(uri)), expect, "{uri}");
    }
}

#[test]
fn a_kept_key_answers_only_for_what_it_was_derived_from() {
    let scope = Scope { date: "20261124", region: "us-east-1", service: "appflow" };
    let cache = SigningKeyCache::new();
    let put = |scope: &Scope<'_>| {
        cache.put("AKID", SECRET, scope, Arc::new(SigningKey::derive(SECRET, scope)));
    };
    put(&scope);
    assert!(cache.get("AKID", SECRET, &scope).is_some());
    assert!(cache.get("AKID", "another secret", &scope).is_none());
    assert!(cache.get("AKIE", SECRET, &scope).is_none());
    for other in [
        Scope { date: "20261125", ..scope },
        Scope { region: "eu-west-1", ..scope },
        Scope { service: "s3", ..scope },
    ] {
        assert!(cache.get("AKID", SECRET, &other).is_none());
    }

    // Two days are kept, the older one goes first; the same day twice is one.
    put(&scope);
    assert_eq!(cache.len(), 1);
    put(&Scope { date: "20261125", ..scope });
    put(&Scope { date: "20261126", ..scope });
    assert_eq!(cache.len(), 2);
    assert!(cache.get("AKID", SECRET, &scope).is_none());

    cache.put("AKIE", SECRET, &scope, Arc::new(SigningKey::derive(SECRET, &scope)));
    cache.forget("AKID");
    assert_eq!(cache.len(), 1);
    assert!(cache.get("AKIE", SECRET, &scope).is_some());
}
