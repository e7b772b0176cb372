//! Passthrough: each line of the source goes out as it came.

use super::no_operator;
use crate::connection::ConnectorType;
use crate::task::{RawTask, Task};

pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "passthrough")?;
    Ok(Task::Passthrough)
}

/// What passes through untouched can have no other tasks; a projection, which
/// consoles write in front of everything, changes nothing and is tolerated.
pub(super) fn check(tasks: &[Task], source: ConnectorType, findings: &mut Vec<String>) {
    if !tasks.contains(&Task::Passthrough) {
        return;
    }
    if source != ConnectorType::S3 {
        findings.push(format!(
            "A task of type Passthrough hands on the lines of JSON Lines files, so its source must be S3 and not {}",
            source.as_str()
        ));
    }
    if tasks.iter().any(|task| !matches!(task, Task::Passthrough | Task::Projection { .. })) {
        findings.push(
            "A task of type Passthrough hands on records untouched, so the flow can have no other tasks"
                .to_owned(),
        );
    }
}
