//! Test: logs in now, and keeps how it went.

use serde::Serialize;
use tidegate_core::ConnectionName;
use tidegate_store::CheckResult;

use super::NameInput;
use crate::error::ApiError;
use crate::health;
use crate::ops::Call;
use crate::ops::update_connector_profile::find;

/// How a test came out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    connector_profile_name: String,
    /// `Proved`, `Refused`, `Unreachable` or `CannotBeTested`.
    result: &'static str,
    message: String,
}

/// Proves a connection now, whatever `--connection-check` says.
pub async fn run(call: Call, input: NameInput) -> Result<Tested, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let connection = find(&call, &name).await?;
    let (result, message) = match call.app.readers.find(connection.connector_type) {
        None => (
            CheckResult::CannotBeTested,
            format!("This server cannot log in to {} yet.", connection.connector_type.as_str()),
        ),
        Some(reader) => {
            let open = call.app.open(&name).await?;
            match reader.check(&open).await {
                Ok(report) => (CheckResult::Proved, report.did),
                Err(error) => (health::result_of(error.kind), error.message),
            }
        }
    };
    health::record(&call.app, &connection, result, &message).await;
    Ok(Tested { connector_profile_name: name.as_str().to_owned(), result: result.as_str(), message })
}
