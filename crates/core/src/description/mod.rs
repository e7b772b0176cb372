//! A connector's description as data: what its `connector.yaml` says.
//!
//! One description feeds four things: the answers of DescribeConnector,
//! DescribeConnectors and ListConnectors ([`Description::configuration`],
//! [`Description::detail`]), the check of a connection
//! ([`Description::check_union`], [`Description::check_profile`]), the place a
//! credential is bound to ([`Description::destination_binding`]), and the form
//! and the page of the docs. Everything here is pure.

use serde::{Deserialize, Serialize};

use crate::connection::ConnectorType;

mod authorization;
mod binding;
mod configuration;
mod credentials;
mod document;
mod keep;
mod profile;
mod rule;
mod union;

pub use authorization::AuthorizationCode;
pub use binding::BINDING_VERSION;
pub use profile::{Kind, Member, Profile};
pub use rule::{Check, Condition, Rule, Value as RuleValue};
pub use union::ProfileParts;

/// What a connector says about itself: the whole of a `connector.yaml`. Names
/// and values are spelled as the API's model spells them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Description {
    /// The type that this description is of.
    pub connector_type: ConnectorType,
    /// The label of a connector that is vended under `CustomConnector`; no
    /// `connector.yaml` has one.
    #[serde(skip)]
    pub connector_label: Option<String>,
    /// Whether that label is known to be the service's.
    #[serde(skip)]
    pub label_is_known: bool,
    /// The name for people, such as `SAP OData`.
    pub connector_name: String,
    /// One or two sentences for people.
    pub connector_description: String,
    /// Who made the connector.
    pub connector_owner: String,
    /// The version of the connector (not of the vendor's API).
    pub connector_version: String,
    /// Whether a flow may read from it.
    pub can_use_as_source: bool,
    /// Whether a flow may write to it.
    pub can_use_as_destination: bool,
    /// Where a flow that reads from it may write to.
    #[serde(default)]
    pub supported_destination_connectors: Vec<ConnectorType>,
    /// How often a flow that reads from it may run (`ScheduleFrequencyType`).
    #[serde(default)]
    pub supported_scheduling_frequencies: Vec<String>,
    /// What may start a flow that reads from it (`TriggerType`).
    #[serde(default)]
    pub supported_trigger_types: Vec<String>,
    /// Whether the service offers PrivateLink for it.
    #[serde(default)]
    pub is_private_link_enabled: bool,
    /// Whether PrivateLink needs the name of an endpoint service.
    #[serde(default)]
    pub is_private_link_endpoint_url_required: bool,
    /// The member of `connectorMetadata` that belongs to the type.
    #[serde(default)]
    pub connector_metadata: Metadata,
    /// The ways to log in; absent for a type without connections.
    pub authentication_config: Option<AuthenticationConfig>,
    /// Settings beside the profile's properties; only custom connectors have some.
    #[serde(default)]
    pub connector_runtime_settings: Vec<RuntimeSetting>,
    /// The versions of the vendor's API that a flow may name in `apiVersion`.
    #[serde(default)]
    pub supported_api_versions: Vec<String>,
    /// The operators that a task on it may use.
    #[serde(default)]
    pub supported_operators: Operators,
    /// What it can do with a record (`WriteOperationType`).
    #[serde(default)]
    pub supported_write_operations: Vec<String>,
    /// How the code is provided; only registered connectors say so.
    pub connector_provisioning_type: Option<String>,
    /// Whether it carries records, files or both.
    pub supported_data_transfer_types: Vec<String>,
    /// The vendor's interfaces that a flow may choose from.
    #[serde(default)]
    pub supported_data_transfer_apis: Vec<DataTransferApi>,
    /// What a run is limited by, for the docs and the console.
    #[serde(default)]
    pub limits: Limits,
    /// What a connection holds; absent for a type that has no connections.
    pub profile: Option<Profile>,
}

