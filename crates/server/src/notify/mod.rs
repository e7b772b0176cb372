//! Notifications of what happens to flows: AppFlow's own events, to EventBridge
//! and to a webhook.
//!
//! [`Notifier`] writes an event (`event`) for each sink within the transaction
//! that it is about; [`deliver`] takes them out of the outbox and sends them
//! ([`eventbridge`], [`webhook`]). No run ever waits for a delivery.

pub mod deliver;
mod event;
mod eventbridge;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tidegate_connectors::kit::Outbound;
use tidegate_core::Scope;
use tidegate_core::run::{Run, RunStatus, RunTrigger};
use tidegate_store::{Announcer, ClaimedRun, EventReport, FlowRecord, Notification, Waiting};

use crate::config::Settings;
use crate::tasks::window_of;
use event::Events;

/// A place where notifications go.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Its name in the outbox, in the log and in the metrics.
    fn name(&self) -> &'static str;
    /// How many it takes at once.
    fn batch(&self) -> u32;
    /// Sends them; gives for each, in their order, whether it arrived, or why not.
    async fn deliver(&self, batch: &[Waiting]) -> Vec<Result<(), String>>;
}

/// The sinks that the settings name, none by default.
///
/// # Errors
/// A setting that cannot work, with what to do about it.
pub async fn sinks(
    settings: &Settings,
    services: &Arc<Outbound>,
    region: &str,
) -> Result<Vec<Arc<dyn Sink>>, String> {
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if let Some(sink) = eventbridge::EventBridge::of(settings, services, region).await? {
        sinks.push(Arc::new(sink));
    }
    if let Some(sink) = webhook::Webhook::of(settings, services)? {
        sinks.push(Arc::new(sink));
    }
    Ok(sinks)
}

/// Writes the notifications.
pub struct Notifier {
    events: Events,
    sinks: Vec<&'static str>,
}

impl Notifier {
    /// A writer for these sinks.
    pub fn new(scope: Scope, settings: &Settings, sinks: &[Arc<dyn Sink>]) -> Self {
        let events = Events { scope, compat: settings.compat() };
        Self { events, sinks: sinks.iter().map(|sink| sink.name()).collect() }
    }

    /// The same event for every sink.
    fn to_all(&self, event: impl FnOnce(&Events, &str) -> Value) -> Vec<Notification> {
        let id = uuid::Uuid::new_v4().to_string();
        let body = event(&self.events, &id).to_string();
        self.sinks.iter().map(|sink| Notification { id: id.clone(), sink, body: body.clone() }).collect()
    }
}

impl Announcer for Notifier {
    fn started(&self, flow: &FlowRecord, claimed: &ClaimedRun) -> Vec<Notification> {
        // The runs of an event flow are many and short; its report tells of them.
        if claimed.run.trigger == RunTrigger::Event {
            return Vec::new();
        }
        self.to_all(|events, id| events.started(id, flow, &claimed.run, window_of(claimed)))
    }

    fn ended(&self, flow: &FlowRecord, run: &Run) -> Vec<Notification> {
        // But for a failure, which should not have to wait for the report.
        if run.trigger == RunTrigger::Event && run.status != RunStatus::Error {
            return Vec::new();
        }
        self.to_all(|events, id| events.ended(id, flow, run))
    }

    fn deactivated(&self, flow: &FlowRecord, reason: &str) -> Vec<Notification> {
        self.to_all(|events, id| events.deactivated(id, flow, reason))
    }

    fn reported(&self, flow: &FlowRecord, report: &EventReport) -> Vec<Notification> {
        self.to_all(|events, id| events.reported(id, flow, report))
    }
}
