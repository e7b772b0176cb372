//! How soon a server answers after its start, and how much memory it holds when it is idle.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::api::Server;
use crate::report::{Goal, Report};
use crate::{Outcome, Setting};

const PART: &str = "start";

/// Measures it.
pub async fn run(setting: &Setting, report: &mut Report) -> Outcome<()> {
    let (mut empty, mut again, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=setting.rounds() {
        let data = setting.work.join(format!("start-{round}"));
        let (millis, server) = first_answer(setting, &data).await?;
        empty.push(millis);
        tokio::time::sleep(Duration::from_secs(2)).await;
        memory.push(server.child.memory("VmRSS")?);
        server.stop().await?;
        let (millis, server) = first_answer(setting, &data).await?;
        again.push(millis);
        server.stop().await?;
    }
    report.part(PART);
    report.add("to the first answered call, empty store", "ms", empty, Goal::AtMost(100.0));
    report.add("to the first answered call, existing store", "ms", again, Goal::AtMost(100.0));
    report.add("resident memory when idle, empty store", "MiB", memory, Goal::AtMost(50.0));
    Ok(())
}

/// Milliseconds from the start of the process to the answer of a signed ListFlows.
async fn first_answer(setting: &Setting, data: &Path) -> Outcome<(f64, Server)> {
    let server = Server::start(setting, data, "live").await?;
    let answer = server.client().await?.call("/list-flows", &json!({})).await?;
    let millis = server.child.started.elapsed().as_secs_f64() * 1000.0;
    if !answer["flows"].as_array().is_some_and(Vec::is_empty) {
        return Err(format!("ListFlows of an empty store answers {answer}").into());
    }
    Ok((millis, server))
}
