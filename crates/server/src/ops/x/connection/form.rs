//! The form of a connector's connections: every member with its bounds, and the
//! rules between them, so that a page can draw and check it without knowing the
//! connector.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidegate_connectors::descriptions;
use tidegate_core::ConnectorType;
use tidegate_core::description::{AuthorizationCode, Description, Kind, Member, Rule};
use tidegate_wire::schema::{Bounds, Kind as ShapeKind, Shape, shape};

use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::profile_rules::{known_label, refused};

/// Which connector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FormInput {
    connector_type: String,
    connector_label: Option<String>,
}

/// The form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    connector_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector_label: Option<&'static str>,
    union_key: &'static str,
    connector_name: &'static str,
    credentials_required: bool,
    has_profile: bool,
    properties: Vec<Field>,
    credentials: Vec<Field>,
    rules: Vec<Rule>,
    authorization: Option<Value>,
    limits: Value,
    label_is_known: bool,
}

/// A member as the page draws it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    path: &'static str,
    label: &'static str,
    help: &'static str,
    kind: Kind,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<&'static Value>,
    options: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leading: Option<&'static str>,
    destination: bool,
    secret: bool,
    oauth: bool,
    oauth_keys: &'static [String],
    #[serde(flatten)]
    limits: Limits,
    /// The keys that the connector knows of a map.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Key>,
}

/// What a value must be like. Lengths are characters.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_items: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_items: Option<i64>,
    /// Of a list each element, of a map each value.
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<Box<Limits>>,
    /// Of a map each key.
    #[serde(skip_serializing_if = "Option::is_none")]
    map_key: Option<Box<Limits>>,
}

/// A key of a map.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    key: &'static str,
    label: &'static str,
    required: bool,
    secret: bool,
    options: Vec<&'static str>,
    /// The way to log in that asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_authentication_type: Option<&'static str>,
}

/// Describes the form of a type or of a vended connector.
pub async fn run(_call: Call, input: FormInput) -> Result<Form, ApiError> {
    let kind = ConnectorType::parse(&input.connector_type).ok_or_else(|| {
        ApiError::validation("connectorType must be one of the connector types of the API.")
    })?;
    let label = input.connector_label.as_deref().filter(|label| !label.is_empty());
    let description = descriptions::of(kind);
    if label.is_some() {
        description.check_label(label).map_err(|finding| refused(&[finding]))?;
    }
    known_label(kind, label)?;
    form(label.and_then(descriptions::vended_label).unwrap_or(description))
}

fn form(of: &'static Description) -> Result<Form, ApiError> {
    let side = |name: &str, members: &'static [Member]| -> Vec<Field> {
        let inner = shape(name).and_then(|union| union.member(of.connector_type.union_key()));
        let members = members.iter().filter(|member| offers(of, &member.path));
        members.map(|member| field(of, member, inner.map(|inner| inner.shape))).collect()
    };
    let profile = of.profile.as_ref();
    let rules = profile.map_or(&[][..], |profile| &profile.rules);
    Ok(Form {
        connector_type: of.connector_type.as_str(),
        connector_label: of.connector_label.as_deref(),
        union_key: of.connector_type.union_key(),
        connector_name: &of.connector_name,
        credentials_required: profile.is_some_and(|profile| profile.credentials_required),
        has_profile: profile.is_some(),
        properties: side("ConnectorProfileProperties", of.properties()),
        credentials: side("ConnectorProfileCredentials", of.credentials()),
        rules: rules
            .iter()
            .map(|rule| Rule { message: rule.message.replace("{connector}", &of.shouted()), ..rule.clone() })
            .collect(),
        authorization: of.authorization().map(|way| authorization(&way)),
        limits: serde_json::to_value(&of.limits).map_err(ApiError::internal)?,
        label_is_known: of.connector_label.is_none() || of.label_is_known,
    })
}

/// Whether the ways to log in of a vended connector leave a member of the
/// custom connector any use.
fn offers(of: &Description, path: &str) -> bool {
    let Some(ways) = of.authentication_config.as_ref().filter(|_| of.connector_label.is_some()) else {
        return true;
    };
    match path.split('.').next() {
        Some("basic") => ways.is_basic_auth_supported,
        Some("apiKey") => ways.is_api_key_auth_supported,
        Some("oauth2" | "oAuth2Properties") => ways.is_o_auth2_supported,
        Some("custom") => ways.is_custom_auth_supported,
        _ => true,
    }
}

