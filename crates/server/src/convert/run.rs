//! Runs between the domain and the wire.

use tidegate_core::run::{CatalogDetail, Registration, Run, RunStatus};
use tidegate_wire as wire;

use super::timestamp;

/// The longest error text that goes over the wire, in characters; the model
/// limits it, the store keeps it whole.
const MAX_MESSAGE: usize = 2048;

/// A run as DescribeFlowExecutionRecords tells it.
pub fn record(run: &Run) -> wire::ExecutionRecord {
    let counts = &run.counts;
    let size = |count: u64| Some(i64::try_from(count).unwrap_or(i64::MAX));
    let error_info = run.error.as_deref().map(|error| wire::ErrorInfo {
        put_failures_count: Some(0),
        execution_message: Some(shorten(error)),
    });
    wire::ExecutionRecord {
        execution_id: Some(run.id.as_str().to_owned()),
        execution_status: Some(status(run.status)),
        execution_result: Some(wire::ExecutionResult {
            error_info,
            bytes_processed: size(counts.bytes_processed),
            bytes_written: size(counts.bytes_written),
            records_processed: size(counts.records_processed),
            num_parallel_processes: (counts.parallel_processes > 0)
                .then(|| size(counts.parallel_processes))
                .flatten(),
            max_page_size: (counts.max_page_size > 0).then(|| size(counts.max_page_size)).flatten(),
        }),
        started_at: Some(timestamp(run.started_at_ms)),
        last_updated_at: Some(timestamp(run.updated_at_ms)),
        data_pull_start_time: run.window.map(|window| timestamp(window.start_ms)),
        data_pull_end_time: run.window.map(|window| timestamp(window.end_ms)),
        metadata_catalog_details: catalog(run),
    }
}

/// What a run registered in a data catalog.
pub fn catalog(run: &Run) -> Option<Vec<wire::MetadataCatalogDetail>> {
    let output = |registration: &Registration| wire::RegistrationOutput {
        message: registration.error.as_deref().map(shorten),
        result: Some(registration.count.to_string()),
        status: Some(status(if registration.error.is_none() {
            RunStatus::Successful
        } else {
            RunStatus::Error
        })),
    };
    let detail = |detail: &CatalogDetail| wire::MetadataCatalogDetail {
        catalog_type: Some(wire::CatalogType::Glue),
        table_name: (!detail.table.is_empty()).then(|| detail.table.clone()),
        table_registration_output: Some(output(&detail.tables)),
        partition_registration_output: Some(output(&detail.partitions)),
    };
    let details = &run.counts.catalog;
    (!details.is_empty()).then(|| details.iter().map(detail).collect())
}

/// A flow's last run as DescribeFlow and ListFlows tell it.
pub fn last_run(run: &Run) -> wire::ExecutionDetails {
    // What happened on the way stands behind the service's own words.
    let notes = run.counts.notes.iter().map(|note| format!(" {note}.")).collect::<String>();
    let message = match run.status {
        RunStatus::Successful => Some(shorten(&format!("Successfully ran the flow{notes}"))),
        _ => run
            .error
            .clone()
            .or_else(|| (!notes.is_empty()).then(|| notes.trim().to_owned()))
            .map(|text| shorten(&text)),
    };
    wire::ExecutionDetails {
        most_recent_execution_message: message,
        most_recent_execution_time: Some(timestamp(run.started_at_ms)),
        most_recent_execution_status: Some(status(run.status)),
    }
}

/// A run's status on the wire.
pub fn status(status: RunStatus) -> wire::ExecutionStatus {
    status.wire().parse().expect("the domain spells the wire's statuses")
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_MESSAGE {
        return text.to_owned();
    }
    text.chars().take(MAX_MESSAGE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_spelling_and_long_texts_are_cut_at_characters() {
        for from in [RunStatus::Queued, RunStatus::Publishing, RunStatus::Canceled, RunStatus::Error] {
            assert_eq!(status(from).as_str(), from.wire());
        }
        assert_eq!(shorten(&"ä".repeat(3000)).chars().count(), MAX_MESSAGE);
    }
}
