//! Connections of every type: good ones pass, and each fault has its message.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_core::ConnectorType;
use tidegate_core::description::Description;

use super::super::{all, of, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    r#type: ConnectorType,
    good: Documents,
    #[serde(default)]
    bad: Vec<Fault>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Documents {
    properties: Value,
    #[serde(default)]
    credentials: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
    expect: Vec<String>,
}

impl Documents {
    fn check(&self, of: &Description) -> Vec<String> {
        of.check_profile(Some(&self.properties), self.credentials.as_ref()).err().unwrap_or_default()
    }

    /// Sets or takes away what a path names.
    fn change(&self, path: &str, value: Option<Value>) -> Self {
        let mut both = json!({ "properties": self.properties, "credentials": self.credentials });
        let (parent, key) = match path.rsplit_once('.') {
            Some((parent, key)) => (
                parent.split('.').try_fold(&mut both, |at, key| at.get_mut(key)).expect("the path exists"),
                key,
            ),
            None => (&mut both, path),
        };
        let members = parent.as_object_mut().expect("an object");
        match value {
            Some(value) => drop(members.insert(key.to_owned(), value)),
            None => drop(members.remove(key).expect("what is taken away was there")),
        }
        let credentials = both.get("credentials").filter(|value| !value.is_null()).cloned();
        Self { properties: both["properties"].take(), credentials }
    }
}

fn cases() -> Vec<Case> {
    // Merge keys (`<<`) are YAML 1.1; serde_yaml_ng applies them on demand.
    let mut value: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(include_str!("profiles.yaml")).expect("YAML");
    value.apply_merge().expect("merge keys");
    parse("tests/profiles.yaml", &serde_yaml_ng::to_string(&value).expect("YAML"))
}

#[test]
fn good_connections_of_all_types_pass() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        assert_eq!(case.good.check(of(case.r#type)), Vec::<String>::new(), "{}", case.name);
        seen.insert(case.r#type);
    }
    let with_profile = all().iter().filter(|of| of.profile.is_some()).map(|of| of.connector_type).collect();
    assert_eq!(seen, with_profile, "every type that takes a profile has a good one");
}

#[test]
fn each_fault_has_its_message() {
    for case in cases() {
        for fault in &case.bad {
            let mut documents = case.good.clone();
            for path in &fault.without {
                documents = documents.change(path, None);
            }
            for (path, value) in &fault.with {
                documents = documents.change(path, Some(value.clone()));
            }
            assert_eq!(
                documents.check(of(case.r#type)),
                fault.expect,
                "{} without {:?} with {:?}",
                case.name,
                fault.without,
                fault.with
            );
        }
    }
}

#[test]
fn a_required_member_is_missed_whether_left_out_or_empty() {
    let mut missed = BTreeSet::new();
    for case in cases() {
        let description = of(case.r#type);
        for (side, members) in
            [("properties", description.properties()), ("credentials", description.credentials())]
        {
            for member in members.iter().filter(|member| member.required) {
                let path = format!("{side}.{}", member.path);
                let both = json!({"properties": case.good.properties, "credentials": case.good.credentials});
                let given = path.split('.').try_fold(&both, |at, key| at.get(key));
                let Some(given) = given else { continue };
                // Taking the only member away takes the group away with it;
                // then it is the group that is missed, or the credentials.
                let message =
                    format!("annot be blank for connector: {}", case.r#type.as_str().to_ascii_uppercase());
                let mut changed =
                    vec![case.good.change(&path, None), case.good.change(&path, Some(Value::Null))];
                if given.is_string() {
                    changed.push(case.good.change(&path, Some(json!(""))));
                }
                for documents in changed {
                    let findings = documents.check(description);
                    let named = findings
                        .iter()
                        .any(|text| text.contains(&message) || text.contains("must be provided"));
                    assert!(named, "{} without {path}: {findings:?}", case.name);
                }
                missed.insert((case.r#type, member.path.clone()));
            }
        }
    }
    let required: BTreeSet<_> = all()
        .iter()
        .flat_map(|of| {
            let members = of.properties().iter().chain(of.credentials());
            members.filter(|member| member.required).map(|member| (of.connector_type, member.path.clone()))
        })
        .collect();
    assert_eq!(missed, required, "each required member stands in a good connection above");
}

#[test]
fn every_rule_of_every_type_is_broken_by_a_case() {
    let told: BTreeSet<(ConnectorType, String)> = cases()
        .into_iter()
        .flat_map(|case| {
            let kind = case.r#type;
            case.bad.into_iter().flat_map(|fault| fault.expect).map(move |text| (kind, text))
        })
        .collect();
    for description in all() {
        for rule in description.profile.iter().flat_map(|profile| &profile.rules) {
            let text = rule.message.replace("{connector}", &description.shouted());
            assert!(told.contains(&(description.connector_type, text.clone())), "no case breaks: {text}");
        }
    }
}

#[test]
fn a_type_without_connections_refuses_one() {
    for description in all().iter().filter(|of| of.profile.is_none()) {
        let findings = description.check_profile(Some(&json!({})), None).expect_err("refused");
        assert_eq!(
            findings,
            [format!(
                "The connector {} takes no connector profile: a flow names it in connectorType and needs no connectorProfileName",
                description.connector_type.as_str()
            )]
        );
        assert_eq!(description.check_union(None, None, None), Err(findings));
    }
}

#[test]
fn the_union_holds_the_member_of_the_type_and_no_other() {
    let sap = of(ConnectorType::SapOData);
    let (properties, credentials) = (json!({"SAPOData": {"portNumber": 1}}), json!({"SAPOData": {"a": "b"}}));
    let parts = sap.check_union(None, Some(&properties), Some(&credentials)).expect("good");
    assert_eq!(parts.properties, json!({"portNumber": 1}));
    assert_eq!(parts.credentials, Some(&json!({"a": "b"})));

    let other = json!({"Slack": {"instanceUrl": "https://x"}});
    assert_eq!(
        sap.check_union(None, Some(&other), None),
        Err(vec![
            "connectorProfileProperties of a connection with connectorType SAPOData belong under the key SAPOData, but the key Slack was given"
                .to_owned()
        ])
    );
    let both = json!({"SAPOData": {}, "Slack": {}});
    let findings = sap.check_union(None, Some(&properties), Some(&both)).expect_err("two members");
    assert!(
        findings[0].starts_with("connectorProfileCredentials of a connection with connectorType SAPOData")
    );
    assert_eq!(
        sap.check_union(None, Some(&json!({})), None),
        Err(vec!["connectorProfileProperties.SAPOData cannot be blank for connector: SAPODATA".to_owned()])
    );

    // The key is not the type's name for three types, and a null is no member.
    let google = of(ConnectorType::GoogleAnalytics);
    let null = json!({"GoogleAnalytics": {}, "Slack": null});
    assert_eq!(google.check_union(None, Some(&null), None).expect("good").properties, json!({}));
    assert_eq!(google.check_union(None, Some(&json!({})), None).expect("good").properties, json!({}));
    assert!(google.check_union(None, Some(&json!({"Googleanalytics": {}})), None).is_err());
}

#[test]
fn a_label_belongs_to_custom_connectors_alone() {
    let properties = json!({"CustomConnector": {}});
    let custom = of(ConnectorType::CustomConnector);
    assert!(custom.check_union(Some("JDBCsmall"), Some(&properties), None).is_ok());
    for none in [None, Some("")] {
        assert_eq!(
            custom.check_union(none, Some(&properties), None),
            Err(vec!["ConnectorLabel cannot be blank for connector: CUSTOMCONNECTOR".to_owned()])
        );
    }
    assert_eq!(
        of(ConnectorType::Singular).check_label(Some("x")),
        Err("connectorLabel is only for connectorType CustomConnector, not for Singular".to_owned())
    );
    assert_eq!(of(ConnectorType::Singular).check_label(Some("")), Ok(()));
}