fn field(of: &'static Description, member: &'static Member, side: Option<&'static Shape>) -> Field {
    let shape = side.and_then(|side| {
        member.path.split('.').try_fold(side, |at, name| at.member(name).map(|member| member.shape))
    });
    Field {
        path: &member.path,
        label: &member.label,
        help: &member.help,
        kind: member.kind,
        required: member.required,
        example: member.example.as_ref(),
        options: options(of, member),
        leading: member.leading.as_deref(),
        destination: member.destination,
        secret: member.secret,
        oauth: member.oauth,
        oauth_keys: &member.oauth_keys,
        limits: shape.map(limits).unwrap_or_default(),
        keys: keys(of, &member.path),
    }
}

/// The values to choose from; for a member of a vended connector only those
/// that it knows, and the addresses that it suggests.
fn options(of: &'static Description, member: &'static Member) -> Vec<&'static str> {
    let all: Vec<&str> = member.options.iter().map(String::as_str).collect();
    let Some(ways) = of.authentication_config.as_ref().filter(|_| of.connector_label.is_some()) else {
        return all;
    };
    let defaults = ways.o_auth2_defaults.as_ref();
    match member.path.as_str() {
        "authenticationType" => all
            .into_iter()
            .filter(|way| match *way {
                "BASIC" => ways.is_basic_auth_supported,
                "APIKEY" => ways.is_api_key_auth_supported,
                "OAUTH2" => ways.is_o_auth2_supported,
                "CUSTOM" => ways.is_custom_auth_supported,
                _ => false,
            })
            .collect(),
        "oAuth2Properties.oAuth2GrantType" => {
            let known = defaults.map_or(&[][..], |defaults| &defaults.oauth2_grant_types_supported);
            if known.is_empty() { all } else { known.iter().map(String::as_str).collect() }
        }
        "oAuth2Properties.tokenUrl" => {
            defaults.map_or(&[][..], |defaults| &defaults.token_urls).iter().map(String::as_str).collect()
        }
        "custom.customAuthenticationType" => {
            ways.custom_auth_configs.iter().map(|way| way.custom_authentication_type.as_str()).collect()
        }
        _ => all,
    }
}

fn keys(of: &'static Description, path: &str) -> Vec<Key> {
    match path {
        "profileProperties" => of
            .connector_runtime_settings
            .iter()
            .filter(|setting| setting.scope == "CONNECTOR_PROFILE")
            .map(|setting| Key {
                key: &setting.key,
                label: &setting.label,
                required: setting.is_required,
                secret: false,
                options: setting.connector_supplied_value_options.iter().map(String::as_str).collect(),
                custom_authentication_type: None,
            })
            .collect(),
        "custom.credentialsMap" => {
            let ways = of.authentication_config.iter().flat_map(|config| &config.custom_auth_configs);
            ways.flat_map(|way| {
                way.auth_parameters.iter().map(|parameter| Key {
                    key: &parameter.key,
                    label: &parameter.label,
                    required: parameter.is_required,
                    secret: parameter.is_sensitive_field,
                    options: parameter.connector_supplied_values.iter().map(String::as_str).collect(),
                    custom_authentication_type: Some(&way.custom_authentication_type),
                })
            })
            .collect()
        }
        _ => Vec::new(),
    }
}

fn limits(shape: &Shape) -> Limits {
    let mut found = Limits::default();
    let inner = |shape: &Shape| Some(Box::new(limits(shape)));
    match &shape.kind {
        ShapeKind::String { length, pattern, .. } => {
            Bounds { min: found.min_length, max: found.max_length } = *length;
            found.pattern = pattern.map(|pattern| pattern.portable());
        }
        ShapeKind::Integer(range) | ShapeKind::Long(range) => {
            Bounds { min: found.minimum, max: found.maximum } = *range;
        }
        ShapeKind::List { length, element } => {
            Bounds { min: found.min_items, max: found.max_items } = *length;
            found.element = inner(element);
        }
        ShapeKind::Map { length, key, value } => {
            Bounds { min: found.min_items, max: found.max_items } = *length;
            found.element = inner(value);
            found.map_key = inner(key);
        }
        _ => {}
    }
    found
}

