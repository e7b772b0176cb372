//! The command line: what each command is called, and where it is carried out.

mod client;
mod connection;
mod demo;
mod flow;
pub mod key;
pub mod output;
mod sample_service;
mod serve;
mod user;
mod vault;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use client::Client;
pub use output::Failure;

/// The version with the commit that it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TIDEGATE_COMMIT"), ")");

/// The exit code of a command line that cannot be understood (`EX_USAGE`), so
/// that it is not mistaken for an answer of `connection test`.
const USAGE: u8 = 64;

/// An open, self-hosted Amazon AppFlow: connections, kept safe, and flows that move real records.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version = VERSION, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(Box<serve::Serve>),
    /// Show the whole thing at work, in ./tidegate-demo, and end
    Demo(demo::Demo),
    /// Copy, test and look up connections on a running server
    #[command(subcommand)]
    Connection(connection::Connection),
    /// List flows and search their runs on a running server
    #[command(subcommand)]
    Flow(Box<flow::Flow>),
    /// Access keys of a running server
    #[command(subcommand)]
    Key(key::Key),
    /// Users who sign in to the console of a running server
    #[command(subcommand)]
    User(user::User),
    /// The vault of a running server
    #[command(subcommand)]
    Vault(vault::Vault),
    /// Serve the sample OData service of the demo alone
    #[command(hide = true)]
    SampleService(sample_service::SampleService),
}

/// Parses the command line and carries it out.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    // Several TLS users in one process must agree on one provider before the first.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Failure::new("the TLS provider could not be installed").report();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::new(format!("the runtime could not start: {error}")).report(),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(command) => command.run().await,
            Command::Demo(command) => command.run().await,
            Command::Connection(command) => command.run().await,
            Command::Flow(command) => command.run().await,
            Command::Key(command) => command.run().await,
            Command::User(command) => command.run().await,
            Command::Vault(command) => command.run().await,
            Command::SampleService(command) => command.run().await,
        }
    });
    // Blocking tasks that nobody waits for any more must not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }
}
