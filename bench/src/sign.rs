//! Signs calls with AWS Signature Version 4 and writes them out as they go over the wire.
//!
//! The load generator shares the machine with the server, so a call is made ready before the clock runs: what is
//! left to do then is one write. The bench does not use the server's own signer, so that one fault cannot hide in
//! both.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::{digest, hmac};

const SIGNED: &str = "amz-sdk-invocation-id;content-type;host;x-amz-date";

/// An access key for the calls of one server.
#[derive(Clone)]
pub struct Key {
    /// The key's id.
    pub id: String,
    /// The key's secret.
    pub secret: String,
    /// The region that calls are signed for.
    pub region: String,
}

/// Signs calls for one host at one moment. The server takes them for five minutes.
pub struct Signer<'a> {
    key: &'a Key,
    host: &'a str,
    date: String,
    scope: String,
    signing_key: hmac::Key,
}

impl<'a> Signer<'a> {
    /// A signer for calls sent now.
    pub fn now(key: &'a Key, host: &'a str) -> Self {
        Self::at(key, host, Timestamp::now())
    }

    fn at(key: &'a Key, host: &'a str, time: Timestamp) -> Self {
        let date = time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &date[..8];
        let mut derived = format!("AWS4{}", key.secret).into_bytes();
        for part in [day, &key.region, "appflow", "aws4_request"] {
            let next = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &derived), part.as_bytes());
            derived = next.as_ref().to_vec();
        }
        let scope = format!("{day}/{}/appflow/aws4_request", key.region);
        Self { key, host, date, scope, signing_key: hmac::Key::new(hmac::HMAC_SHA256, &derived) }
    }

    /// The bytes of one POST. The invocation id, which the SDKs send as well, makes calls with the same body
    /// differ.
    pub fn post(&self, path: &str, body: &str, invocation: &str) -> Vec<u8> {
        let signature = self.signature(path, body, invocation);
        let Self { key, host, date, scope, .. } = self;
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             amz-sdk-invocation-id: {invocation}\r\nx-amz-date: {date}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={SIGNED}, Signature={signature}\r\n\
             content-length: {}\r\n\r\n{body}",
            key.id,
            body.len()
        )
        .into_bytes()
    }

    fn signature(&self, path: &str, body: &str, invocation: &str) -> String {
        let Self { host, date, scope, .. } = self;
        let canonical = format!(
            "POST\n{path}\n\namz-sdk-invocation-id:{invocation}\ncontent-type:application/json\nhost:{host}\n\
             x-amz-date:{date}\n\n{SIGNED}\n{}",
            sha256(body)
        );
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(&canonical));
        hex::encode(hmac::sign(&self.signing_key, text.as_bytes()))
    }
}

fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4;

    use super::*;

    #[test]
    fn a_call_is_signed_as_by_the_aws_signer() {
        let key = Key {
            id: "AKIDBENCH".to_owned(),
            secret: "a/secret+with=every kind".to_owned(),
            region: "eu-west-3".to_owned(),
        };
        let time: Timestamp = "2026-11-24T07:05:09Z".parse().expect("a time");
        let (host, path, body) = ("127.0.0.1:8080", "/describe-connector-profiles", r#"{"maxResults":1}"#);
        let ours = Signer::at(&key, host, time).post(path, body, "one-of-many");

        let identity = Credentials::new(&key.id, &key.secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&key.region)
            .name("appflow")
            .time(time.into())
            .settings(SigningSettings::default())
            .build()
            .expect("complete parameters")
            .into();
        let url = format!("http://{host}{path}");
        let headers = [("content-type", "application/json"), ("amz-sdk-invocation-id", "one-of-many")];
        let request =
            SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let theirs = sign(request.expect("a request"), &params).expect("a signature").into_parts().0;
        let mut headers = theirs.headers();
        let authorization = headers.find(|(name, _)| *name == "authorization").expect("a signature").1;

        let text = String::from_utf8(ours).expect("ASCII");
        let (head, sent) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert_eq!(sent, body);
        assert!(head.contains(&format!("\r\nauthorization: {authorization}\r\n")), "{head}\n{authorization}");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    }
}
