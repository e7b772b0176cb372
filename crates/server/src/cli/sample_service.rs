//! `tidegate sample-service`: the demo's OData service alone, for tests and benchmarks.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tidegate_core::Secret;

use super::Failure;
use super::serve::told_to_stop;
use crate::sample::{self, SERVICE_PATH};

/// The variable that brings the password: an argument could be read by others.
const PASSWORD_VARIABLE: &str = "TIDEGATE_SAMPLE_PASSWORD";

/// The command.
#[derive(Args, Debug)]
pub struct SampleService {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// User name that requests must carry
    #[arg(long)]
    user: String,
}

impl SampleService {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        let password = std::env::var(PASSWORD_VARIABLE).map_err(|_| {
            Failure::new(format!("set {PASSWORD_VARIABLE} to the password that requests must carry"))
        })?;
        let listener = tokio::net::TcpListener::bind(self.listen).await?;
        let stop = told_to_stop();
        let mut stdout = std::io::stdout();
        writeln!(stdout, "sample listening on http://{}{SERVICE_PATH}", listener.local_addr()?)?;
        stdout.flush()?;
        let options = sample::Options { user: self.user, password: Secret::new(password) };
        sample::serve(listener, options, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}
