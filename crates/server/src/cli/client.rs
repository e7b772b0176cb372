//! The client side: finds the server and the key as the AWS CLI does, signs, calls.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use clap::Args;
use serde_json::Value;
use tidegate_core::Secret;

use super::Failure;
use super::output::Output;
use crate::aws;
use crate::http::sigv4::{SignRequest, sign};

/// Options of every command that calls a running server.
#[derive(Args, Clone, Debug, Default)]
pub struct ClientArgs {
    /// URL of the server [default: AWS_ENDPOINT_URL_APPFLOW, AWS_ENDPOINT_URL, then the AWS profile's]
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Region to sign for [default: AWS_REGION, then the AWS profile's, then us-east-1]
    #[arg(long, global = true)]
    region: Option<String>,
    /// A table for people, or the API's answer
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
}

/// An error of a call.
#[derive(Debug)]
pub enum CallError {
    /// The server answered with an error.
    Answered {
        /// The exception's name.
        name: String,
        /// Its message.
        message: String,
    },
    /// The call did not get an answer.
    Failed(String),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Answered { name, message } => Self::new(format!("{name}: {message}")),
            CallError::Failed(message) => Self::new(message),
        }
    }
}

/// A signing client of one server.
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    region: String,
    access_key_id: String,
    secret: Secret<String>,
    session_token: Option<Secret<String>>,
}

impl Client {
    /// A client of a server whose address and key are known.
    ///
    /// # Errors
    /// When the HTTP client cannot start.
    pub fn new(
        endpoint: &str,
        region: &str,
        access_key_id: &str,
        secret: Secret<String>,
    ) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder();
        // As the AWS CLI: a server behind one's own authority.
        if let Some(path) = env("AWS_CA_BUNDLE") {
            let unusable = |error: &dyn std::fmt::Display| {
                Failure::new(format!("the certificates of AWS_CA_BUNDLE ({path}) cannot be used: {error}"))
            };
            let pem = std::fs::read(&path).map_err(|error| unusable(&error))?;
            for certificate in
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?
            {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let http = builder
            .timeout(Duration::from_secs(120))
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Failure::new(format!("the HTTP client could not start: {error}")))?;
        Ok(Self {
            http,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            access_key_id: access_key_id.to_owned(),
            secret,
            session_token: None,
        })
    }

    /// A client from the command line, the environment and the AWS profile.
    ///
    /// # Errors
    /// When no endpoint or no credentials are found, with the ways to give them.
    pub async fn discover(args: &ClientArgs) -> Result<Self, Failure> {
        let config = aws::config().await;
        let endpoint = args
            .endpoint_url
            .clone()
            .or_else(|| env("AWS_ENDPOINT_URL_APPFLOW"))
            .or_else(|| config.endpoint_url().map(str::to_owned))
            .ok_or_else(|| {
                Failure::new(
                    "no server is named: give --endpoint-url http://127.0.0.1:8080, or set \
                     AWS_ENDPOINT_URL_APPFLOW or AWS_ENDPOINT_URL",
                )
            })?;
        let region = args
            .region
            .clone()
            .or_else(|| config.region().map(ToString::to_string))
            .unwrap_or_else(|| "us-east-1".to_owned());
        let missing = || {
            Failure::new(
                "no access key is found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 AWS_SHARED_CREDENTIALS_FILE to the file 'credentials' in the server's data folder",
            )
        };
        let credentials = config
            .credentials_provider()
            .ok_or_else(missing)?
            .provide_credentials()
            .await
            .map_err(|_| missing())?;
        let mut client = Self::new(
            &endpoint,
            &region,
            credentials.access_key_id(),
            Secret::new(credentials.secret_access_key().to_owned()),
        )?;
        client.session_token = credentials.session_token().map(|token| Secret::new(token.to_owned()));
        Ok(client)
    }

    /// Calls an operation by its path, such as `/x/test-connector-profile`.
    ///
    /// # Errors
    /// The server's answer, or why there was none.
    pub async fn call(&self, path: &str, input: &Value) -> Result<Value, CallError> {
        let failed =
            |what: &str, error: &dyn std::fmt::Display| CallError::Failed(format!("{what}: {error}"));
        let url = format!("{}{path}", self.endpoint);
        let body = input.to_string();
        let mut request = http::HeaderMap::new();
        request.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        let uri: http::Uri =
            url.parse().map_err(|error| failed("the endpoint URL cannot be used", &error))?;
        let signed = sign(&SignRequest {
            method: "POST",
            uri: &uri,
            headers: &request,
            body: body.as_bytes(),
            access_key_id: &self.access_key_id,
            secret: self.secret.expose(),
            session_token: self.session_token.as_ref().map(|token| token.expose().as_str()),
            region: &self.region,
            time: jiff::Timestamp::now(),
        })
        .map_err(|error| failed("the request could not be signed", &error))?;
        for (name, value) in &signed {
            request.insert(name, value.clone());
        }
        let response = self
            .http
            .post(&url)
            .headers(request)
            .body(body)
            .send()
            .await
            .map_err(|error| failed(&format!("no answer from {}", self.endpoint), &chain(&error)))?;
        let status = response.status();
        let name = response
            .headers()
            .get("x-amzn-errortype")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("Error")
            .to_owned();
        let bytes = response.bytes().await.map_err(|error| failed("the answer broke off", &chain(&error)))?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|_| {
            CallError::Failed(format!("{} does not answer as Tidegate does ({status})", self.endpoint))
        })?;
        if status.is_success() {
            return Ok(answer);
        }
        let message = answer.get("message").and_then(Value::as_str).unwrap_or("no message").to_owned();
        Err(CallError::Answered { name, message })
    }
}

/// reqwest's own text stops at the first cause; the last one says what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
