//! `tidegate vault …`: the vault of a running server.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::key::text;
use super::output::{self, Output};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Vault {
    /// Wrap every secret with a new key, while the server goes on serving
    Rotate {
        #[command(flatten)]
        client: ClientArgs,
    },
}

impl Vault {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        let Self::Rotate { client: args } = self;
        let client = Client::discover(&args).await?;
        let mut answer = client.call("/x/rotate-vault", &json!({})).await?;
        let mut told = String::new();
        while text(&answer, "status") == "Running" {
            let done =
                format!("{} of {} secrets are wrapped anew.", text(&answer, "done"), text(&answer, "total"));
            if args.output == Output::Table && done != told && text(&answer, "total") != "0" {
                output::line(&done);
                told = done;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            answer = client.call("/x/describe-vault-rotation", &json!({})).await?;
        }
        if args.output == Output::Json {
            output::json(&answer);
        }
        if answer.get("error").is_some_and(|error| !error.is_null()) {
            let why = answer.get("error").and_then(Value::as_str).unwrap_or("unknown");
            return Err(Failure::new(format!("the rotation stopped: {why}")));
        }
        if args.output == Output::Table {
            output::line(&format!(
                "{} secrets are under key {}.",
                text(&answer, "done"),
                text(&answer, "keyId")
            ));
            if text(&answer, "refused") != "0" {
                return Err(Failure::new(format!(
                    "{} secrets do not open, because somebody changed their rows; they and their key stay as they are",
                    text(&answer, "refused")
                )));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
