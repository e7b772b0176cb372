//! How a connection was last found: written by whatever logs in over it.

use tidegate_core::connector::CheckReport;
use tidegate_core::{Connection, ConnectorErrorKind};
use tidegate_engine::RunError;
use tidegate_store::{CheckResult, ConnectionCheck};

use crate::app::App;
use crate::convert::now_ms;

/// Characters of a message that are kept; a vendor's page of HTML is longer.
const LONGEST_MESSAGE: usize = 4_000;

/// What a failure of a connector says about its connection.
pub const fn result_of(kind: ConnectorErrorKind) -> CheckResult {
    match kind {
        ConnectorErrorKind::Refused => CheckResult::Refused,
        ConnectorErrorKind::Unsupported => CheckResult::CannotBeTested,
        // A path that does not exist, or an answer that is no OData, is a
        // wrong address more often than not.
        _ => CheckResult::Unreachable,
    }
}

/// Keeps the result of a check. It is for people to look at, so a store that
/// does not take it fails nothing else.
pub async fn record(app: &App, connection: &Connection, result: CheckResult, message: &str) {
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    let check = ConnectionCheck { result, message, checked_at_ms: now_ms() };
    if let Err(error) = app.store.connections(&app.scope.account).checked(connection, check).await {
        tracing::warn!(connection = %connection.name, %error, "The result of a check could not be kept.");
    }
}

/// Keeps that a connection was proven when it was stored, if it was.
pub async fn proved(app: &App, connection: &Connection, report: Option<&CheckReport>) {
    if let Some(report) = report {
        record(app, connection, CheckResult::Proved, &report.did).await;
    }
}

/// Keeps what a run has found out about its source: that it could be read, that
/// it refused the credentials, or that it did not answer. Any other end of a
/// run says nothing about the connection.
pub async fn after_run(app: &App, connection: &Connection, flow: &str, failure: Option<&RunError>) {
    match failure {
        None => {
            record(app, connection, CheckResult::Proved, &format!("A run of the flow {flow} read it.")).await
        }
        Some(RunError::Connector(error))
            if matches!(error.kind, ConnectorErrorKind::Refused | ConnectorErrorKind::Unreachable) =>
        {
            record(app, connection, result_of(error.kind), &error.message).await;
        }
        Some(_) => {}
    }
}
