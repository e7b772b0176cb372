//! A webhook: each event is posted to one URL, signed as Standard Webhooks has
//! it (`webhook-id`, `webhook-timestamp`, `webhook-signature`).

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::join_all;
use http::{Method, Request, header};
use reqwest::Url;
use ring::hmac;
use tidegate_connectors::kit::Outbound;
use tidegate_core::Secret;
use tidegate_store::Waiting;

use super::Sink;
use crate::config::Settings;
use crate::convert::now_ms;

/// The variable that brings the secret; there is no option for it, because
/// options can be read by others.
const SECRET_VARIABLE: &str = "TIDEGATE_WEBHOOK_SECRET";

/// What a secret in the form of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";

/// The shortest key, in bytes.
const MIN_KEY: usize = 24;

/// Where events are posted to.
pub struct Webhook {
    url: Url,
    keys: Vec<hmac::Key>,
    services: Arc<Outbound>,
}

impl Webhook {
    /// The webhook of the settings, if they name one.
    pub fn of(settings: &Settings, services: &Arc<Outbound>) -> Result<Option<Self>, String> {
        let Some(url) = &settings.webhook_url else { return Ok(None) };
        // The URL may hold a token, so it is not repeated.
        let url = Url::parse(url).map_err(|error| format!("--webhook-url is no URL: {error}"))?;
        services.check(&url).map_err(|error| format!("--webhook-url cannot be used: {}", error.message))?;
        let secrets = match (&settings.webhook_secret_file, std::env::var(SECRET_VARIABLE)) {
            (Some(path), _) => Secret::new(
                std::fs::read_to_string(path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?,
            ),
            (None, Ok(text)) => Secret::new(text),
            (None, Err(_)) => Secret::new(String::new()),
        };
        Ok(Some(Self { url, keys: keys(&secrets)?, services: Arc::clone(services) }))
    }

    async fn post(&self, notification: &Waiting) -> Result<(), String> {
        let seconds = (now_ms() / 1000).to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", notification.id.as_str())
            .header("webhook-timestamp", seconds.as_str())
            .header("webhook-signature", signatures(&self.keys, notification, &seconds))
            .body(Bytes::from(notification.body.clone()))
            .map_err(|error| format!("the request cannot be made: {error}"))?;
        let answer = self.services.exchange(request).await.map_err(|error| error.message)?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(format!("the webhook answered {}", answer.status()))
        }
    }
}

#[async_trait]
impl Sink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn batch(&self) -> u32 {
        8
    }

    async fn deliver(&self, batch: &[Waiting]) -> Vec<Result<(), String>> {
        join_all(batch.iter().map(|notification| self.post(notification))).await
    }
}

/// The keys of a text with one secret, or with several while one takes another's place.
fn keys(secrets: &Secret<String>) -> Result<Vec<hmac::Key>, String> {
    let keys = secrets.expose().split_whitespace().map(key).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err(format!(
            "a webhook needs a secret to sign with: set {SECRET_VARIABLE}, or give --webhook-secret-file"
        ));
    }
    Ok(keys)
}

fn key(secret: &str) -> Result<hmac::Key, String> {
    let bytes = match secret.strip_prefix(PREFIX) {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| format!("the webhook's secret has no base64 behind {PREFIX}"))?,
        None => secret.as_bytes().to_vec(),
    };
    let bytes = Secret::new(bytes);
    if bytes.expose().len() < MIN_KEY {
        return Err(format!(
            "the webhook's secret has fewer than {MIN_KEY} bytes; make one with: openssl rand -base64 32"
        ));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()))
}

/// `v1,` and the signature of `id.timestamp.body`, one for each key.
fn signatures(keys: &[hmac::Key], notification: &Waiting, seconds: &str) -> String {
    let signed = format!("{}.{seconds}.{}", notification.id, notification.body);
    let sign = |key| format!("v1,{}", STANDARD.encode(hmac::sign(key, signed.as_bytes())));
    keys.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<hmac::Key>, String> {
        keys(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a_signature_is_that_of_the_published_example() {
        // The example in the specification of Standard Webhooks' libraries.
        let keys = parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a good secret");
        let notification = Waiting {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            body: "{\"test\": 2432232314}".to_owned(),
            attempts: 0,
        };
        assert_eq!(
            signatures(&keys, &notification, "1614265330"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        let two = format!("{} {}", "x".repeat(24), "y".repeat(24));
        let two = signatures(&parse(&two).expect("two secrets"), &notification, "1");
        assert_eq!(two.split(' ').filter(|text| text.starts_with("v1,")).count(), 2);
    }

    #[test]
    fn a_secret_that_would_not_protect_is_refused() {
        for (secret, says) in [
            ("", "TIDEGATE_WEBHOOK_SECRET"),
            ("short", "24 bytes"),
            ("whsec_%%%", "base64"),
            ("whsec_QUJD", "24 bytes"),
        ] {
            let error = parse(secret).expect_err("refused");
            assert!(error.contains(says), "{secret}: {error}");
        }
    }
}
