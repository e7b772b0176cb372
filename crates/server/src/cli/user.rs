//! `tidegate user …`: who may sign in to the console of a running server.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tidegate_core::Secret;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::key::text;
use super::output::{self, Output};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Make a user; without --password a password is made, and shown now and never again
    Create(PasswordArgs),
    /// Give a user another password; the user's sessions end, and one who was disabled is admitted again
    Password(PasswordArgs),
    /// List the users
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Disable a user, whose sessions end at once
    Disable {
        /// The user's name
        user_name: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// Whom, and where the password comes from.
#[derive(Args, Debug)]
pub struct PasswordArgs {
    /// The user's name
    user_name: String,
    /// `-` reads the password from standard input, `prompt` asks for it; never the password itself
    #[arg(long, value_name = "-|prompt")]
    password: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

impl User {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(args) => set(args, "/x/create-user", "is made").await?,
            Self::Password(args) => set(args, "/x/set-user-password", "has another password").await?,
            Self::List { client } => {
                let answer = Client::discover(&client).await?.call("/x/list-users", &json!({})).await?;
                if client.output == Output::Json {
                    output::json(&answer);
                } else {
                    let users = answer.get("users").and_then(Value::as_array).cloned().unwrap_or_default();
                    let row = |user: &Value| {
                        ["userName", "status", "createdAt", "lastSignedInAt"]
                            .map(|it| text(user, it))
                            .to_vec()
                    };
                    let rows: Vec<Vec<String>> = users.iter().map(row).collect();
                    output::table(&["USER NAME", "STATUS", "CREATED", "LAST SIGNED IN"], &rows);
                }
            }
            Self::Disable { user_name, client } => {
                let input = json!({ "userName": user_name });
                let answer = Client::discover(&client).await?.call("/x/disable-user", &input).await?;
                if client.output == Output::Json {
                    output::json(&answer);
                } else {
                    output::line(&format!("{user_name} is disabled."));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn set(args: PasswordArgs, path: &str, done: &str) -> Result<(), Failure> {
    let mut input = json!({ "userName": args.user_name });
    if let Some(source) = &args.password {
        input["password"] = Value::String(password(source)?.into_inner());
    }
    let input = Secret::new(input);
    let answer = Client::discover(&args.client).await?.call(path, input.expose()).await?;
    if args.client.output == Output::Json {
        output::json(&answer);
        return Ok(());
    }
    output::line(&format!("{} {done}.", args.user_name));
    if answer.get("password").is_some() {
        output::line("# Shown once: keep it where only its user can read it.");
        output::line(&format!("password: {}", text(&answer, "password")));
    }
    Ok(())
}

fn password(source: &str) -> Result<Secret<String>, Failure> {
    match source {
        "-" => {
            let mut given = String::new();
            std::io::stdin().read_to_string(&mut given)?;
            let given = Secret::new(given);
            line(given.expose()).map(|line| Secret::new(line.to_owned()))
        }
        "prompt" if std::io::stdin().is_terminal() => {
            let ask = |what: &str| rpassword::prompt_password(what).map(Secret::new);
            let (first, second) = (ask("New password: ")?, ask("Once more: ")?);
            if first == second { Ok(first) } else { Err(Failure::new("the two passwords differ")) }
        }
        "prompt" => Err(Failure::new("there is no terminal to ask at; use --password - and standard input")),
        _ => Err(Failure::new(
            "a password is not taken as an argument, because others can read it there: use --password - and standard \
             input, --password prompt, or neither to have one made",
        )),
    }
}

/// The one line of a text. A file or `echo` ends with the end of the line.
fn line(given: &str) -> Result<&str, Failure> {
    let line = given.strip_suffix('\n').unwrap_or(given);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r']) {
        return Err(Failure::new(
            "standard input has more than one line; --password - takes exactly one, the password",
        ));
    }
    Ok(line)
}
