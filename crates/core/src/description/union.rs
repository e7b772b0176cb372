//! The unions of a request: the one member that belongs to the type, and the label.

use serde_json::{Map, Value};

use super::Description;
use crate::connection::ConnectorType;

/// The inner documents of a request, below the union's key.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileParts<'a> {
    /// The properties; an empty document when the type needs none and none came.
    pub properties: Value,
    /// The credentials, if any came. Borrowed, so that no copy of a secret is made.
    pub credentials: Option<&'a Value>,
}

impl Description {
    /// Checks that a request fits this type: a label if and only if the type
    /// is `CustomConnector`, and under `connectorProfileProperties` and
    /// `connectorProfileCredentials` the member of this type and no other.
    ///
    /// A type whose properties may all be left out may leave out the member.
    ///
    /// # Errors
    /// Every finding.
    pub fn check_union<'a>(
        &self,
        label: Option<&str>,
        properties: Option<&'a Value>,
        credentials: Option<&'a Value>,
    ) -> Result<ProfileParts<'a>, Vec<String>> {
        let Some(profile) = &self.profile else {
            return Err(vec![self.no_profile()]);
        };
        let mut findings = Vec::new();
        if let Err(text) = self.check_label(label) {
            findings.push(text);
        }
        let mut inner = |union: Option<&'a Value>, name: &str| {
            let key = self.connector_type.union_key();
            let members = union.and_then(Value::as_object);
            let mut found = None;
            for (other, value) in members.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
                if other == key {
                    found = Some(value);
                } else {
                    findings.push(format!(
                        "{name} of a connection with connectorType {} belong under the key {key}, but the key {other} was given",
                        self.connector_type.as_str()
                    ));
                }
            }
            found
        };
        let properties = inner(properties, "connectorProfileProperties");
        let credentials = inner(credentials, "connectorProfileCredentials");
        let needed = profile.properties.iter().any(|member| member.required && !member.path.contains('.'));
        if properties.is_none() && needed && findings.is_empty() {
            findings.push(format!(
                "connectorProfileProperties.{} cannot be blank for connector: {}",
                self.connector_type.union_key(),
                self.shouted()
            ));
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(ProfileParts {
            properties: properties.cloned().unwrap_or_else(|| Value::Object(Map::new())),
            credentials,
        })
    }

    /// Checks `connectorLabel`: needed for `CustomConnector`, refused for all
    /// others. Whether a connector of that name exists is asked elsewhere.
    ///
    /// # Errors
    /// The finding.
    pub fn check_label(&self, label: Option<&str>) -> Result<(), String> {
        let given = label.is_some_and(|label| !label.is_empty());
        let wanted = self.connector_type == ConnectorType::CustomConnector;
        match (wanted, given) {
            (true, false) => Err(format!("ConnectorLabel cannot be blank for connector: {}", self.shouted())),
            (false, true) => Err(format!(
                "connectorLabel is only for connectorType CustomConnector, not for {}",
                self.connector_type.as_str()
            )),
            _ => Ok(()),
        }
    }

    /// The message for a type that takes no connection.
    pub(super) fn no_profile(&self) -> String {
        format!(
            "The connector {} takes no connector profile: a flow names it in connectorType and needs no connectorProfileName",
            self.connector_type.as_str()
        )
    }

    /// The member at a path, of the properties or of the credentials.
    pub fn member(&self, path: &str) -> Option<&super::Member> {
        self.properties().iter().chain(self.credentials()).find(|member| member.path == path)
    }
}
