//! Every refusal with its exact words.

use http::{HeaderMap, HeaderValue};

use super::{
    ALGORITHM, AccessKey, PERMANENT, SECRET, Session, SignatureError, VerifyRequest, at, now, request,
    signed, verify, with_replacements,
};

const TOKEN: &str = "session-token-canary";

const MISSING: &str = "Missing Authentication Token";
const MISMATCH: &str = "The request signature we calculated does not match the signature you \
    provided. Check your AWS Secret Access Key and signing method. Consult the service \
    documentation for details.";

type Row = (&'static [(&'static str, &'static str)], &'static str, &'static str);

/// Headers replaced (`~` removes one; `{}` is the authorisation that was
/// there, `/a/b` in front replaces a by b in it), the error's name, its message.
#[rustfmt::skip]
const REFUSED: &[Row] = &[
    (&[("authorization", "~")], "MissingAuthenticationToken", MISSING),
    (&[("authorization", "Bearer bearer-canary")], "MissingAuthenticationToken", MISSING),
    (&[("authorization", "Basic {}")], "MissingAuthenticationToken", MISSING),
    (&[("authorization", "AWS4-ECDSA-P256-SHA256 {}")], "IncompleteSignature",
        "Authorization header names an unsupported signing algorithm: use AWS4-HMAC-SHA256."),
    (&[("authorization", ALGORITHM), ("x-amz-date", "~")], "IncompleteSignature",
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"),
    (&[("authorization", "/Signature=/Signed=")], "IncompleteSignature",
        "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256"),
    (&[("authorization", "/SignedHeaders=/SignedHeaders=,X=")], "IncompleteSignature",
        "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"),
    (&[("authorization", "{} Signature=0")], "IncompleteSignature",
        "Authorization header holds the 'Signature' parameter more than once."),
    (&[("authorization", "{}, stray")], "IncompleteSignature",
        "Authorization header holds a part that is not a valid key=value pair (missing equal-sign)."),
    (&[("x-amz-date", "~")], "IncompleteSignature",
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"),
    (&[("x-amz-date", "2026-11-24T10:10:00Z")], "IncompleteSignature",
        "Date must be in ISO-8601 'basic format' (YYYYMMDD'T'HHMMSS'Z'). Got '2026-11-24T10:10:00Z'."),
    (&[("x-amz-date", "20261324T101000Z")], "IncompleteSignature",
        "Date must be in ISO-8601 'basic format' (YYYYMMDD'T'HHMMSS'Z'). Got '20261324T101000Z'."),
    (&[("x-amz-date", "Tue, 24 Nov 2026 10:10:00 GMT")], "IncompleteSignature",
        "Date must be in ISO-8601 'basic format' (YYYYMMDD'T'HHMMSS'Z'). Got 'Tue, 24 Nov 2026 10:10:00 GMT'."),
    (&[("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")], "IncompleteSignature",
        "Payloads signed in chunks (x-amz-content-sha256: STREAMING-…) are not supported: send the body's SHA-256 or UNSIGNED-PAYLOAD."),
    (&[("x-amz-content-sha256", "abc")], "IncompleteSignature",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, or a valid sha256 value."),
    (&[("authorization", "//aws4_request/")], "IncompleteSignature",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 4."),
    (&[("authorization", "/AKIDEXAMPLE/")], "IncompleteSignature",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 4."),
    (&[("authorization", "/aws4_request/aws5_request")], "InvalidSignature",
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."),
    (&[("authorization", "/us-east-1/eu-west-9")], "InvalidSignature",
        "Credential should be scoped to a valid region, not 'eu-west-9'."),
    (&[("authorization", "/appflow/s3")], "InvalidSignature",
        "Credential should be scoped to correct service: 'appflow'."),
    (&[("authorization", "/20261124/20261123")], "InvalidSignature",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261123' != '20261124', from '20261124T101000Z'."),
    (&[("authorization", "/20261124/2026112")], "InvalidSignature",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '2026112' != '20261124', from '20261124T101000Z'."),
    (&[("x-amz-date", "20261124T100459Z")], "InvalidSignature",
        "Signature expired: 20261124T100459Z is now earlier than 20261124T100500Z (20261124T101000Z - 5 min.)"),
    (&[("x-amz-date", "20261124T101501Z")], "InvalidSignature",
        "Signature not yet current: 20261124T101501Z is still later than 20261124T101500Z (20261124T101000Z + 5 min.)"),
    (&[("authorization", "/host;/")], "InvalidSignature",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    (&[("authorization", "/;x-amz-date/")], "InvalidSignature",
        "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
    (&[("x-amz-target", "added")], "InvalidSignature",
        "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
    (&[("authorization", "/SignedHeaders=/SignedHeaders=absent;")], "InvalidSignature", MISMATCH),
    (&[("authorization", "/Signature=/Signature=0")], "InvalidSignature", MISMATCH),
    (&[("host", "elsewhere:8080")], "InvalidSignature", MISMATCH),
];

#[test]
fn every_fault_has_its_error() {
    assert!(verify(&request(&with_replacements(&[])), PERMANENT).is_ok(), "without a fault");
    for (replacements, name, message) in REFUSED {
        let headers = with_replacements(replacements);
        let error = verify(&request(&headers), PERMANENT).expect_err(message);
        let got = (error.name(), error.to_string(), error.status());
        assert_eq!(got, (&*format!("{name}Exception"), (*message).to_owned(), 403));
    }
}

#[test]
fn messages_repeat_no_signature_and_no_secret() {
    for (replacements, ..) in REFUSED {
        let headers = with_replacements(replacements);
        let original = signed(None, &HeaderMap::new());
        let signature = original["authorization"].to_str().expect("ASCII").rsplit('=').next();
        let error = verify(&request(&headers), PERMANENT).expect_err("refused");
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains(signature.expect("a signature")), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }
    assert_eq!(format!("{PERMANENT:?}"), "Some(AccessKey([redacted]))");
}

#[test]
fn sessions() {
    let session =
        |token, expires_at| Some(AccessKey { secret: SECRET, session: Some(Session { token, expires_at }) });
    let later = at("2026-11-24T10:10:01Z");
    let invalid = Err(SignatureError::UnrecognizedClient);
    for (sent, key, expect) in [
        (None, PERMANENT, Ok(())),
        (None, None, invalid.clone()),
        (Some(TOKEN), None, invalid.clone()),
        (Some(TOKEN), PERMANENT, invalid.clone()),
        (None, session(TOKEN, later), invalid.clone()),
        (Some("another"), session(TOKEN, later), invalid),
        (Some(TOKEN), session(TOKEN, later), Ok(())),
        (Some(TOKEN), session(TOKEN, now()), Err(SignatureError::ExpiredToken)),
    ] {
        let headers = signed(sent, &HeaderMap::new());
        assert_eq!(verify(&request(&headers), key).map(|_| ()), expect, "{sent:?}");
    }
    let name = SignatureError::ExpiredToken.name();
    assert_eq!(name, "ExpiredTokenException");
    assert_eq!(SignatureError::UnrecognizedClient.name(), "UnrecognizedClientException");
}

#[test]
fn a_signature_is_lower_case_hex() {
    let text = signed(None, &HeaderMap::new())["authorization"].to_str().expect("ASCII").to_owned();
    let (_, signature) = text.rsplit_once('=').expect("a signature");
    let other = signature.to_uppercase();
    let headers = with_replacements(&[("authorization", &format!("/{signature}/{other}"))]);
    assert_eq!(verify(&request(&headers), PERMANENT), Err(SignatureError::Mismatch));
}

#[test]
fn presigned_requests_are_refused_with_a_reason() {
    let headers = HeaderMap::new();
    for query in ["X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "a=b&x-amz-signature=0"] {
        let request = VerifyRequest { raw_query: query, ..request(&headers) };
        let error = verify(&request, PERMANENT).expect_err("presigned");
        assert_eq!(error.name(), "IncompleteSignatureException");
        assert!(error.to_string().starts_with("Presigned requests"), "{error}");
    }
}

#[test]
fn a_header_that_must_be_there_once_is_refused_twice() {
    let mut base = HeaderMap::new();
    base.insert("x-amz-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
    let base = signed(Some(TOKEN), &base);
    for name in ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"] {
        let mut headers = base.clone();
        headers.append(name, headers[name].clone());
        let error = verify(&request(&headers), PERMANENT).expect_err(name);
        let expect = format!("Header '{name}' must not be there more than once.");
        assert_eq!(error, SignatureError::Incomplete(expect));
    }
}