fn authorization(way: &AuthorizationCode<'_>) -> Value {
    let property = |path: &str| format!("properties.{path}");
    let credential = |path: &str| format!("credentials.{path}");
    let mut told = json!({
        "clientIdPath": credential(way.client_id_path),
        "authCodePath": credential(way.auth_code_path),
        "redirectUriPath": credential(way.redirect_uri_path),
        "authCodeUrls": way.auth_code_urls,
        "tokenUrls": way.token_urls,
        "scopes": way.scopes,
    });
    for (name, path) in [
        ("authCodeUrlPath", way.auth_code_url_path.map(property)),
        ("tokenUrlPath", way.token_url_path.map(property)),
        ("scopesPath", way.scopes_path.map(property)),
        ("clientSecretPath", way.client_secret_path.map(credential)),
    ] {
        if let Some(path) = path {
            told[name] = Value::String(path);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ConnectorType, label: Option<&str>) -> Value {
        let description =
            label.and_then(descriptions::vended_label).unwrap_or_else(|| descriptions::of(kind));
        serde_json::to_value(form(description).expect("a form")).expect("JSON")
    }

    fn at<'a>(form: &'a Value, side: &str, path: &str) -> &'a Value {
        let fields = form[side].as_array().expect("fields");
        fields.iter().find(|field| field["path"] == path).unwrap_or_else(|| panic!("no {path}"))
    }

    #[test]
    fn every_member_finds_its_shape() {
        for of in descriptions::all().iter().chain(descriptions::vended()) {
            for (name, members) in [
                ("ConnectorProfileProperties", of.properties()),
                ("ConnectorProfileCredentials", of.credentials()),
            ] {
                let side = shape(name).and_then(|union| union.member(of.connector_type.union_key()));
                for member in members {
                    let found = member.path.split('.').try_fold(side.expect("a side").shape, |at, name| {
                        at.member(name).map(|member| member.shape)
                    });
                    assert!(found.is_some(), "{} has no {}", of.connector_type.as_str(), member.path);
                }
            }
        }
    }

    #[test]
    fn the_form_has_the_bounds_of_the_wire() {
        let sap = told(ConnectorType::SapOData, None);
        let port = at(&sap, "properties", "portNumber");
        assert_eq!((&port["minimum"], &port["maximum"]), (&json!(1), &json!(65535)));
        let client = at(&sap, "properties", "clientNumber");
        assert_eq!((&client["minLength"], &client["pattern"]), (&json!(3), &json!("^[0-9]{3}$")));
        assert!(at(&sap, "properties", "oAuthProperties.oAuthScopes")["element"]["maxLength"].is_i64());
        assert_eq!(sap["authorization"]["authCodeUrlPath"], "properties.oAuthProperties.authCodeUrl");
        assert_eq!(sap["authorization"]["clientIdPath"], "credentials.oAuthCredentials.clientId");
        let said = sap["rules"].to_string();
        assert!(said.contains("SAPODATA") && !said.contains("{connector}"));
        let slack = told(ConnectorType::Slack, None);
        assert_eq!(slack["authorization"]["tokenUrls"], json!(["https://slack.com/api/oauth.v2.access"]));
        assert_eq!(slack["authorization"]["authCodePath"], "credentials.oAuthRequest.authCode");
        assert!(told(ConnectorType::Salesforce, None)["authorization"].is_null(), "its client is elsewhere");
        assert_eq!(told(ConnectorType::S3, None)["hasProfile"], false);
    }

    #[test]
    fn a_vended_connector_offers_what_it_can_do() {
        let form = told(ConnectorType::CustomConnector, Some("AmazonRDSPostgreSQL"));
        assert_eq!(at(&form, "credentials", "authenticationType")["options"], json!(["CUSTOM"]));
        assert_eq!(form["labelIsKnown"], true);
        let paths = form["credentials"].to_string() + &form["properties"].to_string();
        assert!(!paths.contains("basic.") && !paths.contains("oAuth2Properties"));
        let keys = at(&form, "credentials", "custom.credentialsMap")["keys"].as_array().expect("keys");
        let secret: Vec<&Value> =
            keys.iter().filter(|key| key["secret"] == true).map(|k| &k["key"]).collect();
        assert_eq!(secret, ["password"]);
    }
}
