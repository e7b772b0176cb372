//! What the server counts, in the text format of Prometheus.

mod executions;

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tidegate_core::FlowName;
use tidegate_core::run::RunStatus;
use tidegate_store::{Backlog, Delivered};

use executions::Executions;

/// Upper bounds of the request times, in seconds.
const REQUEST_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Upper bounds of the runs' times, in seconds.
const RUN_BUCKETS: [f64; 9] = [0.05, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InStatus {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ForSink {
    sink: String,
}

impl ForSink {
    fn new(sink: &str) -> Self {
        Self { sink: sink.to_owned() }
    }
}

/// How long a run took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// From its claim by a worker to its end.
    pub work: Duration,
    /// From when it was asked for to its end.
    pub whole: Duration,
}

/// The counters of one server. They belong to it alone, so that several can
/// live in one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_time: Histogram,
    runs_ended: Family<InStatus, Counter>,
    run_time: Histogram,
    records: Counter,
    runs: Family<InStatus, Gauge>,
    events: Events,
    sinks: Sinks,
    executions: Executions,
}

/// Events on their way to flows.
#[derive(Default)]
struct Events {
    accepted: Counter,
    duplicates: Counter,
    waiting: Gauge,
    waiting_bytes: Gauge,
}

impl Events {
    fn new(registry: &mut Registry) -> Self {
        let events = Self::default();
        registry.register("events_accepted", "Events that were delivered", events.accepted.clone());
        registry.register(
            "events_duplicate",
            "Events that had been delivered before",
            events.duplicates.clone(),
        );
        registry.register("events_waiting", "Events that no run has published yet", events.waiting.clone());
        registry.register_with_unit(
            "events_waiting",
            "Size of the events that no run has published yet",
            Unit::Bytes,
            events.waiting_bytes.clone(),
        );
        events
    }
}

/// Where notifications go.
#[derive(Default)]
struct Sinks {
    up: Family<ForSink, Gauge>,
    waiting: Family<ForSink, Gauge>,
    delivered: Family<ForSink, Counter>,
    failed: Family<ForSink, Counter>,
    given_up: Family<ForSink, Counter>,
}

impl Sinks {
    fn new(registry: &mut Registry) -> Self {
        let sinks = Self::default();
        registry.register("notification_sink_up", "Whether notifications arrive", sinks.up.clone());
        registry.register(
            "notifications_waiting",
            "Notifications that wait, as of a minute ago at most",
            sinks.waiting.clone(),
        );
        registry.register("notifications_delivered", "Notifications that arrived", sinks.delivered.clone());
        registry.register(
            "notification_tries_failed",
            "Tries to deliver a notification that failed",
            sinks.failed.clone(),
        );
        registry.register("notifications_given_up", "Notifications given up", sinks.given_up.clone());
        sinks
    }
}

impl Metrics {
    /// Counters at zero; so many flows have series of their own.
    pub fn new(flows: usize) -> Self {
        let mut registry = Registry::with_prefix("tidegate");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let request_time = Histogram::new(REQUEST_BUCKETS);
        registry.register_with_unit(
            "request",
            "Time to answer a request",
            Unit::Seconds,
            request_time.clone(),
        );
        let runs_ended = Family::default();
        registry.register("runs_ended", "Runs that ended", runs_ended.clone());
        let run_time = Histogram::new(RUN_BUCKETS);
        registry.register_with_unit(
            "run",
            "Time from a run's claim to its end",
            Unit::Seconds,
            run_time.clone(),
        );
        let records = Counter::default();
        registry.register(
            "records_processed",
            "Records that passed the filters of ended runs",
            records.clone(),
        );
        let runs = Family::default();
        registry.register("runs", "Runs in the store", runs.clone());
        let events = Events::new(&mut registry);
        let sinks = Sinks::new(&mut registry);
        let executions = Executions::new(flows);
        Self {
            registry,
            requests,
            request_time,
            runs_ended,
            run_time,
            records,
            runs,
            events,
            sinks,
            executions,
        }
    }

