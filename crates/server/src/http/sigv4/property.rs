//! Whatever AWS's own signer signs is accepted; changed in one place, refused.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{
    AccessKey, SERVICE, Session, SignRequest, SignatureError, SigningKeyCache, VerifyRequest, parse, sign,
};

const REGION: &str = "eu-west-3";
const KEY_ID: &str = "AKIDPROPERTY";
const SECRET: &str = "a/secret+with=every kind";
const NOW: i64 = 1_795_478_400;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Payload {
    Implicit,
    Stated,
    Unsigned,
}

#[derive(Clone, Debug)]
struct Case {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    token: Option<String>,
    payload: Payload,
    /// Seconds that the client's clock is ahead.
    ahead: i64,
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// One name, value or segment: plain, encoded, or of characters that may stand
/// there as they are.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._~-]{1,8}",
        "\\PC{0,5}".prop_map(|text| encoded(&text)),
        "[:@!$'()*,;a-c]{1,6}",
        select(vec!["%c3%a9", "é", "arn%3Aaws%3Aappflow%3Aeu-west-3%3A000000000000%3Aflow%2Fa"])
            .prop_map(String::from),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let odd = select(vec!["", ".", "..", "a+b", "a&b=c", "arn:aws:appflow:eu-west-3:0:flow", "100%"]);
    let segment = prop_oneof![3 => part(), 1 => odd.prop_map(String::from)];
    prop::collection::vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let odd = select(vec!["", "a+b", "%zz", "100%", "a=b", "+", "/?", "%2b"]).prop_map(String::from);
    let piece = prop_oneof![3 => part(), 1 => odd].boxed();
    let pair = (piece.clone(), prop::option::of(piece)).prop_map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    });
    prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let known = select(vec!["content-type", "accept", "x-amz-user-agent", "amz-sdk-request"]);
    let name = prop_oneof![known.prop_map(String::from), "x-amz-meta-[a-z]{1,3}", "my-[a-z]{1,4}"];
    prop::collection::vec((name, "[ -~]{0,16}"), 0..6)
}

fn case() -> impl Strategy<Value = Case> {
    (
        select(vec!["GET", "POST", "DELETE", "PUT"]),
        path(),
        query(),
        headers(),
        prop::collection::vec(any::<u8>(), 0..64),
        prop::option::of("[a-zA-Z0-9/+=]{1,40}"),
        select(vec![Payload::Implicit, Payload::Stated, Payload::Unsigned]),
        -300i64..=300,
    )
        .prop_map(|(method, path, query, headers, body, token, payload, ahead)| Case {
            method,
            path,
            query,
            headers,
            body,
            token,
            payload,
            ahead,
        })
}

impl Case {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).expect("a date of this century")
    }

    fn uri(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("http://tidegate.test:8080{}{mark}{}", self.path, self.query)
    }

    fn own_headers(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a header name");
            map.append(name, value.parse().expect("a header value"));
        }
        map
    }

    fn time(&self) -> SystemTime {
        (self.now() + SignedDuration::from_secs(self.ahead)).into()
    }

    /// The request's headers after AWS's signer has added its own.
    fn signed_by_aws(&self) -> HeaderMap {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Double;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
        if self.payload != Payload::Implicit {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = Credentials::new(KEY_ID, SECRET, self.token.clone(), None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(SERVICE)
            .time(self.time())
            .settings(settings)
            .build()
            .expect("all parameters are set")
            .into();
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = match self.payload {
            Payload::Unsigned => SignableBody::UnsignedPayload,
            _ => SignableBody::Bytes(&self.body),
        };
        let signable = SignableRequest::new(self.method, self.uri(), headers, body)
            .expect("a request that can be signed");
        let (instructions, _) =
            aws_sigv4::http_request::sign(signable, &params).expect("a signature").into_parts();
        let mut request = Request::new(());
        *request.headers_mut() = self.own_headers();
        instructions.apply_to_request_http1x(&mut request);
        let mut headers = std::mem::take(request.headers_mut());
        headers.insert("host", HeaderValue::from_static("tidegate.test:8080"));
        headers.insert("user-agent", HeaderValue::from_static("changed/by proxies"));
        headers
    }

    fn verify(&self, headers: &HeaderMap, secret: &str) -> Result<(), SignatureError> {
        let uri: Uri = self.uri().parse().expect("an address");
        let request = VerifyRequest {
            method: self.method,
            raw_path: uri.path(),
            raw_query: uri.query().unwrap_or_default(),
            authority: None,
            headers,
            body: &self.body,
            now: self.now(),
        };
        let parsed = parse(&request, REGION)?;
        let expires_at = self.now() + SignedDuration::from_secs(1);
        let session = self.token.as_deref().map(|token| Session { token, expires_at });
        let key = (parsed.access_key_id() == KEY_ID).then_some(AccessKey { secret, session });
        let cache = SigningKeyCache::new();
        let first = parsed.verify(&cache, key);
        // The second time the key comes from the cache, with the same result.
        assert_eq!(first, parsed.verify(&cache, key));
        assert_eq!(cache.len(), usize::from(first.is_ok()));
        first.map(|_| ())
    }
}

/// Replaces one character by a letter that differs from it.
fn change_character(text: &str, at: Index) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at.index(characters.len());
    characters[at] = if characters[at] == 'q' { 'r' } else { 'q' };
    characters.into_iter().collect()
}

