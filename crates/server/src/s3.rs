//! The S3 endpoint that stands in for the local buckets, and where its keys come from.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tidegate_core::Secret;
use tidegate_engine::{Buckets, S3Config, S3KeySource, S3Keys};
use tokio::sync::Mutex;

use crate::aws;

/// How long before their end keys are asked for anew.
const MARGIN: Duration = Duration::from_secs(300);

/// What to say when nothing gives keys.
const MISSING: &str = "There are no keys for the S3 endpoint: set TIDEGATE_S3_ACCESS_KEY_ID and \
                       TIDEGATE_S3_SECRET_ACCESS_KEY, or give them as the AWS CLI takes them";

/// Opens the endpoint with the keys of `TIDEGATE_S3_ACCESS_KEY_ID` and
/// `TIDEGATE_S3_SECRET_ACCESS_KEY`, else with those of AWS's standard chain.
///
/// # Errors
/// When no keys are found, or the endpoint cannot be used.
pub async fn endpoint(url: &str, region: &str, allow_plain_http: bool) -> Result<Buckets, String> {
    Buckets::s3(S3Config {
        endpoint: Some(url.to_owned()),
        region: region.to_owned(),
        keys: key_source().await?,
        allow_plain_http,
    })
    .map_err(|error| error.to_string())
}

async fn key_source() -> Result<Arc<dyn S3KeySource>, String> {
    let own = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (own("TIDEGATE_S3_ACCESS_KEY_ID"), own("TIDEGATE_S3_SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret)) => Ok(Arc::new(S3Keys {
            access_key_id,
            secret_access_key: Secret::new(secret),
            session_token: own("TIDEGATE_S3_SESSION_TOKEN").map(Secret::new),
        })),
        (None, None) => {
            let config = aws::config().await;
            let chain =
                Chain { provider: config.credentials_provider().ok_or(MISSING)?, last: Mutex::default() };
            // Asked once now: a server without keys is better told at its start.
            chain.keys().await?;
            Ok(Arc::new(chain))
        }
        _ => {
            Err("TIDEGATE_S3_ACCESS_KEY_ID and TIDEGATE_S3_SECRET_ACCESS_KEY are needed together".to_owned())
        }
    }
}

/// AWS's standard chain; keys that end are asked for anew in time.
struct Chain {
    provider: SharedCredentialsProvider,
    last: Mutex<Option<Credentials>>,
}

#[async_trait]
impl S3KeySource for Chain {
    async fn keys(&self) -> Result<S3Keys, String> {
        let mut last = self.last.lock().await;
        let fresh =
            last.as_ref().filter(|keys| keys.expiry().is_none_or(|end| end > SystemTime::now() + MARGIN));
        let keys = match fresh {
            Some(keys) => keys.clone(),
            None => self.provider.provide_credentials().await.map_err(|_| MISSING.to_owned())?,
        };
        let given = S3Keys {
            access_key_id: keys.access_key_id().to_owned(),
            secret_access_key: Secret::new(keys.secret_access_key().to_owned()),
            session_token: keys.session_token().map(|token| Secret::new(token.to_owned())),
        };
        *last = Some(keys);
        Ok(given)
    }
}
