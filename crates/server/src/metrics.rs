//! What the server counts, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tidegate_core::run::RunStatus;

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
}

impl Default for Metrics {
    fn default() -> Self {
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
        Self { registry, requests, request_time, runs_ended, run_time, records, runs }
    }
}

impl Metrics {
    /// Counts one answered request.
    pub fn request(&self, operation: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Answered { operation, status: u32::from(status) }).inc();
        self.request_time.observe(took.as_secs_f64());
    }

    /// Counts one run that ended.
    pub fn run_ended(&self, status: RunStatus, records: u64, took: Duration) {
        self.runs_ended.get_or_create(&InStatus { status: status.as_str() }).inc();
        self.run_time.observe(took.as_secs_f64());
        self.records.inc_by(records);
    }

    /// The page, with the run table's present state.
    pub fn render(&self, runs: &BTreeMap<&'static str, u64>) -> String {
        for (status, count) in runs {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.runs.get_or_create(&InStatus { status }).set(count);
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
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
        let metrics = Metrics::default();
        metrics.request("ListFlows", 200, Duration::from_millis(3));
        metrics.run_ended(RunStatus::Successful, 7, Duration::from_secs(1));
        let page = metrics.render(&BTreeMap::from([("Queued", 2)]));
        for line in [
            "tidegate_requests_total{operation=\"ListFlows\",status=\"200\"} 1",
            "tidegate_request_seconds_bucket{le=\"0.005\"} 1",
            "tidegate_runs_ended_total{status=\"Successful\"} 1",
            "tidegate_records_processed_total 7",
            "tidegate_runs{status=\"Queued\"} 2",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
