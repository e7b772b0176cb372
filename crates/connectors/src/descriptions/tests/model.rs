//! What the descriptions say against what the API's model says, both ways.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_core::ConnectorType;
use tidegate_core::description::{Description, Kind, Member};

use super::super::{all, of, vended};
use super::root;

/// The shapes of the pinned model.
struct Model(Value);

impl Model {
    fn load() -> Self {
        let path = root().join("spec/appflow-2020-08-23.json");
        let text = std::fs::read_to_string(path).expect("the model is in the repository");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    fn shape(&self, name: &str) -> &Value {
        let shape = &self.0["shapes"][name];
        assert!(shape.is_object(), "the model has no shape {name}");
        shape
    }

    fn values(&self, name: &str) -> BTreeSet<&str> {
        self.shape(name)["enum"].as_array().expect("an enum").iter().filter_map(Value::as_str).collect()
    }

    /// The leaves below a structure: dotted path → (kind, required, sensitive).
    fn leaves(&self, name: &str) -> BTreeMap<String, Leaf> {
        let mut leaves = BTreeMap::new();
        self.walk(name, "", &mut leaves);
        leaves
    }

    fn walk(&self, name: &str, path: &str, leaves: &mut BTreeMap<String, Leaf>) {
        let structure = self.shape(name);
        let required: Vec<&str> =
            structure["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (member, target) in structure["members"].as_object().expect("a structure") {
            let path = if path.is_empty() { member.clone() } else { format!("{path}.{member}") };
            let target = target["shape"].as_str().expect("a shape");
            let shape = self.shape(target);
            if shape["type"] == "structure" {
                self.walk(target, &path, leaves);
                continue;
            }
            let part = |part: &str| shape[part]["shape"].as_str().map(|name| self.shape(name));
            let sensitive = |shape: &Value| shape["sensitive"] == true;
            let leaf = Leaf {
                kind: shape["type"].as_str().expect("a type").to_owned(),
                required: required.contains(&member.as_str()),
                sensitive: sensitive(shape)
                    || part("value").is_some_and(sensitive)
                    || part("member").is_some_and(sensitive),
                options: shape["enum"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|value| value.as_str().map(str::to_owned))
                    .collect(),
                shape: target.to_owned(),
                owner: name.to_owned(),
                member: member.clone(),
            };
            leaves.insert(path, leaf);
        }
    }
}

struct Leaf {
    kind: String,
    required: bool,
    sensitive: bool,
    options: BTreeSet<String>,
    shape: String,
    owner: String,
    member: String,
}

/// The secrets that the model does not flag, and `spec/patches.json` does.
struct Unflagged {
    shapes: BTreeSet<String>,
    members: BTreeSet<String>,
}

impl Unflagged {
    fn load() -> Self {
        let text = std::fs::read_to_string(root().join("spec/patches.json")).expect("in the repository");
        let patches: Value = serde_json::from_str(&text).expect("JSON");
        let mut unflagged = Self { shapes: BTreeSet::new(), members: BTreeSet::new() };
        for entry in patches["secrets"].as_array().expect("a list") {
            let list = |key: &str| {
                entry[key].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned))
            };
            unflagged.shapes.extend(list("shapes"));
            unflagged.members.extend(list("members"));
        }
        unflagged
    }

    fn has(&self, leaf: &Leaf) -> bool {
        self.shapes.contains(&leaf.shape) || self.members.contains(&format!("{}${}", leaf.owner, leaf.member))
    }
}

#[test]
fn every_member_of_a_connection_is_described_and_no_other() {
    let (model, unflagged) = (Model::load(), Unflagged::load());
    let mut with_profile = BTreeSet::new();
    for description in all() {
        let key = description.connector_type.union_key();
        let sides = [
            ("ConnectorProfileProperties", description.properties()),
            ("ConnectorProfileCredentials", description.credentials()),
        ];
        for (union, members) in sides {
            let Some(shape) = model.shape(union)["members"].get(key) else {
                assert!(description.profile.is_none(), "{key} has no {union} in the model");
                continue;
            };
            assert!(description.profile.is_some(), "{key} takes a profile");
            with_profile.insert(key);
            let leaves = model.leaves(shape["shape"].as_str().expect("a shape"));
            let described: BTreeSet<&str> = members.iter().map(|member| member.path.as_str()).collect();
            let known: BTreeSet<&str> = leaves.keys().map(String::as_str).collect();
            assert_eq!(described, known, "{key} {union}");
            assert_eq!(described.len(), members.len(), "{key}: a member stands twice");
            for member in members {
                check_member(key, member, &leaves[&member.path], &unflagged);
            }
        }
    }
    assert_eq!(with_profile.len(), 19);
}

