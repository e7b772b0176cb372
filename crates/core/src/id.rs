//! Names and identifiers: parsed once at the edge, trusted afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a name that the wire's validation has accepted.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

name_type! {
    /// The twelve digits of an AWS account; every row carries them.
    AccountId
}
name_type! {
    /// A connector profile's name, unique in its account.
    ConnectionName
}
name_type! {
    /// A flow's name, unique in its account.
    FlowName
}
name_type! {
    /// The UUID of one execution of a flow.
    ExecutionId
}

impl ExecutionId {
    /// A new random (version 4) identifier.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}

/// Account and region: all that is needed to spell an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The account that owns the resource.
    pub account: AccountId,
    /// The region that this server answers for, such as `us-east-1`.
    pub region: String,
}

/// A resource that an AppFlow ARN can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `flow/NAME`
    Flow(FlowName),
    /// `connectorprofile/NAME`
    Connection(ConnectionName),
    /// `connector/LABEL`
    Connector(String),
}

impl Scope {
    /// The ARN of a resource of this account and region.
    pub fn arn(&self, resource: &Resource) -> String {
        let (kind, name) = match resource {
            Resource::Flow(name) => ("flow", name.as_str()),
            Resource::Connection(name) => ("connectorprofile", name.as_str()),
            Resource::Connector(label) => ("connector", label.as_str()),
        };
        format!("arn:aws:appflow:{}:{}:{kind}/{name}", self.region, self.account)
    }

    /// Reads an ARN of this account and region; `None` when it is of another
    /// one or of another kind. A profile's name may itself hold slashes, so
    /// only the first one divides.
    pub fn parse_arn(&self, arn: &str) -> Option<Resource> {
        let tail = arn.strip_prefix(&format!("arn:aws:appflow:{}:{}:", self.region, self.account))?;
        let (kind, name) = tail.split_once('/')?;
        if name.is_empty() {
            return None;
        }
        match kind {
            "flow" => Some(Resource::Flow(FlowName::new(name))),
            "connectorprofile" => Some(Resource::Connection(ConnectionName::new(name))),
            "connector" => Some(Resource::Connector(name.to_owned())),
            _ => None,
        }
    }

    /// The ARN under which the service keeps a connection's credentials; the
    /// real one carries the creation time in milliseconds as its suffix.
    pub fn credentials_arn(&self, name: &ConnectionName, created_ms: i64) -> String {
        format!(
            "arn:aws:secretsmanager:{}:{}:secret:appflow!{}-{name}-{created_ms}",
            self.region, self.account, self.account
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_round_trip_and_names_keep_their_slashes() {
        let scope = Scope { account: "000000000000".into(), region: "us-east-1".to_owned() };
        for resource in [
            Resource::Flow("f1".into()),
            Resource::Connection("a/b!@#+=c".into()),
            Resource::Connector("label".to_owned()),
        ] {
            assert_eq!(scope.parse_arn(&scope.arn(&resource)), Some(resource));
        }
        assert_eq!(scope.parse_arn("arn:aws:appflow:us-east-1:111111111111:flow/f1"), None);
    }
}
