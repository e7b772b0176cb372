//! CreateFlow: understand the definition, prove its ends, store it as it was sent.

use tidegate_connectors::descriptions;
use tidegate_core::entity::EntityField;
use tidegate_core::flow::{FlowSpec, FlowStatus, SourceSpec};
use tidegate_core::schedule::PullMode;
use tidegate_core::{ConnectionName, FlowName, Resource};
use tidegate_engine::BucketError;
use tidegate_store::{FlowRecord, FlowState, Kind, StoreError};
use tidegate_wire as wire;

use super::context::{Call, settle};
use super::update_connector_profile::find;
use crate::config::ConnectionCheck;
use crate::convert::profile::connector_type;
use crate::convert::schedule::Newness;
use crate::convert::{flow, now_ms, schedule};
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    call: Call,
    mut input: wire::CreateFlowRequest,
) -> Result<wire::CreateFlowResponse, ApiError> {
    if let Some(answer) = call.earlier_answer().await? {
        return Ok(answer);
    }
    let app = &call.app;
    input.client_token = None;
    check_trigger(&input)?;
    let spec = flow::spec(&input, 1).map_err(|findings| refused(&findings))?;
    check_ends(&call, &input, &spec).await?;
    if let Some(limit) = app.quotas.flows {
        let count = app.store.flows(call.account()).count().await?;
        if count >= limit {
            return Err(ApiError::quota(format!("The account has {count} flows, and its quota is {limit}.")));
        }
    }

    let name = FlowName::new(&input.flow_name);
    let status = match input.trigger_config.trigger_type {
        wire::TriggerType::OnDemand => FlowStatus::Active,
        wire::TriggerType::Scheduled | wire::TriggerType::Event => FlowStatus::Draft,
    };
    let answer = wire::CreateFlowResponse {
        flow_arn: Some(app.scope.arn(&Resource::Flow(name.clone()))),
        flow_status: status.as_str().parse().ok(),
    };
    let now = now_ms();
    let uses: Vec<ConnectionName> = flow::source_connection(&input.source_flow_config).into_iter().collect();
    let record = FlowRecord {
        name: name.clone(),
        definition: serde_json::to_value(&input).map_err(ApiError::internal)?,
        status,
        status_message: None,
        schema_version: 1,
        tags: input.tags.unwrap_or_default().into_iter().collect(),
        created_at_ms: now,
        updated_at_ms: now,
        created_by: call.caller_arn(),
        updated_by: call.caller_arn(),
        state: FlowState::default(),
    };
    let stored = app.store.flows(call.account()).create(record, &uses, call.once(&answer).as_ref()).await;
    match stored {
        Ok(outcome) => settle(outcome, answer),
        Err(StoreError::Conflict { kind: Kind::Flow, .. }) => {
            Err(ApiError::conflict(format!("Conflict executing request: Flow: {name} already exists")))
        }
        Err(other) => Err(other.into()),
    }
}

fn refused(findings: &[String]) -> ApiError {
    ApiError::validation(format!("Create Flow request failed: [{}]", findings.join(", ")))
}

fn check_trigger(input: &wire::CreateFlowRequest) -> Result<(), ApiError> {
    let trigger = &input.trigger_config;
    let source = descriptions::of(connector_type(input.source_flow_config.connector_type));
    let kind = trigger.trigger_type.as_str();
    let supported = &source.supported_trigger_types;
    if !supported.is_empty() && !supported.iter().any(|supported| supported == kind) {
        return Err(refused(&[format!(
            "A flow that reads from {} cannot be started by {kind}; it supports {}",
            source.connector_type.as_str(),
            supported.join(", ")
        )]));
    }
    let Some(schedule) = schedule::schedule(trigger).map_err(|findings| refused(&findings))? else {
        return Ok(());
    };
    let (frequency, supported) =
        (schedule.expression.frequency().as_str(), &source.supported_scheduling_frequencies);
    if !supported.is_empty() && !supported.iter().any(|supported| supported == frequency) {
        return Err(refused(&[format!(
            "{} supports no schedule as often as {} ({frequency}); it supports {}",
            source.connector_type.as_str(),
            schedule.expression,
            supported.join(", ")
        )]));
    }
    if schedule.pull_mode == PullMode::Incremental {
        schedule::newness(&input.source_flow_config).map_err(|findings| refused(&findings))?;
    }
    Ok(())
}

