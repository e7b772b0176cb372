//! AppFlow's own metrics, as CloudWatch names them, one series a flow. They
//! count from the server's start, as Prometheus expects of counters.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tidegate_core::FlowName;
use tidegate_core::run::RunStatus;

use super::RUN_BUCKETS;

/// The name under which the flows count that have no series of their own. No
/// flow's name can begin like this.
const OTHER: &str = "_other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFlow {
    flow_name: String,
}

/// Counters by flow, for a bounded number of flows.
pub struct Executions {
    registry: Registry,
    most: usize,
    named: RwLock<HashSet<String>>,
    started: Family<OfFlow, Counter>,
    failed: Family<OfFlow, Counter>,
    succeeded: Family<OfFlow, Counter>,
    records: Family<OfFlow, Counter>,
    time: Family<OfFlow, Histogram>,
}

impl Executions {
    /// Counters at zero; the first `most` flows that run have their own.
    pub fn new(most: usize) -> Self {
        let mut registry = Registry::with_prefix("appflow");
        let [started, failed, succeeded, records] = [(); 4].map(|()| Family::<OfFlow, Counter>::default());
        let time: Family<OfFlow, Histogram> = Family::new_with_constructor(|| Histogram::new(RUN_BUCKETS));
        for (name, help, counter) in [
            ("flow_executions_started", "Runs that began (CloudWatch: FlowExecutionsStarted)", &started),
            ("flow_executions_failed", "Runs that failed (CloudWatch: FlowExecutionsFailed)", &failed),
            (
                "flow_executions_succeeded",
                "Runs that succeeded (CloudWatch: FlowExecutionsSucceeded)",
                &succeeded,
            ),
            (
                "flow_execution_records_processed",
                "Records that ended runs processed (CloudWatch: FlowExecutionRecordsProcessed)",
                &records,
            ),
        ] {
            registry.register(name, help, Family::clone(counter));
        }
        registry.register_with_unit(
            "flow_execution_time",
            "Time from when a run was asked for to its end (CloudWatch: FlowExecutionTime, there in milliseconds)",
            Unit::Seconds,
            time.clone(),
        );
        Self { registry, most, named: RwLock::default(), started, failed, succeeded, records, time }
    }

    /// What is encoded.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a run that began.
    pub fn started(&self, flow: &FlowName) {
        self.started.get_or_create(&self.label(flow)).inc();
    }

    /// Counts a run that ended.
    pub fn ended(&self, flow: &FlowName, status: RunStatus, records: u64, took: Duration) {
        let label = self.label(flow);
        // Both are there from the first run on, so that a rate has its zero.
        self.failed.get_or_create(&label).inc_by(u64::from(status == RunStatus::Error));
        self.succeeded.get_or_create(&label).inc_by(u64::from(status == RunStatus::Successful));
        self.records.get_or_create(&label).inc_by(records);
        self.time.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// Drops a flow's series; another one can have their place.
    pub fn forget(&self, flow: &FlowName) {
        if !self.named.write().remove(flow.as_str()) {
            return;
        }
        let label = OfFlow { flow_name: flow.as_str().to_owned() };
        for family in [&self.started, &self.failed, &self.succeeded, &self.records] {
            family.remove(&label);
        }
        self.time.remove(&label);
    }

    fn label(&self, flow: &FlowName) -> OfFlow {
        let name = flow.as_str();
        let known = self.named.read().contains(name);
        let own = known || {
            let mut named = self.named.write();
            named.contains(name) || (named.len() < self.most && named.insert(name.to_owned()))
        };
        OfFlow { flow_name: if own { name } else { OTHER }.to_owned() }
    }
}