/// What `connectorMetadata` tells below the type's key; most types tell nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Metadata {
    /// The OAuth scopes that the connector asks for.
    #[serde(rename = "oAuthScopes")]
    pub o_auth_scopes: Vec<String>,
    /// The vendor's regions (Snowflake).
    pub supported_regions: Vec<String>,
    /// The vendor's interfaces (Salesforce).
    pub data_transfer_apis: Vec<String>,
    /// The OAuth grants that the connector accepts (Salesforce).
    pub oauth2_grant_types_supported: Vec<String>,
}

/// `authenticationConfig`: the ways to log in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuthenticationConfig {
    /// A user name and a password.
    pub is_basic_auth_supported: bool,
    /// A key, perhaps with a second one.
    pub is_api_key_auth_supported: bool,
    /// OAuth 2.
    #[serde(rename = "isOAuth2Supported")]
    pub is_o_auth2_supported: bool,
    /// A way of the connector's own.
    pub is_custom_auth_supported: bool,
    /// What OAuth 2 starts from.
    #[serde(rename = "oAuth2Defaults")]
    pub o_auth2_defaults: Option<OAuth2Defaults>,
    /// The ways of the connector's own.
    pub custom_auth_configs: Vec<CustomAuthConfig>,
}

/// `oAuth2Defaults`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OAuth2Defaults {
    /// Scopes.
    pub oauth_scopes: Vec<String>,
    /// Where tokens come from.
    pub token_urls: Vec<String>,
    /// Where a person gives consent.
    pub auth_code_urls: Vec<String>,
    /// The grants.
    pub oauth2_grant_types_supported: Vec<String>,
}

/// `customAuthConfigs[]`: one way of the connector's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomAuthConfig {
    /// Its name in `customAuthenticationType`.
    pub custom_authentication_type: String,
    /// The keys of `credentialsMap`.
    #[serde(default)]
    pub auth_parameters: Vec<AuthParameter>,
}

/// `authParameters[]`: one key of `credentialsMap`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthParameter {
    /// The key.
    pub key: String,
    /// The name for people.
    pub label: String,
    /// Whether it must be given.
    #[serde(default)]
    pub is_required: bool,
    /// Whether it is a secret.
    #[serde(default)]
    pub is_sensitive_field: bool,
    /// The values to choose from.
    #[serde(default)]
    pub connector_supplied_values: Vec<String>,
}

/// `connectorRuntimeSettings[]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimeSetting {
    /// The key of `profileProperties` or `customProperties`.
    pub key: String,
    /// `String`, `Integer`, `Boolean`, …
    pub data_type: String,
    /// Whether it must be given.
    #[serde(default)]
    pub is_required: bool,
    /// The name for people.
    pub label: String,
    /// `CONNECTOR_PROFILE`, `SOURCE`, `DESTINATION` or `SOURCE_AND_DESTINATION`.
    pub scope: String,
    /// The values to choose from.
    #[serde(default)]
    pub connector_supplied_value_options: Vec<String>,
}

/// `supportedOperators`, in the two kinds of the user guide.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Operators {
    /// Which records and fields are read.
    pub filter: Vec<String>,
    /// What happens to a value.
    pub value: Vec<String>,
}

impl Operators {
    /// All of them, filters first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.filter.iter().chain(&self.value).map(String::as_str)
    }

    /// Whether a task on this connector may use an operator.
    pub fn has(&self, operator: &str) -> bool {
        self.iter().any(|known| known == operator)
    }
}

/// `supportedDataTransferApis[]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataTransferApi {
    /// The name.
    pub name: String,
    /// `SYNC`, `ASYNC` or `AUTOMATIC`.
    pub r#type: String,
}

/// What a run is limited by, as the service documents it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Records that a run reads at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_per_run: Option<u64>,
    /// Megabytes that a run reads at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_megabytes_per_run: Option<u64>,
    /// Megabytes that a run writes at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_megabytes_per_run: Option<u64>,
    /// Megabytes of one input file at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub megabytes_per_file: Option<u64>,
    /// Days that the date range of a run spans at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_per_run: Option<u32>,
    /// Everything that is not a number of these, a sentence each.
    pub notes: Vec<String>,
}

#[cfg(test)]
mod tests;
