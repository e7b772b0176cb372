//! What create and update of a flow share: what is checked, and how the findings are told.

use tidegate_connectors::descriptions;
use tidegate_core::entity::EntityField;
use tidegate_core::flow::{FlowSpec, SourceSpec};
use tidegate_core::schedule::PullMode;
use tidegate_core::{Connection, ConnectionName, ConnectorType};
use tidegate_engine::BucketError;
use tidegate_wire as wire;

use super::context::Call;
use super::update_connector_profile::find;
use crate::config::{Compat, ConnectionCheck};
use crate::convert::profile::connector_type;
use crate::convert::schedule::Newness;
use crate::convert::{flow, schedule};
use crate::error::ApiError;

/// The operation that a definition came with; the service words them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// CreateFlow
    Create,
    /// UpdateFlow
    Update,
}

impl Asked {
    /// Findings as one `ValidationException`.
    pub fn refused(self, findings: &[String]) -> ApiError {
        ApiError::validation(self.told(&findings.join(", ")))
    }

    fn told(self, findings: &str) -> String {
        match self {
            Self::Create => format!("Create Flow request failed: [{findings}]"),
            Self::Update => format!("Update Flow request failed due to:[{findings}]"),
        }
    }

    /// Checks everything about a definition, its ends included.
    ///
    /// # Errors
    /// `ValidationException` with the findings, or what an end answers.
    pub async fn check(
        self,
        call: &Call,
        definition: &wire::CreateFlowRequest,
        schema_version: u32,
    ) -> Result<(), ApiError> {
        self.check_trigger(call.app.compat, definition)?;
        let spec = flow::spec(definition, schema_version).map_err(|findings| self.refused(&findings))?;
        self.check_ends(call, definition, &spec).await
    }

    fn check_trigger(self, compat: Compat, input: &wire::CreateFlowRequest) -> Result<(), ApiError> {
        let trigger = &input.trigger_config;
        let source = descriptions::of(connector_type(input.source_flow_config.connector_type));
        let kind = trigger.trigger_type.as_str();
        let supported = &source.supported_trigger_types;
        let is_supported = supported.iter().any(|supported| supported == kind);
        // AppFlow has events of Salesforce only. Whoever delivers them here may
        // have them from any application.
        let may = match trigger.trigger_type {
            wire::TriggerType::Event => is_supported || compat == Compat::Relaxed && source.can_use_as_source,
            _ => is_supported || supported.is_empty(),
        };
        if !may {
            return Err(self.refused(&[format!(
                "A flow that reads from {} cannot be started by {kind}; it supports {}",
                source.connector_type.as_str(),
                if supported.is_empty() { "none".to_owned() } else { supported.join(", ") }
            )]));
        }
        let schedule = schedule::schedule(trigger).map_err(|findings| self.refused(&findings))?;
        let Some(schedule) = schedule else { return Ok(()) };
        let (frequency, supported) =
            (schedule.expression.frequency().as_str(), &source.supported_scheduling_frequencies);
        if !supported.is_empty() && !supported.iter().any(|supported| supported == frequency) {
            return Err(self.refused(&[format!(
                "{} supports no schedule as often as {} ({frequency}); it supports {}",
                source.connector_type.as_str(),
                schedule.expression,
                supported.join(", ")
            )]));
        }
        if schedule.pull_mode == PullMode::Incremental {
            schedule::newness(&input.source_flow_config).map_err(|findings| self.refused(&findings))?;
        }
        Ok(())
    }

