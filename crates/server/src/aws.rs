//! AWS's standard configuration chain: where keys, region and endpoint of other people's tools come from.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Reads the environment and the profile files. Sources that would need a
/// request, such as an instance's metadata service, give nothing: Tidegate
/// runs on people's own machines, and a look at a metadata address is what it
/// forbids everybody else.
pub async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(NoHttp).load().await
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
