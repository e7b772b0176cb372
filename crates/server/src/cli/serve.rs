//! `tidegate serve`: runs the server until it is told to stop.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::Signal;
use tracing_subscriber::EnvFilter;

use super::{Failure, VERSION};
use crate::config::{LogFormat, Settings};
use crate::server::Server;

/// The command.
#[derive(Args, Debug)]
pub struct Serve {
    /// Settings file [default: tidegate.toml in the working folder, if there is one]
    #[arg(long, env = "TIDEGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.settings.with_file(self.config.as_deref())?;
        log_to_stderr(&settings)?;
        settings.check_transport()?;
        let server = Server::start(&settings).await?;
        let url = server.url()?;
        let console = settings.public_url.as_ref().map_or_else(|| format!("{url}/"), ToString::to_string);
        tracing::info!(
            version = VERSION,
            data_dir = %settings.data_dir().display(),
            s3 = server.s3_url()?,
            console = if tidegate_console::available() { console.as_str() } else { "not in this build" },
            "Started."
        );
        let stop = told_to_stop();
        let mut stdout = std::io::stdout();
        writeln!(stdout, "tidegate listening on {url}")?;
        stdout.flush()?;
        server.run(stop).await;
        tracing::info!("Stopped.");
        Ok(ExitCode::SUCCESS)
    }
}

/// Sends log lines to stderr, in the chosen form.
///
/// # Errors
/// A filter that cannot be understood.
pub fn log_to_stderr(settings: &Settings) -> Result<(), Failure> {
    let filter = settings.log.as_deref().unwrap_or("info");
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(format!(
            "the log filter '{filter}' cannot be understood: {error}; try info, or tidegate=debug"
        ))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.log_format.unwrap_or_default() {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

/// Resolves at SIGTERM or SIGINT. Both are listened for from the call on, not
/// from the first time that somebody waits: whoever has read the ready line may
/// send one at once.
pub fn told_to_stop() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).inspect_err(|error| tracing::error!(%error, "A signal cannot be listened for.")).ok()
    };
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    async move {
        let wait = async |signal: &mut Option<Signal>| match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        };
        tokio::select! {
            () = wait(&mut terminate) => {}
            () = wait(&mut interrupt) => {}
        }
        tracing::info!("Told to stop; requests and runs under way come to their end.");
    }
}
