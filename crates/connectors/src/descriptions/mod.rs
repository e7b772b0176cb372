//! The descriptions of all connectors: every `connector.yaml`, and the
//! connectors that AWS vends under a label.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tidegate_core::ConnectorType;
use tidegate_core::description::{
    AuthenticationConfig, CustomAuthConfig, Description, OAuth2Defaults, RuntimeSetting,
};

/// The one list of connectors. A type of the API that is missing here does not
/// compile; a folder that does not fit its type fails the tests.
macro_rules! folders {
    ($($variant:ident $folder:literal,)*) => {
        /// The text of a type's `connector.yaml`.
        const fn source(kind: ConnectorType) -> &'static str {
            match kind {
                $(ConnectorType::$variant => include_str!(concat!("../", $folder, "/connector.yaml")),)*
            }
        }
    };
}

folders! {
    Amplitude "amplitude",
    CustomConnector "customconnector",
    CustomerProfiles "customerprofiles",
    Datadog "datadog",
    Dynatrace "dynatrace",
    EventBridge "eventbridge",
    GoogleAnalytics "googleanalytics",
    Honeycode "honeycode",
    InforNexus "infornexus",
    LookoutMetrics "lookoutmetrics",
    Marketo "marketo",
    Pardot "pardot",
    Redshift "redshift",
    S3 "s3",
    Salesforce "salesforce",
    SapOData "sapodata",
    ServiceNow "servicenow",
    Singular "singular",
    Slack "slack",
    Snowflake "snowflake",
    Trendmicro "trendmicro",
    Upsolver "upsolver",
    Veeva "veeva",
    Zendesk "zendesk",
}

/// All types, in the order of the model.
static ALL: LazyLock<Vec<Description>> = LazyLock::new(|| {
    ConnectorType::ALL
        .iter()
        .map(|kind| {
            let description: Description = parse(&format!("{}/connector.yaml", kind.folder()), source(*kind));
            assert_eq!(
                description.connector_type,
                *kind,
                "the folder {} describes another type",
                kind.folder()
            );
            description
        })
        .collect()
});

/// The vended connectors, in the order of their labels.
static VENDED: LazyLock<Vec<Description>> = LazyLock::new(|| {
    let labels: Vec<Vended> = parse("vended/labels.yaml", include_str!("../vended/labels.yaml"));
    labels.into_iter().map(Vended::describe).collect()
});

/// The descriptions of all 24 types, in the order of the model.
pub fn all() -> &'static [Description] {
    &ALL
}

/// The description of a type.
pub fn of(kind: ConnectorType) -> &'static Description {
    ALL.iter().find(|description| description.connector_type == kind).expect("every type has a description")
}

/// The connectors that AWS vends under `connectorType` `CustomConnector`, each
/// with its label. Their profiles are the custom connector's.
pub fn vended() -> &'static [Description] {
    &VENDED
}

/// The vended connector with a label; labels are compared as they are.
pub fn vended_label(label: &str) -> Option<&'static Description> {
    VENDED.iter().find(|description| description.connector_label.as_deref() == Some(label))
}

/// Reads one of the files that are built in. They are tested, so a mistake in
/// one never leaves the workshop.
fn parse<T: DeserializeOwned>(name: &str, text: &str) -> T {
    // By way of JSON, because there a rule's kind is a plain key, not a YAML tag.
    serde_yaml_ng::from_str(text)
        .map_err(|error| error.to_string())
        .and_then(|value: serde_json::Value| serde_json::from_value(value).map_err(|error| error.to_string()))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// One entry of `vended/labels.yaml`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vended {
    label: String,
    name: String,
    /// Whether the label is proven; for readers of the file, and the docs.
    #[serde(default)]
    known: bool,
    authentication: Vec<String>,
    #[serde(default)]
    destination: bool,
    #[serde(default)]
    custom: Vec<CustomAuthConfig>,
    #[serde(default)]
    settings: Vec<RuntimeSetting>,
    #[serde(default)]
    token_urls: Vec<String>,
    #[serde(default = "authorization_code")]
    grant_types: Vec<String>,
}

fn authorization_code() -> Vec<String> {
    vec!["AUTHORIZATION_CODE".to_owned()]
}

impl Vended {
    /// The custom connector's description, narrowed to what this one can do.
    fn describe(self) -> Description {
        let has = |kind: &str| self.authentication.iter().any(|known| known == kind);
        let ways = AuthenticationConfig {
            is_basic_auth_supported: has("BASIC"),
            is_api_key_auth_supported: has("APIKEY"),
            is_o_auth2_supported: has("OAUTH2"),
            is_custom_auth_supported: has("CUSTOM"),
            o_auth2_defaults: has("OAUTH2").then(|| OAuth2Defaults {
                token_urls: self.token_urls.clone(),
                oauth2_grant_types_supported: self.grant_types.clone(),
                ..OAuth2Defaults::default()
            }),
            custom_auth_configs: self.custom.clone(),
        };
        let custom = of(ConnectorType::CustomConnector);
        Description {
            connector_description: format!(
                "The {} connector that AWS vends as {}.",
                plain(&self.name),
                plain(&self.label)
            ),
            connector_label: Some(self.label),
            label_is_known: self.known,
            connector_name: self.name,
            can_use_as_destination: self.destination,
            supported_write_operations: if self.destination {
                custom.supported_write_operations.clone()
            } else {
                Vec::new()
            },
            authentication_config: Some(ways),
            connector_runtime_settings: self.settings,
            ..custom.clone()
        }
    }
}

/// A name without the characters that a description may not hold.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect()
}

mod page;
pub use page::markdown;

#[cfg(test)]
mod tests;
