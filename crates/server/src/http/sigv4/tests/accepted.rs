//! What is accepted besides the usual, and how far that goes.

use http::{HeaderMap, HeaderValue};

use super::{
    ALGORITHM, BODY, Canonical, PERMANENT, SECRET, Scope, SignatureError, SigningKey, Verified,
    VerifyRequest, now, request, sha256_hex, signed, string_to_sign, verify, with_replacements,
};

#[test]
fn signatures_are_read_as_tolerantly_as_aws_does() {
    for replacement in [
        "/, /,",
        "/, / ",
        "/, / ,, ",
        "/ Credential=/   Credential=",
        "/host;x-amz-date/X-Amz-Date;Host",
        "/host;x-amz-date/;host;host;x-amz-date;",
        "/Signature=/Unknown=1, Signature=",
    ] {
        let headers = with_replacements(&[("authorization", replacement)]);
        assert!(verify(&request(&headers), PERMANENT).is_ok(), "{replacement}");
    }
}

#[test]
fn a_date_header_stands_in_for_x_amz_date() {
    for date in ["Tue, 24 Nov 2026 10:10:00 GMT", "20261124T101000Z"] {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h"));
        headers.insert("date", HeaderValue::from_static(date));
        let names = ["date".to_owned(), "host".to_owned()];
        let signature = signature_of(&headers, &names);
        let text = format!(
            "{ALGORITHM} Credential=AKIDEXAMPLE/20261124/us-east-1/appflow/aws4_request, \
             SignedHeaders=date;host, Signature={signature}"
        );
        headers.insert("authorization", text.parse().expect("a header value"));
        let verified = verify(&request(&headers), PERMANENT).expect(date);
        assert_eq!(verified, Verified { access_key_id: "AKIDEXAMPLE".into(), signed_at: now() });
    }
}

/// The signature of [`request`] with exactly these signed headers.
fn signature_of(headers: &HeaderMap, signed_headers: &[String]) -> String {
    let VerifyRequest { method, raw_path, raw_query, authority, .. } = request(headers);
    let payload_hash = &sha256_hex(BODY);
    let canonical = Canonical {
        method,
        raw_path,
        raw_query,
        authority,
        host: None,
        headers,
        signed_headers,
        payload_hash,
    };
    let scope = Scope { date: "20261124", region: "us-east-1", service: "appflow" };
    let canonical = canonical.request().expect("all headers are there");
    let text = string_to_sign("20261124T101000Z", &scope.to_string(), &canonical);
    SigningKey::derive(SECRET, &scope).sign(&text)
}

#[test]
fn http2_sends_its_host_as_authority() {
    let mut headers = signed(None, &HeaderMap::new());
    headers.remove("host");
    let authority = Some("localhost:8080");
    let request = VerifyRequest { authority, ..request(&headers) };
    assert!(verify(&request, PERMANENT).is_ok());
    let elsewhere = VerifyRequest { authority: Some("elsewhere:8080"), ..request };
    assert_eq!(verify(&elsewhere, PERMANENT), Err(SignatureError::Mismatch));
    let nowhere = VerifyRequest { authority: None, ..request };
    assert_eq!(verify(&nowhere, PERMANENT), Err(SignatureError::Mismatch));
}

#[test]
fn a_signed_header_that_does_not_arrive_is_refused() {
    for value in ["", "localhost:8080"] {
        let mut headers = HeaderMap::new();
        headers.insert("my-header", HeaderValue::from_static(value));
        let mut headers = signed(None, &headers);
        headers.remove("my-header");
        // The authority stands in for `host` and for nothing else.
        let request = VerifyRequest { authority: Some("localhost:8080"), ..request(&headers) };
        assert_eq!(verify(&request, PERMANENT), Err(SignatureError::Mismatch), "{value}");
    }
}

#[test]
fn a_stated_hash_must_be_the_bodys() {
    let right = sha256_hex(BODY);
    let wrong = sha256_hex(b"another body");
    for (stated, expect) in [(&right, true), (&wrong, false), (&right.to_uppercase(), false)] {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-content-sha256", stated.parse().expect("a header value"));
        let headers = signed(None, &headers);
        assert_eq!(verify(&request(&headers), PERMANENT).is_ok(), expect, "{stated}");
    }
}
