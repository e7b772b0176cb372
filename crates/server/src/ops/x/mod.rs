//! What Tidegate offers beyond the API of AppFlow, under `/x/`: `POST`, JSON,
//! signed and refused like everything else. `docs/extensions.md` has the page.

mod connection;
mod flow;
mod key;
mod user;
mod vault;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_wire::ErrorKind;

pub use connection::authorize::completed as complete_authorization;

use super::{Call, Caller};
use crate::app::App;
use crate::error::ApiError;

macro_rules! extensions {
    ($($(#[$doc:meta])* $variant:ident $path:literal => $run:path,)*) => {
        /// The operations under `/x/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Extension {
            $($(#[$doc])* $variant,)*
        }

        impl Extension {
            /// The operation at a path below `/x/`.
            pub fn parse(path: &str) -> Option<Self> {
                match path { $($path => Some(Self::$variant),)* _ => None }
            }

            /// The name, for logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }
        }

        /// Carries an extension out.
        ///
        /// # Errors
        /// The error of the wire.
        pub async fn dispatch(
            app: &Arc<App>,
            caller: &Caller,
            extension: Extension,
            input: Value,
        ) -> Result<Value, ApiError> {
            if caller.session_id.is_some() && extension.needs_access_key() {
                return Err(ApiError::new(
                    ErrorKind::AccessDenied,
                    format!(
                        "{} is not for sessions of the console: sign with an access key, as the tidegate command does.",
                        extension.name()
                    ),
                ));
            }
            let call = Call::without_token(app, caller);
            match extension {
                $(Extension::$variant => answer($run(call, read(input)?).await?),)*
            }
        }
    };
}

extensions! {
    /// Copies a connection.
    CopyConnectorProfile "copy-connector-profile" => connection::copy::run,
    /// Proves a connection now.
    TestConnectorProfile "test-connector-profile" => connection::test::run,
    /// Lists the flows that use a connection.
    DescribeConnectorProfileUsage "describe-connector-profile-usage" => connection::usage::run,
    /// Lists connections by filter, order and page.
    ListConnectorProfiles "list-connector-profiles" => connection::list::run,
    /// Describes the form of a connector's connections.
    DescribeConnectorForm "describe-connector-form" => connection::form::run,
    /// Tells which credentials of a connection are set.
    DescribeConnectorProfileCredentials "describe-connector-profile-credentials" => connection::credentials::run,
    /// Changes a connection and keeps the secrets that it is told to.
    EditConnectorProfile "edit-connector-profile" => connection::edit::run,
    /// Begins an authorization in a window.
    BeginConnectorAuthorization "begin-connector-authorization" => connection::authorize::begin,
    /// Takes what came back from that window.
    CompleteConnectorAuthorization "complete-connector-authorization" => connection::authorize::complete,
    /// Starts runs with a window, filters or a mode of their own.
    StartFlowRun "start-flow-run" => flow::start_run::run,
    /// Delivers events to a flow.
    DeliverFlowEvents "deliver-flow-events" => flow::deliver_events::run,
    /// Searches the runs of flows.
    ListFlowRuns "list-flow-runs" => flow::list_runs::run,
    /// Makes an access key.
    CreateAccessKey "create-access-key" => key::create,
    /// Lists the access keys.
    ListAccessKeys "list-access-keys" => key::list,
    /// Disables an access key.
    DisableAccessKey "disable-access-key" => key::disable,
    /// Makes a user of the console.
    CreateUser "create-user" => user::create,
    /// Gives a user another password.
    SetUserPassword "set-user-password" => user::set_password,
    /// Lists the users.
    ListUsers "list-users" => user::list,
    /// Disables a user.
    DisableUser "disable-user" => user::disable,
    /// Starts (or joins) a rotation of the vault's key.
    RotateVault "rotate-vault" => vault::rotate,
    /// Tells how far the rotation is.
    DescribeVaultRotation "describe-vault-rotation" => vault::describe,
}

impl Extension {
    /// What decides who may come in, and what everything is sealed with, is
    /// out of reach of a browser.
    const fn needs_access_key(self) -> bool {
        matches!(
            self,
            Self::CreateAccessKey
                | Self::ListAccessKeys
                | Self::DisableAccessKey
                | Self::CreateUser
                | Self::SetUserPassword
                | Self::ListUsers
                | Self::DisableUser
                | Self::RotateVault
                | Self::DescribeVaultRotation
        )
    }
}

/// Reads an input. serde's own text could quote a secret, so only the place is told.
fn read<T: DeserializeOwned>(input: Value) -> Result<T, ApiError> {
    serde_json::from_value(input).map_err(|error| {
        let text = error.to_string();
        // Names of members are the API's own; values are the caller's.
        let told = ["missing field", "unknown field"].iter().any(|start| text.starts_with(start));
        ApiError::validation(if told {
            format!("The request does not fit: {text}.")
        } else {
            "The request does not fit: a member has the wrong JSON type.".to_owned()
        })
    })
}

fn answer<T: Serialize>(output: T) -> Result<Value, ApiError> {
    serde_json::to_value(output).map_err(ApiError::internal)
}

/// An input without members.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