/// What an incremental flow goes by must be there: a field of the entity that
/// tells a time, or the entity's own record of changes.
fn check_newness(
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
        Newness::Field(name) if !times.contains(&name.as_str()) => Err(refused(&[format!(
            "The timestamp field {name} cannot be used for an incremental flow. {choice}"
        )])),
        Newness::Changes if !tells_changes(fields) => Err(refused(&[format!(
            "{entity} does not tell its changes, so an incremental flow needs the timestamp field to go by: set \
             incrementalPullConfig.datetimeTypeFieldName. {choice}"
        )])),
        Newness::Field(_) | Newness::Changes | Newness::Objects => Ok(()),
    }
}

fn tells_changes(fields: &[EntityField]) -> bool {
    fields.iter().flat_map(|field| &field.custom).any(|(name, _)| name == "changeTracking")
}

/// The source must answer and have the entity (or a file), and the buckets
/// must exist: a flow that cannot run is not created.
async fn check_ends(call: &Call, input: &wire::CreateFlowRequest, spec: &FlowSpec) -> Result<(), ApiError> {
    let app = &call.app;
    match &spec.source {
        SourceSpec::Connection { connector_type, connection, entity, .. } => {
            let stored = connection_of(call, connection).await?;
            if stored.connector_type != *connector_type {
                return Err(refused(&[format!(
                    "The connector profile {connection} is of type {}, and the source is {}",
                    stored.connector_type.as_str(),
                    connector_type.as_str()
                )]));
            }
            if app.connection_check == ConnectionCheck::Live {
                let open = app.open(connection).await?;
                let fields = app.readers.get(*connector_type)?.describe_entity(&open, entity).await?;
                let names: Vec<&str> = fields.iter().map(|field| field.identifier.as_str()).collect();
                let unknown = spec.unknown_fields(&names);
                if !unknown.is_empty() {
                    return Err(refused(&[format!(
                        "Task Validation Error: {entity} has no field {}. It has: {}",
                        unknown.join(", "),
                        names.join(", ")
                    )]));
                }
                check_newness(input, entity, &fields)?;
            }
        }
        SourceSpec::S3(source) => {
            let objects =
                app.engine.buckets().list(&source.bucket, &source.prefix).await.map_err(bucket_error)?;
            if objects.is_empty() {
                let all = app
                    .engine
                    .buckets()
                    .list_all(&source.bucket, &source.prefix)
                    .await
                    .map_err(bucket_error)?;
                let what = if all.is_empty() { "no object" } else { "only empty objects" };
                return Err(ApiError::new(
                    wire::ErrorKind::ConnectorServer,
                    format!(
                        "Create Flow request failed: the source {}/{} holds {what}",
                        source.bucket, source.prefix
                    ),
                ));
            }
        }
    }
    app.engine.buckets().check_output(&spec.destination, &spec.name).map_err(bucket_error)?;
    match app.engine.buckets().check(&spec.destination.bucket).await {
        // The check lists, and who may write need not be allowed to list; the
        // run will tell.
        Ok(()) | Err(BucketError::Refused(_)) => Ok(()),
        Err(error) => Err(bucket_error(error)),
    }
}

/// A bucket is an end of the flow like an application: what is wrong with it
/// is the caller's to mend, and not a resource of this API.
fn bucket_error(error: BucketError) -> ApiError {
    let kind = match error {
        BucketError::Failed(_) => wire::ErrorKind::ConnectorServer,
        BucketError::Refused(_) => wire::ErrorKind::ConnectorAuthentication,
        BucketError::NoSuchBucket(_) | BucketError::NoSuchKey(..) | BucketError::Invalid(_) => {
            wire::ErrorKind::Validation
        }
    };
    ApiError::new(kind, format!("Create Flow request failed: [{error}]"))
}

async fn connection_of(call: &Call, name: &ConnectionName) -> Result<tidegate_core::Connection, ApiError> {
    find(call, name).await.map_err(|error| ApiError {
        message: format!("Create Flow request failed: [{}]", error.message),
        ..error
    })
}
