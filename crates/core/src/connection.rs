//! Connections (connector profiles) and the credentials that belong to them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ConnectionName;
use crate::secret::Secret;

macro_rules! connector_types {
    ($($variant:ident $wire:literal $union:literal $folder:literal,)*) => {
        /// The 24 connector types of the API, spelled as the model spells them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ConnectorType {
            $(
                #[doc = concat!("`", $wire, "`")]
                #[serde(rename = $wire)]
                $variant,
            )*
        }

        impl ConnectorType {
            /// All types, in the order of the model.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The value of `connectorType`, such as `Googleanalytics`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }

            /// The member that carries this type in the unions
            /// (`connectorProfileProperties`, `connectorOperator`, …), such as
            /// `GoogleAnalytics`: the model spells three types in two ways.
            pub const fn union_key(self) -> &'static str {
                match self { $(Self::$variant => $union,)* }
            }

            /// The folder of the connector in the `connectors` crate.
            pub const fn folder(self) -> &'static str {
                match self { $(Self::$variant => $folder,)* }
            }

            /// Reads a value of `connectorType`.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($wire => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

connector_types! {
    Salesforce "Salesforce" "Salesforce" "salesforce",
    Singular "Singular" "Singular" "singular",
    Slack "Slack" "Slack" "slack",
    Redshift "Redshift" "Redshift" "redshift",
    S3 "S3" "S3" "s3",
    Marketo "Marketo" "Marketo" "marketo",
    GoogleAnalytics "Googleanalytics" "GoogleAnalytics" "googleanalytics",
    Zendesk "Zendesk" "Zendesk" "zendesk",
    ServiceNow "Servicenow" "ServiceNow" "servicenow",
    Datadog "Datadog" "Datadog" "datadog",
    Trendmicro "Trendmicro" "Trendmicro" "trendmicro",
    Snowflake "Snowflake" "Snowflake" "snowflake",
    Dynatrace "Dynatrace" "Dynatrace" "dynatrace",
    InforNexus "Infornexus" "InforNexus" "infornexus",
    Amplitude "Amplitude" "Amplitude" "amplitude",
    Veeva "Veeva" "Veeva" "veeva",
    EventBridge "EventBridge" "EventBridge" "eventbridge",
    LookoutMetrics "LookoutMetrics" "LookoutMetrics" "lookoutmetrics",
    Upsolver "Upsolver" "Upsolver" "upsolver",
    Honeycode "Honeycode" "Honeycode" "honeycode",
    CustomerProfiles "CustomerProfiles" "CustomerProfiles" "customerprofiles",
    SapOData "SAPOData" "SAPOData" "sapodata",
    CustomConnector "CustomConnector" "CustomConnector" "customconnector",
    Pardot "Pardot" "Pardot" "pardot",
}

/// Whether a connection goes over the public internet or, at AWS, over
/// PrivateLink. Self-hosted there is no difference; the mode is kept and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionMode {
    /// Over the public internet.
    Public,
    /// Over PrivateLink; here the same as `Public`.
    Private,
}

/// A connection without its secrets: what may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// The name, unique in the account.
    pub name: ConnectionName,
    /// What it connects to.
    pub connector_type: ConnectorType,
    /// The label of a custom or vended connector (`CustomConnector` only).
    pub connector_label: Option<String>,
    /// Public or private.
    pub mode: ConnectionMode,
    /// The properties of the type, as they were sent: the *inner* document of
    /// `connectorProfileProperties`, below the union key.
    pub properties: Value,
    /// The key that the caller named for encryption; kept, never used.
    pub kms_arn: Option<String>,
    /// The ARN under which clients know the sealed credentials, if there are any.
    pub credentials_arn: Option<String>,
    /// The number of the current version of the sealed credentials, from 1;
    /// 0 when the connection has none.
    pub credentials_version: u32,
    /// Epoch milliseconds.
    pub created_at_ms: i64,
    /// Epoch milliseconds.
    pub updated_at_ms: i64,
}

/// The credentials of a connection in clear: the *inner* document of
/// `connectorProfileCredentials`, below the union key. It exists only inside
/// a request that brought it and inside an [`OpenConnection`].
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials(Secret<Value>);

impl Credentials {
    /// Takes the inner document.
    pub const fn new(document: Value) -> Self {
        Self(Secret::new(document))
    }

    /// The document, for the code that authenticates or seals.
    pub fn expose(&self) -> &Value {
        self.0.expose()
    }

    /// A member by its dotted path, such as `basicAuthCredentials.password`.
    /// An empty text counts as absent, as everywhere on this wire.
    pub fn get(&self, path: &str) -> Option<&str> {
        path.split('.')
            .try_fold(self.expose(), |value, key| value.get(key))
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Every text in the document, for scrubbing them out of vendors' answers.
    pub fn texts(&self) -> Vec<&str> {
        fn walk<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
            match value {
                Value::String(text) if !text.is_empty() => texts.push(text),
                Value::Array(items) => items.iter().for_each(|item| walk(item, texts)),
                Value::Object(members) => members.values().for_each(|member| walk(member, texts)),
                _ => {}
            }
        }
        let mut texts = Vec::new();
        walk(self.expose(), &mut texts);
        texts
    }
}

/// A connection with its credentials in clear, for the length of one use.
#[derive(Clone, Debug)]
pub struct OpenConnection {
    /// What may be shown.
    pub connection: Connection,
    /// What may not. An empty document when the connection has none.
    pub credentials: Credentials,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_has_24_types_and_three_double_spellings() {
        assert_eq!(ConnectorType::ALL.len(), 24);
        let odd: Vec<_> =
            ConnectorType::ALL.iter().filter(|t| t.as_str() != t.union_key()).map(|t| t.as_str()).collect();
        assert_eq!(odd, ["Googleanalytics", "Servicenow", "Infornexus"]);
        for kind in ConnectorType::ALL {
            assert_eq!(ConnectorType::parse(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn credentials_answer_by_path_and_hide_in_debug() {
        let credentials =
            Credentials::new(serde_json::json!({"basicAuthCredentials": {"username": "u", "password": "p"}}));
        assert_eq!(credentials.get("basicAuthCredentials.password"), Some("p"));
        assert_eq!(credentials.get("basicAuthCredentials.nothing"), None);
        assert_eq!(credentials.texts(), ["u", "p"]);
        assert!(
            !format!("{credentials:?}").contains('p')
                || format!("{credentials:?}") == "Credentials([redacted])"
        );
    }
}
