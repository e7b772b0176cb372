//! EventBridge, AWS's own or any endpoint that speaks its API: PutEvents.

use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Builder;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use serde_json::Value;
use tidegate_connectors::kit::Outbound;
use tidegate_store::Waiting;

use super::Sink;
use crate::aws;
use crate::config::Settings;

/// The source of AppFlow's events.
const SOURCE: &str = "aws.appflow";

/// What to say when nothing gives keys.
const NO_KEYS: &str =
    "There are no keys for EventBridge: give them as the AWS CLI takes them (environment or profile files)";

/// A bus that events are put on.
pub struct EventBridge {
    client: Client,
    bus: String,
    source: String,
}

impl EventBridge {
    /// The bus of the settings, if they name one.
    pub async fn of(
        settings: &Settings,
        services: &Arc<Outbound>,
        region: &str,
    ) -> Result<Option<Self>, String> {
        let Some(bus) = settings.eventbridge_bus.clone() else { return Ok(None) };
        let config = aws::client_config(services, region).await;
        // Asked once now: a server without keys is better told at its start.
        let keys = config.credentials_provider().ok_or(NO_KEYS)?;
        keys.provide_credentials().await.map_err(|_| NO_KEYS.to_owned())?;
        let mut config = Builder::from(&config);
        if let Some(endpoint) = &settings.eventbridge_endpoint {
            config = config.endpoint_url(endpoint);
        }
        let source = settings.eventbridge_source.clone().unwrap_or_else(|| SOURCE.to_owned());
        Ok(Some(Self { client: Client::from_conf(config.build()), bus, source }))
    }

    fn entry(&self, notification: &Waiting) -> Option<PutEventsRequestEntry> {
        let event: Value = serde_json::from_str(&notification.body).ok()?;
        let resources = event["resources"].as_array()?.iter().filter_map(Value::as_str);
        let time: jiff::Timestamp = event["time"].as_str()?.parse().ok()?;
        let entry = PutEventsRequestEntry::builder()
            .source(&self.source)
            .detail_type(event["detail-type"].as_str()?)
            .detail(event["detail"].to_string())
            .set_resources(Some(resources.map(str::to_owned).collect()))
            .time(DateTime::from_secs(time.as_second()))
            .event_bus_name(&self.bus);
        Some(entry.build())
    }
}

#[async_trait]
impl Sink for EventBridge {
    fn name(&self) -> &'static str {
        "eventbridge"
    }

    fn batch(&self) -> u32 {
        // PutEvents takes no more.
        10
    }

    async fn deliver(&self, batch: &[Waiting]) -> Vec<Result<(), String>> {
        let entries: Vec<_> = batch.iter().map(|notification| self.entry(notification)).collect();
        let sound: Vec<_> = entries.iter().flatten().cloned().collect();
        let mut results = self.put(sound).await.into_iter();
        let damaged = || Err("the event of the outbox is damaged".to_owned());
        let mut of = |entry: &Option<_>| match entry {
            None => damaged(),
            Some(_) => results.next().unwrap_or_else(|| Err("EventBridge left it out".to_owned())),
        };
        entries.iter().map(&mut of).collect()
    }
}

impl EventBridge {
    /// Puts events on the bus, one result each. Where all are refused at once,
    /// one of them may be why, and each is tried alone: the others shall not
    /// wait for it until they are given up.
    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Vec<Result<(), String>> {
        if entries.is_empty() {
            return Vec::new();
        }
        let count = entries.len();
        match self.client.put_events().set_entries(Some(entries.clone())).send().await {
            Ok(answer) => answer.entries().iter().map(result).collect(),
            Err(error) if count > 1 && error.as_service_error().is_some() => {
                let mut results = Vec::with_capacity(count);
                for entry in entries {
                    let alone = self.client.put_events().entries(entry).send().await;
                    results.push(match alone {
                        Ok(answer) => answer.entries().first().map_or(Ok(()), result),
                        Err(error) => Err(DisplayErrorContext(&error).to_string()),
                    });
                }
                results
            }
            Err(error) => vec![Err(DisplayErrorContext(&error).to_string()); count],
        }
    }
}

fn result(entry: &PutEventsResultEntry) -> Result<(), String> {
    let Some(code) = entry.error_code() else { return Ok(()) };
    let hint = match code {
        "NotAuthorizedForSourceException" => {
            "; AWS keeps sources that begin with aws. to itself, so give another with --eventbridge-source"
        }
        _ => "",
    };
    Err(format!("EventBridge refused the event: {code} {}{hint}", entry.error_message().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_entry_says_why_and_what_to_do() {
        let entry = PutEventsResultEntry::builder().error_code("NotAuthorizedForSourceException").build();
        assert!(result(&entry).expect_err("refused").contains("--eventbridge-source"));
        assert_eq!(result(&PutEventsResultEntry::builder().event_id("e").build()), Ok(()));
    }
}