fn edit_authorization(headers: &mut HeaderMap, edit: impl FnOnce(&str) -> String) {
    let text = headers["authorization"].to_str().expect("visible ASCII");
    let text = edit(text).parse().expect("a header value");
    headers.insert("authorization", text);
}

proptest! {
    #[test]
    fn what_aws_signs_is_accepted(case in case()) {
        prop_assert_eq!(case.verify(&case.signed_by_aws(), SECRET), Ok(()));
    }

    #[test]
    fn our_signer_writes_what_aws_writes(case in case()) {
        let case = Case { payload: Payload::Implicit, ..case };
        let theirs = case.signed_by_aws();
        let uri: Uri = case.uri().parse().expect("an address");
        let mut ours = case.own_headers();
        let added = sign(&SignRequest {
            method: case.method,
            uri: &uri,
            headers: &ours,
            body: &case.body,
            access_key_id: KEY_ID,
            secret: SECRET,
            session_token: case.token.as_deref(),
            region: REGION,
            time: case.time().try_into().expect("a time of this century"),
        })
        .expect("everything can be signed");
        for (name, value) in &added {
            prop_assert_eq!(Some(value), theirs.get(name));
            ours.insert(name, value.clone());
        }
        prop_assert_eq!(case.verify(&ours, SECRET), Ok(()));
    }

    /// A changed path or query is refused, unless AWS's signer too finds it the
    /// same request (`/a/../b` and `/q/../b`).
    #[test]
    fn another_address_is_refused(case in case(), in_path: bool, at: Index) {
        let headers = case.signed_by_aws();
        let mut other = case.clone();
        if in_path {
            other.path = format!("/{}", change_character(&format!("{}a", &case.path[1..]), at));
        } else {
            other.query = change_character(&format!("{}a", case.query), at);
        }
        prop_assume!(other.uri().parse::<Uri>().is_ok());
        let same = other.signed_by_aws()["authorization"] == headers["authorization"];
        prop_assert_eq!(other.verify(&headers, SECRET).is_ok(), same);
    }

    #[test]
    fn any_other_change_is_refused(case in case(), kind in 0..13u8, at: Index, bit in 0..8u8) {
        let mut headers = case.signed_by_aws();
        let mut other = case.clone();
        let mut secret = SECRET;
        let signed: Vec<HeaderName> =
            headers.keys().filter(|name| *name != "user-agent").cloned().collect();
        let name = &signed[at.index(signed.len())];
        match kind {
            0 => other.method = "PATCH",
            1 => {
                let changed = [headers[name].as_bytes(), b"x"].concat();
                headers.insert(name, HeaderValue::from_bytes(&changed).expect("a header value"));
            }
            2 => drop(headers.remove(name)),
            3 => drop(headers.append(name, HeaderValue::from_static("x"))),
            4 if case.payload != Payload::Unsigned => other.body.push(0),
            4 => return Ok(()),
            5 => other.token = match &case.token {
                Some(token) => Some(change_character(token, at)),
                None => Some("none was sent".into()),
            },
            6 => secret = "another",
            7 => edit_authorization(&mut headers, |text| text.replace(KEY_ID, "AKIDANOTHER")),
            8 => edit_authorization(&mut headers, |text| text.replace(REGION, "us-east-1")),
            9 => edit_authorization(&mut headers, |text| text.replace(SERVICE, "s3")),
            10 => edit_authorization(&mut headers, |text| text.replace(";x-amz-date", "")),
            11 => drop(headers.insert("x-amz-zz-added", HeaderValue::from_static("x"))),
            _ => {
                let mut text = headers["authorization"].as_bytes().to_vec();
                let at = text.len() - 1 - at.index(64);
                text[at] ^= 1 << bit;
                // Some flips make a character that no header can hold.
                let Ok(text) = HeaderValue::from_bytes(&text) else { return Ok(()) };
                headers.insert("authorization", text);
            }
        }
        let error = other.verify(&headers, secret).expect_err("the request was changed");
        prop_assert_eq!(error.status(), 403);
    }

    #[test]
    fn a_clock_that_is_off_is_refused(case in case(), by in 301i64..400_000, behind: bool) {
        let case = Case { ahead: if behind { -by } else { by }, ..case };
        let error = case.verify(&case.signed_by_aws(), SECRET).expect_err("too far off");
        prop_assert_eq!(matches!(error, SignatureError::Expired { .. }), behind);
        prop_assert_eq!(matches!(error, SignatureError::NotYetCurrent { .. }), !behind);
    }
}
