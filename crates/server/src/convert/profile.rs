//! Connector profiles between the wire and the domain.

use serde_json::{Map, Value};
use tidegate_core::{Connection, ConnectionMode, ConnectorType, Resource, Scope};
use tidegate_wire as wire;

use super::timestamp;

/// The wire's connector type as the domain's. Both are made from the same
/// model; a test walks all 24.
pub fn connector_type(kind: wire::ConnectorType) -> ConnectorType {
    ConnectorType::parse(kind.as_str()).expect("the two enums name the same types")
}

/// The domain's connector type as the wire's.
pub fn wire_connector_type(kind: ConnectorType) -> wire::ConnectorType {
    kind.as_str().parse().expect("the two enums name the same types")
}

/// The wire's connection mode as the domain's.
pub const fn connection_mode(mode: wire::ConnectionMode) -> ConnectionMode {
    match mode {
        wire::ConnectionMode::Public => ConnectionMode::Public,
        wire::ConnectionMode::Private => ConnectionMode::Private,
    }
}

/// The wire's word for a connection mode.
pub const fn mode_name(mode: ConnectionMode) -> &'static str {
    match mode {
        ConnectionMode::Public => "Public",
        ConnectionMode::Private => "Private",
    }
}

/// A connection as DescribeConnectorProfiles tells it. Credentials have no
/// place in it.
pub fn describe(scope: &Scope, connection: Connection) -> wire::ConnectorProfile {
    let mut properties = Map::new();
    properties.insert(connection.connector_type.union_key().to_owned(), connection.properties);
    wire::ConnectorProfile {
        connector_profile_arn: Some(scope.arn(&Resource::Connection(connection.name.clone()))),
        connector_profile_name: Some(connection.name.as_str().to_owned()),
        connector_type: Some(wire_connector_type(connection.connector_type)),
        connector_label: connection.connector_label,
        connection_mode: Some(match connection.mode {
            ConnectionMode::Public => wire::ConnectionMode::Public,
            ConnectionMode::Private => wire::ConnectionMode::Private,
        }),
        credentials_arn: connection.credentials_arn,
        connector_profile_properties: Some(Value::Object(properties)),
        created_at: Some(timestamp(connection.created_at_ms)),
        last_updated_at: Some(timestamp(connection.updated_at_ms)),
        // Self-hosted there is nothing to provision; clients that wait for a
        // private connection must see that it is there.
        private_connection_provisioning_state: (connection.mode == ConnectionMode::Private).then(|| {
            wire::PrivateConnectionProvisioningState {
                status: Some(wire::PrivateConnectionProvisioningStatus::Created),
                ..Default::default()
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_and_the_domain_name_the_same_types() {
        assert_eq!(wire::ConnectorType::ALL.len(), ConnectorType::ALL.len());
        for kind in wire::ConnectorType::ALL {
            assert_eq!(wire_connector_type(connector_type(*kind)), *kind);
        }
    }
}
