//! `tidegate key …`: access keys of a running server.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::output::{self, Output};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make an access key; its secret is shown now and never again
    Create {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List the access keys, without their secrets
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Disable an access key; requests signed with it are refused from now on
    Disable {
        /// The access key's id
        access_key_id: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

impl Key {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create { client } => {
                let answer =
                    Client::discover(&client).await?.call("/x/create-access-key", &json!({})).await?;
                if client.output == Output::Json {
                    output::json(&answer);
                } else {
                    output::line("# Shown once: keep it where only its user can read it.");
                    output::line(&format!("AWS_ACCESS_KEY_ID={}", text(&answer, "accessKeyId")));
                    output::line(&format!("AWS_SECRET_ACCESS_KEY={}", text(&answer, "secretAccessKey")));
                }
            }
            Self::List { client } => {
                let answer = Client::discover(&client).await?.call("/x/list-access-keys", &json!({})).await?;
                if client.output == Output::Json {
                    output::json(&answer);
                } else {
                    let keys =
                        answer.get("accessKeys").and_then(Value::as_array).cloned().unwrap_or_default();
                    let rows: Vec<Vec<String>> = keys
                        .iter()
                        .map(|key| {
                            ["accessKeyId", "status", "root", "createdAt"]
                                .map(|name| text(key, name))
                                .to_vec()
                        })
                        .collect();
                    output::table(&["ACCESS KEY ID", "STATUS", "ROOT", "CREATED"], &rows);
                }
            }
            Self::Disable { access_key_id, client } => {
                let input = json!({ "accessKeyId": access_key_id });
                let answer = Client::discover(&client).await?.call("/x/disable-access-key", &input).await?;
                if client.output == Output::Json {
                    output::json(&answer);
                } else {
                    output::line(&format!("{access_key_id} is disabled."));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A member of an answer as text, empty if it is missing.
pub fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
