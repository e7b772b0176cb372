//! What connections lack in AppFlow's API: a list for people, the form of each
//! connector, edit and copy that keep secrets, test, usage.

pub mod authorize;
pub mod copy;
pub mod credentials;
mod documents;
pub mod edit;
pub mod form;
pub mod list;
pub mod test;
pub mod usage;

use serde::Deserialize;

/// Which connection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameInput {
    connector_profile_name: String,
}