fn check_member(key: &str, member: &Member, leaf: &Leaf, unflagged: &Unflagged) {
    let at = format!("{key}.{}", member.path);
    assert_eq!(member.required, leaf.required, "{at}: required");
    if leaf.sensitive || unflagged.has(leaf) {
        assert!(member.secret, "{at} is a secret");
    }
    let kinds: &[Kind] = match leaf.kind.as_str() {
        "boolean" => &[Kind::Boolean],
        "integer" | "long" => &[Kind::Integer],
        "list" => &[Kind::List],
        "map" => &[Kind::Map],
        "string" if !leaf.options.is_empty() => &[Kind::Select],
        "string" => &[Kind::Text, Kind::Url, Kind::Secret, Kind::Arn],
        other => panic!("{at}: the model has a {other}"),
    };
    assert!(kinds.contains(&member.kind), "{at}: {:?} for a {}", member.kind, leaf.kind);
    let options: BTreeSet<String> = member.options.iter().cloned().collect();
    assert_eq!(options, leaf.options, "{at}: options");
    assert!(member.kind != Kind::Secret || member.secret, "{at}: a secret field for what is none");
    assert!(
        !member.secret || !member.destination,
        "{at}: a secret is told to nobody, not even as an address"
    );
    assert!(!member.label.is_empty() && member.help.ends_with('.'), "{at}: help is a sentence");
}

#[test]
fn every_rule_names_members_that_exist() {
    for description in all() {
        let Some(profile) = &description.profile else { continue };
        for path in profile.rules.iter().flat_map(|rule| rule.paths()) {
            let (side, rest) = path.split_once('.').unwrap_or((path, ""));
            let members = match side {
                "properties" => &profile.properties,
                "credentials" => &profile.credentials,
                other => panic!("{other} is no side"),
            };
            let found = rest.is_empty()
                || members
                    .iter()
                    .any(|member| member.path == rest || member.path.starts_with(&format!("{rest}.")));
            assert!(found, "{}: {path}", description.connector_type.as_str());
        }
    }
}

#[test]
fn values_of_enums_are_the_models() {
    let model = Model::load();
    type List = fn(&Description) -> &[String];
    let lists: [(&str, List); 6] = [
        ("ScheduleFrequencyType", |of| &of.supported_scheduling_frequencies),
        ("TriggerType", |of| &of.supported_trigger_types),
        ("WriteOperationType", |of| &of.supported_write_operations),
        ("SupportedDataTransferType", |of| &of.supported_data_transfer_types),
        ("SalesforceDataTransferApi", |of| &of.connector_metadata.data_transfer_apis),
        ("OAuth2GrantType", |of| &of.connector_metadata.oauth2_grant_types_supported),
    ];
    for (name, list) in lists {
        let values = model.values(name);
        for description in all().iter().chain(vended()) {
            for value in list(description) {
                assert!(values.contains(value.as_str()), "{}: {value}", description.connector_name);
            }
        }
    }
}

#[test]
fn operators_are_exactly_the_models_of_the_type() {
    let model = Model::load();
    let members = model.shape("ConnectorOperator")["members"].as_object().expect("a union");
    for description in all() {
        let key = description.connector_type.union_key();
        let told: Vec<&str> = description.supported_operators.iter().collect();
        let set: BTreeSet<&str> = told.iter().copied().collect();
        assert_eq!(told.len(), set.len(), "{key}: an operator stands twice");
        let known = members
            .get(key)
            .map(|shape| model.values(shape["shape"].as_str().expect("a shape")))
            .unwrap_or_default();
        assert_eq!(set, known, "{key}");
    }
}

