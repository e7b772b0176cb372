//! The marks of members, pinned: the vault and the copy of a connection rest on them.

use serde_json::json;
use tidegate_core::ConnectorType;

use super::super::{all, of};

/// Sealed credentials name these properties in their additional data. Whoever
/// changes a line here must also change `BINDING_VERSION` and seal again what
/// is stored; adding a property is safe only while nobody can have set it.
#[test]
fn the_properties_that_decide_where_credentials_go() {
    let marked: Vec<(&str, Vec<&str>)> = all()
        .iter()
        .filter(|of| of.profile.is_some())
        .map(|of| {
            let members = of.properties().iter().filter(|member| member.destination);
            (of.connector_type.as_str(), members.map(|member| member.path.as_str()).collect())
        })
        .collect();
    assert_eq!(
        marked,
        [
            ("Salesforce", vec!["instanceUrl", "isSandboxEnvironment"]),
            ("Singular", vec![]),
            ("Slack", vec!["instanceUrl"]),
            (
                "Redshift",
                vec![
                    "databaseUrl",
                    "dataApiRoleArn",
                    "isRedshiftServerless",
                    "clusterIdentifier",
                    "workgroupName",
                    "databaseName",
                ]
            ),
            ("Marketo", vec!["instanceUrl"]),
            ("Googleanalytics", vec![]),
            ("Zendesk", vec!["instanceUrl"]),
            ("Servicenow", vec!["instanceUrl"]),
            ("Datadog", vec!["instanceUrl"]),
            ("Trendmicro", vec![]),
            ("Snowflake", vec!["privateLinkServiceName", "accountName", "region"]),
            ("Dynatrace", vec!["instanceUrl"]),
            ("Infornexus", vec!["instanceUrl"]),
            ("Amplitude", vec![]),
            ("Veeva", vec!["instanceUrl"]),
            ("Honeycode", vec![]),
            (
                "SAPOData",
                vec![
                    "applicationHostUrl",
                    "applicationServicePath",
                    "portNumber",
                    "privateLinkServiceName",
                    "oAuthProperties.tokenUrl",
                    "oAuthProperties.authCodeUrl",
                ]
            ),
            (
                "CustomConnector",
                vec![
                    "profileProperties",
                    "oAuth2Properties.tokenUrl",
                    "oAuth2Properties.tokenUrlCustomProperties",
                ]
            ),
            ("Pardot", vec!["instanceUrl", "isSandboxEnvironment"]),
        ]
    );
}

#[test]
fn a_binding_of_sap_is_spelled_so() {
    let properties = json!({
        "applicationHostUrl": "https://sap.example.com",
        "applicationServicePath": "/sap/opu/odata/iwfnd/catalogservice;v=2",
        "portNumber": 443,
        "clientNumber": "100",
        "logonLanguage": "EN",
    });
    let sap = of(ConnectorType::SapOData);
    assert_eq!(
        sap.destination_binding(None, &properties),
        concat!(
            r#"["tidegate-destination-1","SAPOData",null,[["applicationHostUrl","https://sap.example.com"],"#,
            r#"["applicationServicePath","/sap/opu/odata/iwfnd/catalogservice;v=2"],["portNumber",443]]]"#
        )
    );
    let mut other = properties.clone();
    other["logonLanguage"] = json!("DE");
    assert_eq!(sap.destination_changes(&properties, &other), [""; 0]);
    other["portNumber"] = json!(8443);
    assert_eq!(sap.destination_changes(&properties, &other), ["portNumber"]);
}

#[test]
fn what_belongs_to_oauth_is_never_copied() {
    let names = [
        "clientId",
        "clientSecret",
        "accessToken",
        "refreshToken",
        "authCode",
        "redirectUri",
        "clientCredentialsArn",
        "jwtToken",
    ];
    for description in all() {
        for member in description.credentials() {
            let last = member.path.rsplit('.').next().expect("a name");
            let at = format!("{}.{}", description.connector_type.as_str(), member.path);
            assert_eq!(member.oauth, names.contains(&last), "{at}");
        }
        assert!(description.properties().iter().all(|member| !member.oauth && !member.secret));
    }
}

#[test]
fn a_copy_carries_keys_and_passwords_and_no_token() {
    let cases = [
        (
            ConnectorType::SapOData,
            json!({"basicAuthCredentials": {"username": "u", "password": "p"}}),
            json!({"basicAuthCredentials": {"username": "u", "password": "p"}}),
            vec![],
        ),
        (
            ConnectorType::SapOData,
            json!({"oAuthCredentials": {"clientId": "c", "clientSecret": "s", "oAuthRequest": {"authCode": "a"}}}),
            json!({}),
            vec![
                "oAuthCredentials.clientId",
                "oAuthCredentials.clientSecret",
                "oAuthCredentials.oAuthRequest.authCode",
            ],
        ),
        (ConnectorType::Dynatrace, json!({"apiToken": "t"}), json!({"apiToken": "t"}), vec![]),
        (
            ConnectorType::CustomConnector,
            json!({
                "authenticationType": "CUSTOM",
                "custom": {"customAuthenticationType": "X", "credentialsMap": {"patToken": "p", "client_secret": "s"}},
            }),
            json!({
                "authenticationType": "CUSTOM",
                "custom": {"customAuthenticationType": "X", "credentialsMap": {"patToken": "p"}},
            }),
            vec!["custom.credentialsMap.client_secret"],
        ),
    ];
    for (kind, stored, carried, anew) in cases {
        assert_eq!(of(kind).without_oauth(&stored), carried, "{}", kind.as_str());
        assert_eq!(of(kind).needs_anew(&stored), anew, "{}", kind.as_str());
    }
}

#[test]
fn snowflake_keeps_its_stage_with_an_at_sign() {
    let mut properties = json!({"warehouse": "W", "stage": "DB.PUBLIC.STAGE", "bucketName": "b"});
    of(ConnectorType::Snowflake).normalise(&mut properties);
    assert_eq!(properties["stage"], "@DB.PUBLIC.STAGE");
    assert_eq!(properties["warehouse"], "W");
}
