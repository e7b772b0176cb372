//! The edge of the world: one folder a connector, and the kit that they share.

use std::sync::Arc;

use tidegate_core::ConnectorType;
use tidegate_core::connector::Connector;

pub mod descriptions;
pub mod kit;
pub mod sapodata;

/// The reader of a connector type; `None` for a type that is only described.
/// This is the one list of readers.
pub fn reader(connector_type: ConnectorType, outbound: Arc<kit::Outbound>) -> Option<Box<dyn Connector>> {
    match connector_type {
        ConnectorType::SapOData => Some(Box::new(sapodata::SapOData::new(outbound))),
        _ => None,
    }
}