/// Walks an answer against the shape that it has in the model.
fn conforms(model: &Model, name: &str, answer: &Value, at: &str) {
    let shape = model.shape(name);
    match shape["type"].as_str().expect("a type") {
        "structure" => {
            for (key, value) in answer.as_object().unwrap_or_else(|| panic!("{at} is no object")) {
                let Some(member) = shape["members"].get(key) else { panic!("{at}.{key} is not in {name}") };
                conforms(model, member["shape"].as_str().expect("a shape"), value, &format!("{at}.{key}"));
            }
        }
        "list" => {
            let of = shape["member"]["shape"].as_str().expect("a shape");
            for value in answer.as_array().unwrap_or_else(|| panic!("{at} is no list")) {
                conforms(model, of, value, at);
            }
        }
        "boolean" => assert!(answer.is_boolean(), "{at}"),
        "string" => {
            let text = answer.as_str().unwrap_or_else(|| panic!("{at} is no text"));
            if let Some(values) = shape["enum"].as_array() {
                assert!(values.contains(answer), "{at}: {text}");
            }
            match shape["pattern"].as_str() {
                Some(r"\S+") => assert!(!text.is_empty() && !text.contains(' '), "{at}: {text}"),
                Some(r"[\w!@#\-.?,\s]*") => {
                    let good = |c: char| c.is_alphanumeric() || "_!@#-.?, ".contains(c);
                    assert!(text.chars().all(good), "{at}: {text}");
                }
                _ => {}
            }
        }
        other => panic!("{at}: {other}"),
    }
}

#[test]
fn answers_have_the_shapes_of_the_model() {
    let model = Model::load();
    for description in all().iter().chain(vended()) {
        let at = description.connector_type.as_str();
        let answer = description.configuration(Some("http://127.0.0.1:8080/icons"));
        conforms(&model, "ConnectorConfiguration", &answer, at);
        conforms(&model, "ConnectorDetail", &description.detail(), at);
        assert_eq!(answer["connectorType"], at);
        assert_eq!(
            answer["logoURL"],
            format!("http://127.0.0.1:8080/icons/{}.svg", description.connector_type.folder())
        );
    }
}

#[test]
fn metadata_stands_under_the_key_of_the_type() {
    let answer = |kind| of(kind).configuration(None);
    assert_eq!(answer(ConnectorType::SapOData)["connectorMetadata"], serde_json::json!({"SAPOData": {}}));
    assert_eq!(
        answer(ConnectorType::GoogleAnalytics)["connectorMetadata"]["GoogleAnalytics"]["oAuthScopes"][0],
        "https://www.googleapis.com/auth/analytics.readonly"
    );
    let salesforce = answer(ConnectorType::Salesforce);
    assert_eq!(
        salesforce["connectorMetadata"]["Salesforce"]["dataTransferApis"],
        serde_json::json!(["AUTOMATIC", "BULKV2", "REST_SYNC"])
    );
    assert_eq!(salesforce["supportedTriggerTypes"], serde_json::json!(["Scheduled", "OnDemand", "Event"]));
    assert_eq!(salesforce["connectorModes"], serde_json::json!(["SOURCE", "DESTINATION"]));
    assert!(salesforce.get("logoURL").is_none());
    for none in [ConnectorType::CustomConnector, ConnectorType::LookoutMetrics] {
        assert!(answer(none).get("connectorMetadata").is_none());
    }
}

#[test]
fn a_type_that_reads_or_writes_says_how() {
    for description in all() {
        let at = description.connector_type.as_str();
        assert_eq!(
            description.can_use_as_source,
            !description.supported_destination_connectors.is_empty(),
            "{at}"
        );
        assert_eq!(description.can_use_as_source, !description.supported_trigger_types.is_empty(), "{at}");
        assert_eq!(
            description.can_use_as_source,
            !description.supported_scheduling_frequencies.is_empty(),
            "{at}"
        );
        assert_eq!(
            description.can_use_as_destination,
            !description.supported_write_operations.is_empty(),
            "{at}"
        );
        assert_eq!(description.authentication_config.is_some(), description.profile.is_some(), "{at}");
        for destination in &description.supported_destination_connectors {
            assert!(of(*destination).can_use_as_destination, "{at} → {}", destination.as_str());
        }
    }
}
