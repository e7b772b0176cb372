//! The descriptions against the API's model, and against cases of connections.

mod marks;
mod model;
mod profiles;

use std::path::{Path, PathBuf};

use tidegate_core::ConnectorType;

use super::*;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_type_has_a_folder_with_its_description_and_icon() {
    for kind in ConnectorType::ALL {
        let folder = root().join("crates/connectors/src").join(kind.folder());
        for file in ["connector.yaml", "icon.svg"] {
            assert!(folder.join(file).is_file(), "{}/{file} is missing", kind.folder());
        }
        assert_eq!(of(*kind).connector_type, *kind);
    }
    assert_eq!(all().len(), 24);
    assert_eq!(all().iter().filter(|of| of.profile.is_some()).count(), 19);
}

#[test]
fn the_page_of_the_docs_is_not_stale() {
    let path = root().join("docs/connectors.md");
    let written = markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &written).expect("docs/ can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, written, "run this test with UPDATE_DOCS=1 and commit docs/connectors.md");
}

#[test]
fn vended_labels_are_unique_and_found() {
    let labels: Vec<&str> = vended().iter().filter_map(|of| of.connector_label.as_deref()).collect();
    assert_eq!(labels.len(), vended().len());
    assert!(labels.len() >= 56);
    for (index, label) in labels.iter().enumerate() {
        assert!(!labels[..index].contains(label), "{label} stands twice");
        // The model's pattern of ConnectorLabel.
        let good = |c: char| c.is_ascii_alphanumeric() || "_!@#.-".contains(c);
        assert!(label.len() > 1 && label.chars().all(good), "{label}");
        assert_eq!(vended_label(label).expect("found").connector_label.as_deref(), Some(*label));
    }
    // Those that public code uses against the service.
    let known: Vec<&str> = vended()
        .iter()
        .filter(|of| of.label_is_known)
        .filter_map(|of| of.connector_label.as_deref())
        .collect();
    assert_eq!(
        known,
        [
            "AmazonRDSPostgreSQL",
            "Asana",
            "GitHub",
            "GoogleAds",
            "GoogleAnalytics4",
            "GoogleBigQuery",
            "HubSpot",
            "JDBCsmall",
            "Mailchimp",
            "MicrosoftDynamics365",
            "MicrosoftSharePointOnline",
            "SalesforceMarketingCloud",
        ]
    );
    assert!(vended_label("jdbcsmall").is_none(), "labels are compared as they are");
    assert!(of(ConnectorType::CustomConnector).connector_label.is_none());
}

#[test]
fn a_vended_connector_answers_with_its_label_and_what_it_can_do() {
    let jdbc = vended_label("JDBCsmall").expect("vended").configuration(None);
    assert_eq!(jdbc["connectorType"], "CustomConnector");
    assert_eq!(jdbc["connectorLabel"], "JDBCsmall");
    assert_eq!(jdbc["canUseAsDestination"], true);
    let ways = &jdbc["authenticationConfig"];
    assert_eq!(ways["isOAuth2Supported"], false);
    assert_eq!(ways["customAuthConfigs"][0]["authParameters"][2]["connectorSuppliedValues"][1], "postgresql");
    let zoom = vended_label("Zoom").expect("vended");
    assert_eq!(zoom.configuration(None)["canUseAsDestination"], false);
    assert_eq!(zoom.detail()["connectorLabel"], "Zoom");
    assert_eq!(zoom.detail()["connectorModes"], serde_json::json!(["SOURCE"]));
}
