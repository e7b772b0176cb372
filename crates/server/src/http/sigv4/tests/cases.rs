//! Random requests, signed by AWS's own signer.

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
use proptest::sample::select;

use super::{AccessKey, Address, SERVICE, Session, SignatureError, SigningKeyCache, VerifyRequest, parse};

pub(super) const REGION: &str = "eu-west-3";
pub(super) const KEY_ID: &str = "AKIDPROPERTY";
pub(super) const SECRET: &str = "a/secret+with=every kind";
const NOW: i64 = 1_795_478_400;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Payload {
    Implicit,
    Stated,
    Unsigned,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub token: Option<String>,
    pub payload: Payload,
    /// Seconds that the client's clock is ahead.
    pub ahead: i64,
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
    let known = select(vec![
        "content-type",
        "x-amz-user-agent",
        "amz-sdk-request",
        "user-agent",
        "x-amzn-trace-id",
        "transfer-encoding",
    ]);
    let name = prop_oneof![known.prop_map(String::from), "x-amz-meta-[a-z]{1,3}", "my-[a-z]{1,4}"];
    prop::collection::vec((name, "[ -~]{0,16}"), 0..6)
}

pub(super) fn case() -> impl Strategy<Value = Case> {
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

    pub(super) fn uri(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("http://tidegate.test:8080{}{mark}{}", self.path, self.query)
    }

    pub(super) fn own_headers(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a header name");
            map.append(name, value.parse().expect("a header value"));
        }
        map
    }

    pub(super) fn time(&self) -> SystemTime {
        (self.now() + SignedDuration::from_secs(self.ahead)).into()
    }

    /// The request's headers after AWS's signer has added its own.
    pub(super) fn signed_by_aws(&self) -> HeaderMap {
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

    pub(super) fn verify(&self, headers: &HeaderMap, secret: &str) -> Result<(), SignatureError> {
        self.verify_as(headers, secret, &[])
    }

    /// Verifies a request that its client may have sent to other addresses.
    pub(super) fn verify_as(
        &self,
        headers: &HeaderMap,
        secret: &str,
        also_known_as: &[Address<'_>],
    ) -> Result<(), SignatureError> {
        let uri: Uri = self.uri().parse().expect("an address");
        let request = VerifyRequest {
            method: self.method,
            raw_path: uri.path(),
            raw_query: uri.query().unwrap_or_default(),
            authority: None,
            also_known_as,
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
