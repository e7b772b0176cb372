//! SAP OData (V2 and V4): what a service offers, and reading it page by page.
//!
//! [`SapOData`] answers the [`Connector`] trait. A request's `objectPath` is
//! resolved by [`target`], its schema comes from [`metadata`] and [`columns`], its
//! filters are spelled by [`filter`], and `scan` reads the pages that [`page`]
//! decodes into Arrow. How a flow follows an entity's changes is in [`changes`].

mod catalog;
pub mod changes;
mod client;
pub mod columns;
pub mod config;
mod entities;
pub mod filter;
pub mod literal;
pub mod metadata;
pub mod page;
mod scan;
pub mod target;
pub mod values;

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_core::connector::{CheckReport, Connector, Progress, Scan};
use tidegate_core::entity::{EntityField, EntityGroup};
use tidegate_core::plan::ReadRequest;
use tidegate_core::{ConnectorError, OpenConnection};

use crate::kit::{Outbound, Retry};
use client::Client;

/// The SAP OData connector.
pub struct SapOData {
    outbound: Arc<Outbound>,
}

impl SapOData {
    /// A connector that reaches its services by the given client.
    pub const fn new(outbound: Arc<Outbound>) -> Self {
        Self { outbound }
    }

    fn client(&self, open: &OpenConnection, retry: Retry) -> Result<Client, ConnectorError> {
        Client::open(open, &self.outbound, retry)
    }
}

#[async_trait]
impl Connector for SapOData {
    /// Reads the `$metadata` of the connection's service, which needs a logon,
    /// and then a document that does too on servers whose metadata are public.
    async fn check(&self, open: &OpenConnection) -> Result<CheckReport, ConnectorError> {
        let client = self.client(open, Retry::CALL)?;
        let did = client.prove().await?;
        Ok(CheckReport { did: client.origin.scrubber().scrub(&did) })
    }

    async fn list_entities(
        &self,
        open: &OpenConnection,
        path: Option<&str>,
    ) -> Result<Vec<EntityGroup>, ConnectorError> {
        entities::list(&self.client(open, Retry::CALL)?, path).await
    }

    async fn describe_entity(
        &self,
        open: &OpenConnection,
        entity: &str,
    ) -> Result<Vec<EntityField>, ConnectorError> {
        entities::describe(&self.client(open, Retry::CALL)?, entity).await
    }

    async fn scan(
        &self,
        open: &OpenConnection,
        request: ReadRequest,
        progress: Arc<Progress>,
    ) -> Result<Scan, ConnectorError> {
        scan::open(self.client(open, Retry::RUN)?, request, progress).await
    }

    async fn end_subscription(
        &self,
        open: &OpenConnection,
        entity: &str,
        cursor: Option<&str>,
    ) -> Result<(), ConnectorError> {
        changes::end(&self.client(open, Retry::CALL)?, entity, cursor).await
    }
}