    /// Counts one answered request.
    pub fn request(&self, operation: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Answered { operation, status: u32::from(status) }).inc();
        self.request_time.observe(took.as_secs_f64());
    }

    /// Counts one run that is carried out for the first time.
    pub fn run_started(&self, flow: &FlowName) {
        self.executions.started(flow);
    }

    /// Counts one run that ended.
    pub fn run_ended(&self, flow: &FlowName, status: RunStatus, records: u64, took: Took) {
        self.runs_ended.get_or_create(&InStatus { status: status.as_str() }).inc();
        self.run_time.observe(took.work.as_secs_f64());
        self.records.inc_by(records);
        self.executions.ended(flow, status, records, took.whole);
    }

    /// Counts the events of one delivery.
    pub fn events_delivered(&self, delivered: Delivered) {
        self.events.accepted.inc_by(delivered.accepted);
        self.events.duplicates.inc_by(delivered.duplicates);
    }

    /// Drops the series of a flow that is gone.
    pub fn forget_flow(&self, flow: &FlowName) {
        self.executions.forget(flow);
    }

    /// Whether notifications arrive at a sink.
    pub fn sink_up(&self, sink: &str, up: bool) {
        self.sinks.up.get_or_create(&ForSink::new(sink)).set(i64::from(up));
    }

    /// Counts notifications that arrived, and tries that failed.
    pub fn notified(&self, sink: &str, delivered: usize, failed: usize) {
        let sink = ForSink::new(sink);
        self.sinks.delivered.get_or_create(&sink).inc_by(delivered as u64);
        self.sinks.failed.get_or_create(&sink).inc_by(failed as u64);
    }

    /// Notes how many notifications were given up just now, and how many wait, by sink.
    pub fn outbox(&self, sinks: &BTreeMap<String, (u64, u64)>) {
        // A sink without any that wait is not told, so all begin anew.
        self.sinks.waiting.clear();
        for (sink, (gone, waiting)) in sinks {
            let sink = ForSink::new(sink);
            self.sinks.given_up.get_or_create(&sink).inc_by(*gone);
            self.sinks.waiting.get_or_create(&sink).set(i64::try_from(*waiting).unwrap_or(i64::MAX));
        }
    }

    /// Notes what waits in the inboxes at present.
    pub fn events_waiting(&self, backlog: Backlog) {
        let size = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.events.waiting.set(size(backlog.events));
        self.events.waiting_bytes.set(size(backlog.bytes));
    }

    /// Notes the run table's present state. A state that no run is in is not told, and is zero.
    pub fn runs(&self, counts: &BTreeMap<&'static str, u64>) {
        for status in RunStatus::ALL.map(RunStatus::as_str) {
            let count = counts.get(status).copied().unwrap_or_default();
            self.runs.get_or_create(&InStatus { status }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// The page.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let written = encode_registry(&mut text, self.executions.registry())
            .and_then(|()| encode(&mut text, &self.registry));
        if written.is_err() {
            tracing::error!("The metrics could not be written.");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_on_the_page() {
        let metrics = Metrics::new(2);
        metrics.request("ListFlows", 200, Duration::from_millis(3));
        let took = Took { work: Duration::from_secs(1), whole: Duration::from_millis(1500) };
        for flow in ["a", "b", "c", "d"] {
            let flow = FlowName::new(flow);
            metrics.run_started(&flow);
            metrics.run_ended(&flow, RunStatus::Successful, 7, took);
        }
        metrics.run_ended(&FlowName::new("a"), RunStatus::Error, 0, took);
        metrics.sink_up("webhook", false);
        metrics.notified("webhook", 3, 2);
        metrics.outbox(&BTreeMap::from([("webhook".to_owned(), (1, 5))]));
        metrics.events_delivered(Delivered { accepted: 4, duplicates: 1 });
        metrics.events_waiting(Backlog { events: 3, bytes: 70 });
        metrics.runs(&BTreeMap::from([("Queued", 2)]));
        let page = metrics.render();
        for line in [
            "tidegate_requests_total{operation=\"ListFlows\",status=\"200\"} 1",
            "tidegate_request_seconds_bucket{le=\"0.005\"} 1",
            "tidegate_runs_ended_total{status=\"Successful\"} 4",
            "tidegate_records_processed_total 28",
            "tidegate_runs{status=\"Queued\"} 2",
            "tidegate_events_accepted_total 4",
            "tidegate_events_duplicate_total 1",
            "tidegate_events_waiting 3",
            "tidegate_events_waiting_bytes 70",
            "appflow_flow_executions_started_total{flow_name=\"a\"} 1",
            "appflow_flow_executions_succeeded_total{flow_name=\"a\"} 1",
            "appflow_flow_executions_failed_total{flow_name=\"a\"} 1",
            "appflow_flow_executions_failed_total{flow_name=\"b\"} 0",
            "appflow_flow_execution_records_processed_total{flow_name=\"b\"} 7",
            "appflow_flow_execution_time_seconds_sum{flow_name=\"b\"} 1.5",
            // Two flows have room for series of their own; the rest share one.
            "appflow_flow_executions_started_total{flow_name=\"_other\"} 2",
            "tidegate_notification_sink_up{sink=\"webhook\"} 0",
            "tidegate_notifications_waiting{sink=\"webhook\"} 5",
            "tidegate_notifications_delivered_total{sink=\"webhook\"} 3",
            "tidegate_notification_tries_failed_total{sink=\"webhook\"} 2",
            "tidegate_notifications_given_up_total{sink=\"webhook\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
        assert_eq!(page.matches("# EOF").count(), 1);
        assert!(page.ends_with("# EOF\n") && !page.contains("flow_name=\"c\""), "{page}");

        // A flow that is gone makes room for another one.
        metrics.forget_flow(&FlowName::new("a"));
        metrics.run_started(&FlowName::new("e"));
        metrics.runs(&BTreeMap::from([("Running", 1)]));
        let page = metrics.render();
        assert!(
            page.contains("started_total{flow_name=\"e\"} 1") && !page.contains("flow_name=\"a\""),
            "{page}"
        );
        // What the server has counted of it stays counted, and a state that no run is in any more is none.
        for line in [
            "tidegate_runs_ended_total{status=\"Successful\"} 4",
            "tidegate_records_processed_total 28",
            "tidegate_runs{status=\"Queued\"} 0",
            "tidegate_runs{status=\"Running\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
