//! The domain of Tidegate: types, ports and pure logic. Nothing here does IO.
//!
//! Reading order: [`connection`] and [`flow`] are what people make,
//! [`schedule`] says when a flow is due, [`run`] is what happens,
//! [`connector`] is the trait between the engine and the applications,
//! [`description`] is what a connector says about itself.

pub mod bucket;
pub mod civil;
pub mod connection;
pub mod connector;
pub mod description;
pub mod entity;
pub mod error;
pub mod fault;
pub mod flow;
pub mod id;
pub mod plan;
pub mod run;
pub mod schedule;
pub mod secret;
pub mod task;
pub mod types;

pub use connection::{Connection, ConnectionMode, ConnectorType, Credentials, OpenConnection};
pub use error::{ConnectorError, ConnectorErrorKind};
pub use id::{AccountId, ConnectionName, ExecutionId, FlowName, Resource, Scope};
pub use secret::Secret;
