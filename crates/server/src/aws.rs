//! Clients of AWS's SDKs: where their keys, region and endpoint come from, and
//! the one way that their requests take.

use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use tidegate_connectors::kit::{Network, Outbound, OutboundPolicy};
use tidegate_core::ConnectorErrorKind;

/// How long one call may take with all of its tries.
const CALL: Duration = Duration::from_secs(60);

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);

/// The most bytes that one answer may have.
const MAX_ANSWER: u64 = 16 << 20;

/// Reads the environment and the profile files. Sources that would need a
/// request, such as an instance's metadata service, give nothing: Tidegate
/// runs on people's own machines, and a look at a metadata address is what it
/// forbids everybody else.
pub async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(NoHttp).load().await
}

/// As [`config`], for a client that makes requests, over `services`. Where the
/// chain names no region it is `region`. An endpoint is taken from
/// `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`, as in every AWS client.
pub async fn client_config(services: &Arc<Outbound>, region: &str) -> SdkConfig {
    let config = config().await;
    let region = config.region().cloned().unwrap_or_else(|| Region::new(region.to_owned()));
    let bounds = TimeoutConfig::builder().operation_timeout(CALL).operation_attempt_timeout(REQUEST).build();
    config
        .into_builder()
        .http_client(OverOutbound(Arc::clone(services)))
        .region(region)
        .timeout_config(bounds)
        .build()
}

/// The policy for services that the operator named, not a user: private
/// addresses are theirs to choose, answers are small, and nobody waits long.
pub fn services_policy(connectors: &OutboundPolicy) -> OutboundPolicy {
    OutboundPolicy {
        network: Network::Any,
        allow: Vec::new(),
        max_body: MAX_ANSWER,
        read_timeout: REQUEST,
        total_timeout: REQUEST,
        ..connectors.clone()
    }
}

/// An SDK's HTTP client over the server's own: one TLS, one pool, one policy.
struct OverOutbound(Arc<Outbound>);

impl std::fmt::Debug for OverOutbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OverOutbound")
    }
}

impl HttpClient for OverOutbound {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self(Arc::clone(&self.0)))
    }
}

impl HttpConnector for OverOutbound {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let outbound = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move { exchange(&outbound, request).await })
    }
}

async fn exchange(outbound: &Outbound, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    // No operation that is called streams its input.
    let body = body.bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| ConnectorError::user("bodies that are streams are not sent".into()))?;
    match outbound.exchange(http::Request::from_parts(head, body)).await {
        Ok(answer) => HttpResponse::try_from(answer.map(SdkBody::from))
            .map_err(|error| ConnectorError::other(error.into(), None)),
        // The SDK tries these again, the others not.
        Err(error) if error.kind == ConnectorErrorKind::Unreachable => Err(ConnectorError::io(error.into())),
        Err(error) => Err(ConnectorError::user(error.into())),
    }
}

/// An HTTP client that refuses every request.
#[derive(Debug)]
struct NoHttp;

impl HttpClient for NoHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self)
    }
}

impl HttpConnector for NoHttp {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::user(
            "requests are not made for configuration".into(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::Client;
    use aws_sdk_eventbridge::config::{Builder, Credentials};
    use aws_sdk_eventbridge::error::DisplayErrorContext;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each connection once with these bytes, and gives what was asked.
    async fn peer(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut asked = Vec::new();
            while !String::from_utf8_lossy(&asked).contains("\r\n\r\n{") {
                let read = socket.read_buf(&mut asked).await.expect("bytes");
                assert!(read > 0, "the request was cut off");
            }
            socket.write_all(answer.as_bytes()).await.expect("sent");
            String::from_utf8_lossy(&asked).into_owned()
        });
        (url, asked)
    }

    async fn client(endpoint: &str, policy: OutboundPolicy) -> Client {
        let services = Outbound::new(services_policy(&policy)).expect("a client");
        let config = client_config(&services, "eu-central-1").await;
        let keys = Credentials::new("AKIATEST", "secret", None, None, "test");
        let config = Builder::from(&config)
            .region(Region::new("eu-central-1"))
            .endpoint_url(endpoint)
            .credentials_provider(keys);
        Client::from_conf(config.build())
    }

    #[tokio::test]
    async fn an_sdks_request_goes_out_signed_and_its_answer_comes_back() {
        let (url, asked) = peer(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 29\r\n\r\n\
             {\"EventBuses\":[{\"Name\":\"b\"}]}",
        )
        .await;
        let answer = client(&url, OutboundPolicy::default()).await.list_event_buses().send().await;
        assert_eq!(answer.expect("an answer").event_buses()[0].name(), Some("b"));
        let asked = asked.await.expect("asked");
        assert!(asked.starts_with("POST / HTTP/1.1"), "{asked}");
        assert!(asked.contains("Credential=AKIATEST/") && asked.contains("/eu-central-1/events/"), "{asked}");
    }

    #[tokio::test]
    async fn redirects_are_not_followed_and_the_policy_holds() {
        let (url, _asked) =
            peer("HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n").await;
        let error = client(&url, OutboundPolicy::default()).await.list_event_buses().send().await;
        let error = error.expect_err("no answer to the call");
        assert_eq!(error.raw_response().map(|answer| answer.status().as_u16()), Some(307));

        let client = client("http://169.254.169.254", OutboundPolicy::default()).await;
        let error = client.list_event_buses().send().await.expect_err("never connected to");
        assert!(DisplayErrorContext(error).to_string().contains("--allow-plain-http"));
    }
}
