//! `tidegate flow …`: flows and their runs on a running server.

mod deliver;
mod run;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::key::text;
use super::output::{self, Output};

/// Rows that one request asks for: the most that the server gives.
const PAGE: usize = 100;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Flow {
    /// List the flows with their last runs
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Print the definition of a flow, as DescribeFlow answers it
    Describe {
        /// The flow
        name: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Run a flow now, with a window, filters or a mode of its own if they are given
    Run {
        #[command(flatten)]
        wishes: run::Wishes,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Deliver records, one JSON object a line, to a flow that is started by events
    Deliver {
        #[command(flatten)]
        events: deliver::Lines,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Search the history of runs, the newest first
    Runs {
        #[command(flatten)]
        query: Query,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// Which runs to list.
#[derive(Args, Debug, Default)]
pub struct Query {
    /// Only runs of this flow
    name: Option<String>,
    /// Only these: InProgress, Queued, Successful, Error, CancelStarted, Canceled
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// Only the run with this identifier
    #[arg(long, value_name = "EXECUTION-ID")]
    id: Option<String>,
    /// Only runs asked for at this time (RFC 3339) or later
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Only runs asked for before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

impl Flow {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List { client } => list(&client).await,
            Self::Describe { name, client } => describe(&name, &client).await,
            Self::Run { wishes, client } => wishes.run(&client).await,
            Self::Deliver { events, client } => events.run(&client).await,
            Self::Runs { query, client } => runs(&query, &client).await,
        }
    }
}

/// All rows of a list, page by page, but no more than `most`.
async fn pages(
    client: &Client,
    path: &str,
    input: &Value,
    member: &str,
    most: usize,
) -> Result<Vec<Value>, Failure> {
    let mut rows: Vec<Value> = Vec::new();
    let mut input = input.clone();
    while rows.len() < most {
        input["maxResults"] = json!((most - rows.len()).min(PAGE));
        let mut answer = client.call(path, &input).await?;
        rows.extend(answer[member].take().as_array().cloned().unwrap_or_default());
        match answer.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    Ok(rows)
}

async fn list(args: &ClientArgs) -> Result<ExitCode, Failure> {
    let client = Client::discover(args).await?;
    let flows = pages(&client, "/list-flows", &json!({}), "flows", usize::MAX).await?;
    if args.output == Output::Json {
        output::json(&json!({ "flows": flows }));
        return Ok(ExitCode::SUCCESS);
    }
    if flows.is_empty() {
        output::line("There is no flow.");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = flows
        .iter()
        .map(|flow| {
            let last = flow.get("lastRunExecutionDetails").cloned().unwrap_or_default();
            vec![
                text(flow, "flowName"),
                text(flow, "flowStatus"),
                text(flow, "triggerType"),
                text(flow, "sourceConnectorType"),
                text(flow, "destinationConnectorType"),
                text(&last, "mostRecentExecutionStatus"),
            ]
        })
        .collect();
    output::table(&["NAME", "STATUS", "TRIGGER", "SOURCE", "DESTINATION", "LAST RUN"], &rows);
    Ok(ExitCode::SUCCESS)
}

async fn describe(name: &str, args: &ClientArgs) -> Result<ExitCode, Failure> {
    let answer = Client::discover(args).await?.call("/describe-flow", &json!({ "flowName": name })).await?;
    output::json(&answer);
    Ok(ExitCode::SUCCESS)
}

async fn runs(query: &Query, args: &ClientArgs) -> Result<ExitCode, Failure> {
    let client = Client::discover(args).await?;
    let mut input = json!({ "status": query.status });
    for (member, value) in [
        ("flowName", &query.name),
        ("executionId", &query.id),
        ("startedAfter", &query.after),
        ("startedBefore", &query.before),
    ] {
        if let Some(value) = value {
            input[member] = json!(value);
        }
    }
    let found = pages(&client, "/x/list-flow-runs", &input, "flowRuns", query.limit).await?;
    if args.output == Output::Json {
        output::json(&json!({ "flowRuns": found }));
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        output::line("There is no such run.");
        return Ok(ExitCode::SUCCESS);
    }
    print_runs(&found);
    Ok(ExitCode::SUCCESS)
}

/// Prints runs as a table.
fn print_runs(runs: &[Value]) {
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let waiting = run.get("waiting") == Some(&Value::Bool(true));
            vec![
                text(run, "flowName"),
                text(run, "executionId"),
                if waiting { "Queued".to_owned() } else { text(run, "executionStatus") },
                text(run, "startedAt"),
                text(run, "recordsProcessed"),
                // A vendor's answer can be long; the whole of it is in the JSON.
                text(run, "error").lines().next().unwrap_or_default().chars().take(100).collect(),
            ]
        })
        .collect();
    output::table(&["FLOW", "EXECUTION ID", "STATUS", "STARTED", "RECORDS", "ERROR"], &rows);
}
