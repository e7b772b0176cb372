//! What DescribeConnector and ListConnectors answer, as the JSON of the wire.

use serde_json::{Map, Value, json};

use super::{AuthenticationConfig, Description};
use crate::connection::ConnectorType;

impl Description {
    /// The `ConnectorConfiguration` of the type. `icons` is the address under
    /// which this server shows icons (`http://host/icons`); without one there
    /// is no `logoURL`.
    pub fn configuration(&self, icons: Option<&str>) -> Value {
        let types: Vec<&str> =
            self.supported_destination_connectors.iter().map(|kind| kind.as_str()).collect();
        let mut answer = json!({
            "canUseAsSource": self.can_use_as_source,
            "canUseAsDestination": self.can_use_as_destination,
            "isPrivateLinkEnabled": self.is_private_link_enabled,
            "isPrivateLinkEndpointUrlRequired": self.is_private_link_endpoint_url_required,
            "connectorType": self.connector_type.as_str(),
            "connectorName": self.connector_name,
            "connectorDescription": self.connector_description,
            "connectorOwner": self.connector_owner,
            "connectorVersion": self.connector_version,
            "connectorModes": self.connector_modes(),
            "supportedDataTransferTypes": self.supported_data_transfer_types,
        });
        let mut add = |key: &str, value: Value| {
            if value.as_array().is_none_or(|items| !items.is_empty()) {
                answer[key] = value;
            }
        };
        add("supportedDestinationConnectors", json!(types));
        add("supportedSchedulingFrequencies", json!(self.supported_scheduling_frequencies));
        add("supportedTriggerTypes", json!(self.supported_trigger_types));
        add("supportedApiVersions", json!(self.supported_api_versions));
        add("supportedOperators", json!(self.supported_operators.iter().collect::<Vec<_>>()));
        add("supportedWriteOperations", json!(self.supported_write_operations));
        add("supportedDataTransferApis", self.transfer_apis());
        add("connectorRuntimeSettings", self.runtime_settings());
        if let Some(metadata) = self.metadata() {
            add("connectorMetadata", metadata);
        }
        if let Some(ways) = &self.authentication_config {
            add("authenticationConfig", authentication(ways));
        }
        if let Some(label) = &self.connector_label {
            add("connectorLabel", json!(label));
        }
        if let Some(kind) = &self.connector_provisioning_type {
            add("connectorProvisioningType", json!(kind));
        }
        if let Some(icons) = icons {
            add("logoURL", json!(format!("{icons}/{}.svg", self.connector_type.folder())));
        }
        answer
    }

    /// The `ConnectorDetail` of the type.
    pub fn detail(&self) -> Value {
        let mut answer = json!({
            "connectorType": self.connector_type.as_str(),
            "connectorName": self.connector_name,
            "connectorDescription": self.connector_description,
            "connectorOwner": self.connector_owner,
            "connectorVersion": self.connector_version,
            "connectorModes": self.connector_modes(),
            "supportedDataTransferTypes": self.supported_data_transfer_types,
        });
        if let Some(label) = &self.connector_label {
            answer["connectorLabel"] = json!(label);
        }
        if let Some(kind) = &self.connector_provisioning_type {
            answer["connectorProvisioningType"] = json!(kind);
        }
        answer
    }

    /// `connectorModes`, which says the same as `canUseAs…`.
    pub fn connector_modes(&self) -> Vec<&'static str> {
        [(self.can_use_as_source, "SOURCE"), (self.can_use_as_destination, "DESTINATION")]
            .into_iter()
            .filter_map(|(can, mode)| can.then_some(mode))
            .collect()
    }

    /// `connectorMetadata`: one member under the type's key. The model has
    /// none for these two types.
    fn metadata(&self) -> Option<Value> {
        if matches!(self.connector_type, ConnectorType::CustomConnector | ConnectorType::LookoutMetrics) {
            return None;
        }
        let of = &self.connector_metadata;
        let lists = [
            ("oAuthScopes", &of.o_auth_scopes),
            ("supportedRegions", &of.supported_regions),
            ("dataTransferApis", &of.data_transfer_apis),
            ("oauth2GrantTypesSupported", &of.oauth2_grant_types_supported),
        ];
        let inner: Map<String, Value> = lists
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(key, list)| (key.to_owned(), json!(list)))
            .collect();
        Some(json!({ self.connector_type.union_key(): inner }))
    }

    fn transfer_apis(&self) -> Value {
        // The model spells these two members with a capital letter.
        self.supported_data_transfer_apis
            .iter()
            .map(|api| json!({ "Name": api.name, "Type": api.r#type }))
            .collect()
    }

    fn runtime_settings(&self) -> Value {
        self.connector_runtime_settings
            .iter()
            .map(|setting| {
                json!({
                    "key": setting.key,
                    "dataType": setting.data_type,
                    "isRequired": setting.is_required,
                    "label": setting.label,
                    "scope": setting.scope,
                    "connectorSuppliedValueOptions": setting.connector_supplied_value_options,
                })
            })
            .collect()
    }
}

fn authentication(ways: &AuthenticationConfig) -> Value {
    let mut answer = json!({
        "isBasicAuthSupported": ways.is_basic_auth_supported,
        "isApiKeyAuthSupported": ways.is_api_key_auth_supported,
        "isOAuth2Supported": ways.is_o_auth2_supported,
        "isCustomAuthSupported": ways.is_custom_auth_supported,
    });
    if let Some(defaults) = &ways.o_auth2_defaults {
        answer["oAuth2Defaults"] = json!({
            "oauthScopes": defaults.oauth_scopes,
            "tokenUrls": defaults.token_urls,
            "authCodeUrls": defaults.auth_code_urls,
            "oauth2GrantTypesSupported": defaults.oauth2_grant_types_supported,
        });
    }
    if !ways.custom_auth_configs.is_empty() {
        answer["customAuthConfigs"] = ways
            .custom_auth_configs
            .iter()
            .map(|way| {
                let parameters: Vec<Value> = way
                    .auth_parameters
                    .iter()
                    .map(|parameter| {
                        json!({
                            "key": parameter.key,
                            "label": parameter.label,
                            "isRequired": parameter.is_required,
                            "isSensitiveField": parameter.is_sensitive_field,
                            "connectorSuppliedValues": parameter.connector_supplied_values,
                        })
                    })
                    .collect();
                json!({ "customAuthenticationType": way.custom_authentication_type, "authParameters": parameters })
            })
            .collect();
    }
    answer
}
