//! `tidegate connection …`: what the API of AppFlow lacks for connections.

use std::io::Read;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Failure;
use super::client::{CallError, Client, ClientArgs};
use super::key::text;
use super::output::{self, Output};

/// The exit code of `connection test` when the question itself went wrong:
/// 0 to 3 are answers.
const NOT_ASKED: u8 = 4;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Connection {
    /// Copy a connection under a new name; its secrets never leave the server
    Copy {
        /// The connection to copy
        name: String,
        /// The name of the copy
        new_name: String,
        /// Change a property of the copy, such as connectorProfileProperties.SAPOData.logonLanguage=DE
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
        /// Credentials for the copy: file://PATH with the JSON of connectorProfileCredentials, or - for stdin
        #[arg(long, value_name = "file://PATH|-")]
        credentials: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List the connections, with their health and how many flows use them
    List {
        #[command(flatten)]
        query: Query,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Prove a connection now. Ends 0: proved, 1: refused, 2: unreachable, 3: cannot be tested yet
    Test {
        /// The connection
        name: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List the flows that use a connection, and their last runs
    Usage {
        /// The connection
        name: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// Which connections to list, and in which order.
#[derive(Args, Debug, Default)]
pub struct Query {
    /// Only this connector type, such as SAPOData
    #[arg(long, value_name = "TYPE")]
    connector_type: Option<String>,
    /// Only this connector label
    #[arg(long, value_name = "LABEL")]
    connector_label: Option<String>,
    /// Only names that contain this text
    #[arg(long, value_name = "TEXT")]
    name_contains: Option<String>,
    /// Only these: Proved, Refused, Unreachable, CannotBeTested, NotChecked
    #[arg(long, value_name = "HEALTH", value_delimiter = ',')]
    health: Vec<String>,
    /// name, connectorType, connectionMode, lastUpdatedAt, health or usedBy [default: name]
    #[arg(long, value_name = "COLUMN")]
    sort_by: Option<String>,
    /// Largest first
    #[arg(long)]
    descending: bool,
}

impl Connection {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Copy { name, new_name, set, credentials, client } => {
                copy(&name, &new_name, &set, credentials.as_deref(), &client).await
            }
            Self::List { query, client } => list(&query, &client).await,
            Self::Test { name, client } => {
                test(&name, &client).await.map_err(|failure| failure.with_code(NOT_ASKED))
            }
            Self::Usage { name, client } => usage(&name, &client).await,
        }
    }
}

async fn copy(
    name: &str,
    new_name: &str,
    set: &[String],
    credentials: Option<&str>,
    args: &ClientArgs,
) -> Result<ExitCode, Failure> {
    let mut input = json!({
        "sourceConnectorProfileName": name,
        "connectorProfileName": new_name,
        "set": assignments(set)?,
    });
    if let Some(from) = credentials {
        input["connectorProfileCredentials"] = read_credentials(from)?;
    }
    let answer = Client::discover(args).await?.call("/x/copy-connector-profile", &input).await?;
    if args.output == Output::Json {
        output::json(&answer);
    } else {
        output::line(&format!("{new_name} is a copy of {name}: {}", text(&answer, "connectorProfileArn")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads `PATH=VALUE` pairs. A secret on a command line is in the shell's
/// history and in `ps`, so credentials are refused here.
fn assignments(set: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut members = Map::new();
    for pair in set {
        let (path, value) = pair.split_once('=').ok_or_else(|| {
            Failure::new(format!("--set takes PATH=VALUE, such as connectorProfileProperties.SAPOData.logonLanguage=DE; '{}' has no '='", pair))
        })?;
        if path.starts_with("connectorProfileCredentials") {
            return Err(Failure::new(
                "credentials are not taken from the command line, where others can read them: put the JSON of \
                 connectorProfileCredentials into a file and give --credentials file://PATH, or - for stdin",
            ));
        }
        members.insert(path.to_owned(), Value::String(value.to_owned()));
    }
    Ok(members)
}

fn read_credentials(from: &str) -> Result<Value, Failure> {
    let text = if from == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(format!("the credentials on stdin cannot be read: {error}")))?;
        text
    } else if let Some(path) = from.strip_prefix("file://") {
        std::fs::read_to_string(path).map_err(|error| Failure::new(format!("cannot read {path}: {error}")))?
    } else {
        return Err(Failure::new("--credentials takes file://PATH or -, never the credentials themselves"));
    };
    let text = tidegate_core::Secret::new(text);
    let value: Value = serde_json::from_str(text.expose()).map_err(|error| {
        Failure::new(format!(
            "the credentials are not JSON: look at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    // Both the whole request's member and its content are natural to paste.
    Ok(value.get("connectorProfileCredentials").cloned().unwrap_or(value))
}

/// Connections that one request asks for: the most that the server gives.
const PAGE: usize = 100;

async fn list(query: &Query, args: &ClientArgs) -> Result<ExitCode, Failure> {
    let client = Client::discover(args).await?;
    let mut rows: Vec<Value> = Vec::new();
    let total = loop {
        let mut input = json!({
            "health": query.health,
            "descending": query.descending,
            "maxResults": PAGE,
            "startIndex": rows.len(),
        });
        for (member, value) in [
            ("connectorType", &query.connector_type),
            ("connectorLabel", &query.connector_label),
            ("nameContains", &query.name_contains),
            ("sortBy", &query.sort_by),
        ] {
            if let Some(value) = value {
                input[member] = json!(value);
            }
        }
        let mut answer = client.call("/x/list-connector-profiles", &input).await?;
        let total = answer["total"].clone();
        let page = answer["connectorProfiles"].take();
        let page = page.as_array().cloned().unwrap_or_default();
        let last = page.len() < PAGE;
        rows.extend(page);
        if last {
            break total;
        }
    };
    if args.output == Output::Json {
        output::json(&json!({ "connectorProfiles": rows, "total": total }));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let health = row.get("health").map(|health| text(health, "result")).unwrap_or_default();
            let (kind, label) = (text(row, "connectorType"), text(row, "connectorLabel"));
            vec![
                text(row, "connectorProfileName"),
                if label.is_empty() { kind } else { format!("{kind}/{label}") },
                text(row, "connectionMode"),
                if health.is_empty() { "-".to_owned() } else { health },
                text(row, "usedBy"),
                text(row, "lastUpdatedAt"),
            ]
        })
        .collect();
    if rows.is_empty() {
        output::line("There is no such connection.");
    } else {
        output::table(&["NAME", "CONNECTOR", "MODE", "HEALTH", "USED BY", "UPDATED"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(name: &str, args: &ClientArgs) -> Result<ExitCode, Failure> {
    let input = json!({ "connectorProfileName": name });
    let client = Client::discover(args).await?;
    let answer = client.call("/x/test-connector-profile", &input).await.map_err(|error| match error {
        CallError::Answered { name, message } => Failure::new(format!("{name}: {message}")),
        CallError::Failed(message) => Failure::new(message),
    })?;
    let result = text(&answer, "result");
    if args.output == Output::Json {
        output::json(&answer);
    } else {
        let told =
            if result == "CannotBeTested" { "cannot be tested".to_owned() } else { result.to_lowercase() };
        output::line(&format!("{name}: {told}. {}", text(&answer, "message")));
    }
    Ok(ExitCode::from(match result.as_str() {
        "Proved" => 0,
        "Refused" => 1,
        "Unreachable" => 2,
        _ => 3,
    }))
}

async fn usage(name: &str, args: &ClientArgs) -> Result<ExitCode, Failure> {
    let input = json!({ "connectorProfileName": name });
    let answer = Client::discover(args).await?.call("/x/describe-connector-profile-usage", &input).await?;
    if args.output == Output::Json {
        output::json(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    let flows = answer.get("flows").and_then(Value::as_array).cloned().unwrap_or_default();
    if flows.is_empty() {
        output::line(&format!("No flow uses {name}."));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = flows
        .iter()
        .map(|flow| {
            let last = flow.get("lastRun").cloned().unwrap_or(Value::Null);
            vec![
                text(flow, "flowName"),
                text(flow, "flowStatus"),
                text(&last, "executionStatus"),
                text(&last, "startedAt"),
                text(&last, "recordsProcessed"),
            ]
        })
        .collect();
    output::table(&["FLOW", "STATUS", "LAST RUN", "STARTED", "RECORDS"], &rows);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_on_the_command_line_is_refused() {
        let pair = "connectorProfileCredentials.SAPOData.basicAuthCredentials.password=hunter2".to_owned();
        let failure = assignments(&[pair]).expect_err("refused");
        let text = format!("{failure:?}");
        assert!(text.contains("--credentials file://PATH") && !text.contains("hunter2"), "{text}");
        let failure = read_credentials("{\"SAPOData\": \"hunter2\"}").expect_err("refused");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }

    #[test]
    fn an_assignment_keeps_everything_behind_the_first_equals_sign() {
        let members = assignments(&["a.b=c=d".to_owned(), "e=".to_owned()]).expect("good pairs");
        assert_eq!(members["a.b"], "c=d");
        assert_eq!(members["e"], "");
    }
}
