//! No secret member leaves by a message, by `Debug` or by a redacted copy.

use serde_json::{Value, json};
use tidegate_wire::schema::{Kind, Shape, shape};
use tidegate_wire::{
    CreateConnectorProfileRequest, InputError, Operation, parse, redact, secret_values, validate_input,
};

/// A text no message may hold. The space breaks every `\S+`.
const CANARY: &str = "canary 7b1f";

/// Members of credentials that are no secrets: names, addresses and choices.
const OPEN: [&str; 9] = [
    "username",
    "userId",
    "clientId",
    "redirectUri",
    "authenticationType",
    "customAuthenticationType",
    "oAuth2GrantType",
    "userName",
    "tokenUrl",
];

fn credentials() -> &'static Shape {
    shape("ConnectorProfileCredentials").unwrap()
}

/// Fills every string under the shape with the canary and says which of them are not secret.
fn fill(shape: &'static Shape, name: &str, secret: bool, open: &mut Vec<String>) -> Value {
    let secret = secret || shape.sensitive;
    match &shape.kind {
        Kind::Structure(members) => members
            .iter()
            .map(|member| {
                (member.name.to_owned(), fill(member.shape, member.name, secret || member.secret, open))
            })
            .collect(),
        Kind::Map { value, .. } => json!({ CANARY: fill(value, name, secret, open) }),
        Kind::String { .. } => {
            if !secret {
                open.push(name.to_owned());
            }
            json!(CANARY)
        }
        _ => panic!("{name} is no text"),
    }
}

#[test]
fn every_credential_but_the_named_few_is_secret() {
    let mut open = Vec::new();
    let filled = fill(credentials(), "", false, &mut open);
    open.sort();
    open.dedup();
    for name in &open {
        assert!(OPEN.contains(&name.as_str()), "{name} is neither secret nor known to be harmless");
    }
    let secrets = secret_values(credentials(), &filled);
    assert!(secrets.len() >= 45, "{}", secrets.len());
    assert!(secrets.iter().all(|secret| *secret == CANARY));
}

#[test]
fn messages_never_quote_a_secret() {
    let mut open = Vec::new();
    let mut filled = fill(credentials(), "", false, &mut open);
    // Only the secret members may stay, for the others are rightly quoted.
    strip(&mut filled, credentials(), false);
    let long = "x".repeat(9000) + CANARY;
    for canary in [CANARY, &long] {
        let text = filled.to_string().replace(CANARY, canary);
        let connectors: Value = serde_json::from_str(&text).unwrap();
        for (connector, credentials) in connectors.as_object().unwrap() {
            let input = json!({
                "connectorProfileName": "n", "connectorType": "SAPOData", "connectionMode": "Public",
                "connectorProfileConfig": {
                    "connectorProfileProperties": {}, "connectorProfileCredentials": {connector: credentials},
                },
            });
            let Err(InputError::Validation { message }) =
                validate_input(Operation::CreateConnectorProfile, input)
            else {
                // A password may hold spaces, so only the long canary breaks a rule there.
                let free = ["ServiceNow", "Redshift"].contains(&connector.as_str());
                assert!(canary == CANARY && free, "{connector}");
                continue;
            };
            assert!(!message.contains("canary"), "{connector}: {message}");
            let may_have_spaces = ["Snowflake", "Veeva"].contains(&connector.as_str());
            let place = "Value at 'connectorProfileConfig.connectorProfileCredentials.";
            assert!(
                message.contains(place) || (canary == CANARY && may_have_spaces),
                "{connector}: {message}"
            );
        }
    }
}

/// Removes what is not secret.
fn strip(value: &mut Value, shape: &'static Shape, secret: bool) -> bool {
    let secret = secret || shape.sensitive;
    match (value, &shape.kind) {
        (Value::Object(object), Kind::Structure(_)) => {
            object.retain(|name, value| {
                let member = shape.member(name).unwrap();
                strip(value, member.shape, secret || member.secret)
            });
            true
        }
        (Value::String(_), _) => secret,
        _ => true,
    }
}

#[test]
fn wrong_types_do_not_quote_either() {
    let cases = [
        json!({"connectorProfileCredentials": CANARY}),
        json!({"connectorProfileCredentials": {"Singular": {"apiKey": [CANARY]}}}),
        json!({"connectorProfileCredentials": {"Singular": CANARY}}),
    ];
    for mut config in cases {
        config["connectorProfileProperties"] = json!({});
        let input = json!({
            "connectorProfileName": "n", "connectorType": "Singular", "connectionMode": "Public",
            "connectorProfileConfig": config,
        });
        let error = parse::<CreateConnectorProfileRequest>(input).unwrap_err();
        assert!(matches!(error, InputError::Serialization { .. }));
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn debug_and_redacted_copies_hide_credentials() {
    let input = json!({
        "connectorProfileName": "n", "connectorType": "Singular", "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": {"Singular": {}},
            "connectorProfileCredentials": {
                "Singular": {"apiKey": "canary", "apikey": "canary"},
                "InforNexus": {"accessKeyId": "canary", "userId": "u", "secretAccessKey": "canary", "datakey": "canary"},
                "CustomConnector": {
                    "authenticationType": "CUSTOM",
                    "custom": {"customAuthenticationType": "c", "credentialsMap": {"canary": "canary"}},
                },
            },
        },
    });
    let copy = redact(Operation::CreateConnectorProfile.input(), &input);
    assert!(!copy.to_string().contains("canary"), "{copy}");
    let credentials = &copy["connectorProfileConfig"]["connectorProfileCredentials"];
    assert_eq!(credentials["InforNexus"]["userId"], "u");
    assert_eq!(credentials["InforNexus"]["datakey"], "[redacted]");
    assert_eq!(secret_values(Operation::CreateConnectorProfile.input(), &input).len(), 5);

    let typed: CreateConnectorProfileRequest = parse(input).unwrap();
    let debug = format!("{typed:?}");
    assert!(!debug.contains("canary"), "{debug}");
    assert!(debug.contains("Singular"));
}

#[test]
fn a_redacted_copy_trusts_no_wrong_type() {
    let copy = redact(
        credentials(),
        &json!({"Singular": "canary", "Slack": {"accessToken": {"x": "canary"}, "clientId": ["canary"]}}),
    );
    assert!(!copy.to_string().contains("canary"), "{copy}");
}
