//! Events in AppFlow's form, as EventBridge has them. Every value of a detail
//! is a text, numbers included.

use ring::digest;
use serde_json::{Map, Value, json};
use tidegate_core::run::{Run, RunStatus, RunTrigger};
use tidegate_core::schedule::PullWindow;
use tidegate_core::{Resource, Scope};
use tidegate_store::{EventReport, FlowRecord};

use crate::config::Compat;
use crate::convert::now_ms;

/// The longest error or reason, in characters: an event has room for 256 KiB.
const MAX_TEXT: usize = 2048;

/// What events are written from.
#[derive(Clone, Debug)]
pub struct Events {
    /// Whose they are.
    pub scope: Scope,
    /// Strictly, a flow is named as AppFlow names it only.
    pub compat: Compat,
}

/// A detail that is being written, in the order in which AppFlow has it.
struct Detail(Map<String, Value>);

impl Detail {
    fn add(&mut self, name: &str, text: impl Into<String>) {
        self.0.insert(name.to_owned(), Value::String(text.into()));
    }
}

impl Events {
    /// A run has begun.
    pub fn started(&self, id: &str, flow: &FlowRecord, run: &Run, window: Option<PullWindow>) -> Value {
        let mut detail = self.detail(flow, run.trigger.as_str());
        detail.add("execution-id", run.id.as_str());
        detail.add("start-time", moment(run.started_at_ms));
        add_window(&mut detail, window);
        self.envelope(id, "AppFlow Start Flow Run Report", now_ms(), flow, detail)
    }

    /// A run has ended.
    pub fn ended(&self, id: &str, flow: &FlowRecord, run: &Run) -> Value {
        let mut detail = self.detail(flow, run.trigger.as_str());
        let counts = &run.counts;
        detail.add("num-of-records-processed", counts.records_processed.to_string());
        detail.add("execution-id", run.id.as_str());
        detail.add("num-of-records-filtered", counts.records_filtered.to_string());
        detail.add("start-time", moment(run.started_at_ms));
        // Documents are Veeva's; no reader carries any yet.
        detail.add("num-of-documents-processed", "0");
        detail.add("end-time", moment(run.updated_at_ms));
        detail.add("num-of-record-failures", counts.records_failed.to_string());
        detail.add("data-processed", counts.bytes_processed.to_string());
        add_window(&mut detail, run.window);
        let status = match run.status {
            RunStatus::Successful => "Execution Successful",
            RunStatus::Canceled => "Execution Canceled",
            _ => "Execution Failed",
        };
        detail.add("status", status);
        if let Some(error) = &run.error {
            detail.add("error", cut(error));
        }
        self.envelope(id, "AppFlow End Flow Run Report", run.updated_at_ms, flow, detail)
    }

    /// What an event flow did in the last minutes.
    pub fn reported(&self, id: &str, flow: &FlowRecord, report: &EventReport) -> Value {
        let mut detail = self.detail(flow, RunTrigger::Event.as_str());
        detail.add("num-of-records-processed", report.records_processed.to_string());
        detail.add("num-of-records-filtered", report.records_filtered.to_string());
        detail.add("start-time", moment(report.since_ms));
        detail.add("num-of-documents-processed", "0");
        detail.add("end-time", moment(report.until_ms));
        detail.add("num-of-record-failures", report.records_failed.to_string());
        detail.add("data-processed", report.bytes_processed.to_string());
        let EventReport { received, successful, failed, canceled, waiting, .. } = report;
        detail.add(
            "status-report",
            format!(
                "Events received: {received}, waiting: {waiting}. Runs successful: {successful}, failed: {failed}, \
                 canceled: {canceled}."
            ),
        );
        if let Some(error) = &report.error {
            detail.add("error", cut(error));
        }
        self.envelope(id, "AppFlow Event Flow Report", report.until_ms, flow, detail)
    }

    /// A flow that starts by itself was deactivated because its runs failed.
    pub fn deactivated(&self, id: &str, flow: &FlowRecord, reason: &str) -> Value {
        let (trigger, kind) = if flow.takes_events() {
            (RunTrigger::Event, "AppFlow Event Flow Deactivated")
        } else {
            (RunTrigger::Scheduled, "AppFlow Scheduled Flow Deactivated")
        };
        let mut detail = self.detail(flow, trigger.as_str());
        detail.add("deactivation-reason", cut(reason));
        detail.add("deactivation-time", moment(flow.updated_at_ms));
        self.envelope(id, kind, flow.updated_at_ms, flow, detail)
    }

    fn detail(&self, flow: &FlowRecord, trigger: &str) -> Detail {
        let source = &flow.definition["sourceFlowConfig"];
        let destination = &flow.definition["destinationFlowConfigList"][0];
        let mut detail = Detail(Map::new());
        detail.add("flow-name", flow.name.as_str());
        detail.add("created-by", flow.created_by.as_str());
        detail.add("flow-arn", self.arn(flow));
        detail.add("source", party(source));
        detail.add("destination", party(destination));
        detail.add("source-object", object(&source["sourceConnectorProperties"]));
        detail.add("destination-object", object(&destination["destinationConnectorProperties"]));
        detail.add("trigger-type", trigger.to_ascii_uppercase());
        detail
    }

    fn arn(&self, flow: &FlowRecord) -> String {
        self.scope.arn(&Resource::Flow(flow.name.clone()))
    }

    fn envelope(&self, id: &str, kind: &str, at_ms: i64, flow: &FlowRecord, detail: Detail) -> Value {
        // AppFlow names a flow by an opaque number here, against its own
        // documents; rules that were written by those look for the ARN.
        let arn = self.arn(flow);
        let number = digest::digest(&digest::SHA256, format!("{arn} {}", flow.created_at_ms).as_bytes());
        let mut resources = vec![hex::encode(&number.as_ref()[..16])];
        if self.compat == Compat::Relaxed {
            resources.push(arn);
        }
        json!({
            "version": "0",
            "id": id,
            "detail-type": kind,
            "source": "aws.appflow",
            "account": self.scope.account.as_str(),
            "time": format!("{:.0}", timestamp(at_ms)),
            "region": self.scope.region,
            "resources": resources,
            "detail": detail.0,
        })
    }
}

fn add_window(detail: &mut Detail, window: Option<PullWindow>) {
    if let Some(PullWindow { start_ms, end_ms }) = window {
        detail.add("incremental-transfer-time-range", format!("{} - {}", moment(start_ms), moment(end_ms)));
    }
}

/// The connector of a side and, where it has one, the connection: `VEEVA/name`.
fn party(side: &Value) -> String {
    let kind = side["connectorType"].as_str().unwrap_or_default().to_ascii_uppercase();
    match side["connectorProfileName"].as_str().filter(|name| !name.is_empty()) {
        Some(connection) => format!("{kind}/{connection}"),
        None => kind,
    }
}

/// What is read or written: an entity, or `s3://bucket/prefix`.
fn object(properties: &Value) -> String {
    let Some(side) = properties.as_object().and_then(|all| all.values().next()) else { return String::new() };
    let text = |name: &str| side[name].as_str();
    if let Some(bucket) = text("bucketName") {
        return match text("bucketPrefix").filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => format!("s3://{bucket}/{prefix}"),
            None => format!("s3://{bucket}"),
        };
    }
    ["object", "objectPath", "entityName"].into_iter().find_map(text).unwrap_or_default().to_owned()
}

fn timestamp(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default()
}

/// A moment as AppFlow writes it.
fn moment(millis: i64) -> String {
    format!("{:.3}[UTC]", timestamp(millis))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT - 1).chain(['…']).collect()
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