    /// The source must answer and have the entity (or a file), and the buckets
    /// must exist: a flow that cannot run is not stored.
    async fn check_ends(
        self,
        call: &Call,
        input: &wire::CreateFlowRequest,
        spec: &FlowSpec,
    ) -> Result<(), ApiError> {
        let app = &call.app;
        match &spec.source {
            SourceSpec::Connection { connector_type, connection, entity, .. } => {
                self.check_connection(call, connection, *connector_type).await?;
                if app.connection_check == ConnectionCheck::Live {
                    let open = app.open(connection).await?;
                    let fields = app.ask_for_fields(&open, entity).await?;
                    let names: Vec<&str> = fields.iter().map(|field| field.identifier.as_str()).collect();
                    let unknown = spec.unknown_fields(&names);
                    if !unknown.is_empty() {
                        return Err(self.refused(&[format!(
                            "Task Validation Error: {entity} has no field {}. It has: {}",
                            unknown.join(", "),
                            names.join(", ")
                        )]));
                    }
                    check_newness(self, input, entity, &fields)?;
                }
            }
            // Nothing is read of it, and what it delivers is seen when it comes.
            SourceSpec::Events { connector_type, connection, .. } => {
                if let Some(connection) = connection {
                    self.check_connection(call, connection, *connector_type).await?;
                }
            }
            SourceSpec::S3(source) => {
                let buckets = app.engine.buckets();
                let failed = |error| self.bucket_error(error);
                let objects = buckets.list(&source.bucket, &source.prefix).await.map_err(failed)?;
                if objects.is_empty() {
                    let all = buckets.list_all(&source.bucket, &source.prefix).await.map_err(failed)?;
                    let what = if all.is_empty() { "no object" } else { "only empty objects" };
                    return Err(ApiError::new(
                        wire::ErrorKind::ConnectorServer,
                        self.told(&format!("the source {}/{} holds {what}", source.bucket, source.prefix)),
                    ));
                }
            }
        }
        app.engine
            .buckets()
            .check_output(&spec.destination, &spec.name)
            .map_err(|error| self.bucket_error(error))?;
        match app.engine.buckets().check(&spec.destination.bucket).await {
            // The check lists, and who may write need not be allowed to list; the
            // run will tell.
            Ok(()) | Err(BucketError::Refused(_)) => Ok(()),
            Err(error) => Err(self.bucket_error(error)),
        }
    }

    /// A bucket is an end of the flow like an application: what is wrong with it
    /// is the caller's to mend, and not a resource of this API.
    fn bucket_error(self, error: BucketError) -> ApiError {
        let kind = match error {
            BucketError::Failed(_) | BucketError::Replaced(..) => wire::ErrorKind::ConnectorServer,
            BucketError::Refused(_) => wire::ErrorKind::ConnectorAuthentication,
            BucketError::NoSuchBucket(_) | BucketError::NoSuchKey(..) | BucketError::Invalid(_) => {
                wire::ErrorKind::Validation
            }
        };
        ApiError::new(kind, self.told(&error.to_string()))
    }

    /// The connection must exist and be one of the source's connector.
    async fn check_connection(
        self,
        call: &Call,
        connection: &ConnectionName,
        connector_type: ConnectorType,
    ) -> Result<(), ApiError> {
        let stored = self.connection_of(call, connection).await?;
        if stored.connector_type == connector_type {
            return Ok(());
        }
        Err(self.refused(&[format!(
            "The connector profile {connection} is of type {}, and the source is {}",
            stored.connector_type.as_str(),
            connector_type.as_str()
        )]))
    }

    async fn connection_of(self, call: &Call, name: &ConnectionName) -> Result<Connection, ApiError> {
        find(call, name).await.map_err(|error| ApiError { message: self.told(&error.message), ..error })
    }
}

/// What an incremental flow goes by must be there: a field of the entity that
/// tells a time, or the entity's own record of changes.
fn check_newness(
    asked: Asked,
    input: &wire::CreateFlowRequest,
    entity: &str,
    fields: &[EntityField],
) -> Result<(), ApiError> {
    let schedule = schedule::schedule(&input.trigger_config).ok().flatten();
    let is_incremental = schedule.is_some_and(|schedule| schedule.pull_mode == PullMode::Incremental);
    let by = match schedule::newness(&input.source_flow_config) {
        Ok(newness) if is_incremental => newness,
        // Runs that are asked for with a window go by a field, whatever the trigger.
        Ok(newness @ Newness::Field(_)) => newness,
        _ => return Ok(()),
    };
    let times: Vec<&str> =
        fields.iter().filter(|field| field.timestamp).map(|field| field.identifier.as_str()).collect();
    let choice = if times.is_empty() {
        format!("{entity} has no field that tells a time")
    } else {
        format!("The fields of {entity} that tell a time are: {}", times.join(", "))
    };
    match by {
        Newness::Field(name) if !times.contains(&name.as_str()) => Err(asked.refused(&[format!(
            "The timestamp field {name} cannot be used for an incremental flow. {choice}"
        )])),
        Newness::Changes if !tells_changes(fields) => Err(asked.refused(&[format!(
            "{entity} does not tell its changes, so an incremental flow needs the timestamp field to go by: set \
             incrementalPullConfig.datetimeTypeFieldName. {choice}"
        )])),
        Newness::Field(_) | Newness::Changes | Newness::Objects => Ok(()),
    }
}

fn tells_changes(fields: &[EntityField]) -> bool {
    fields.iter().flat_map(|field| &field.custom).any(|(name, _)| name == "changeTracking")
}
