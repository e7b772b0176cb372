//! `tidegate demo`: the whole thing at work, with the public API alone.

mod folder;
mod show;
mod source;
mod story;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tidegate_core::Secret;
use tokio::sync::oneshot;

use super::client::CallError;
use super::key::text;
use super::serve::told_to_stop;
use super::{Client, Failure};
use crate::config::Settings;
use crate::server::Server;

use folder::Folder;
use source::Source;

/// The first port that `--keep` tries; others may have it already.
const FIRST_PORT: u16 = 8080;

/// The name of the console's first user.
const ADMINISTRATOR: &str = "admin";

/// The command.
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave the server up afterwards and print how to reach it
    #[arg(long)]
    keep: bool,
    /// Use your own SAP: the URL of an OData service, such as https://host:44300/sap/opu/odata/sap/SERVICE
    #[arg(long, value_name = "URL", requires = "user")]
    sap: Option<String>,
    /// Your user at your SAP; the password is asked for
    #[arg(long, value_name = "U", requires = "sap")]
    user: Option<String>,
    /// The entity set to read from your SAP [default: the first one]
    #[arg(long, value_name = "SET", requires = "sap")]
    entity: Option<String>,
    /// Your SAP client (Mandant), three digits
    #[arg(long, default_value = "100", value_name = "NNN", requires = "sap")]
    sap_client: String,
}

impl Demo {
    /// Carries the command out.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        let source = match (&self.sap, &self.user) {
            (Some(url), Some(user)) => Source::own(url, user, self.entity.as_deref(), &self.sap_client)?,
            _ => Source::sample().await?,
        };
        let folder = Folder::fresh(Path::new("tidegate-demo"))?;
        log_to(&folder.path().join("server.log"))?;
        let settings = Settings {
            listen: Some(if self.keep {
                free_address()?
            } else {
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
            }),
            data_dir: Some(folder.path().join("data")),
            // The password of one's own SAP may only go over the network in the
            // clear when the person has written that URL.
            allow_plain_http: self.sap.as_ref().map(|url| url.starts_with("http://")),
            ..Settings::default()
        };
        let server = Server::start(&settings).await?;
        let url = server.url()?;
        let (id, secret) = server.root().clone();
        let client = Client::new(&url, &settings.region(), &id, secret)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async {
            // The sender also goes when the demo fails; then the server ends, too.
            let _ = stopped.await;
        }));
        let told = story::tell(&client, &url, &source, &folder).await;
        if told.is_ok() && self.keep {
            show::console(&url, administrator(&client).await?.as_ref());
            show::exports(&url, &settings.region(), folder.path());
            told_to_stop().await;
        }
        drop(stop);
        serving.await.map_err(|error| Failure::new(format!("the server stopped: {error}")))?;
        told.map(|()| ExitCode::SUCCESS)
    }
}

/// Makes the console's first user, and gives the password that was made for it:
/// it is shown, and kept nowhere. `None` when the user is there already.
async fn administrator(client: &Client) -> Result<Option<Secret<String>>, Failure> {
    match client.call("/x/create-user", &json!({ "userName": ADMINISTRATOR })).await {
        Ok(answer) => Ok(Some(Secret::new(text(&answer, "password")))),
        Err(CallError::Answered { name, .. }) if name == "ConflictException" => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// 8080, or the next port that nobody has.
fn free_address() -> Result<SocketAddr, Failure> {
    (FIRST_PORT..FIRST_PORT + 100)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| Failure::new("no port from 8080 to 8179 is free"))
}

fn log_to(path: &Path) -> Result<(), Failure> {
    let file = std::fs::File::create(path)?;
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::sync::Mutex::new(file))
        .init();
    Ok(())
}

/// Prints a piece of a line at once.
fn say(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = write!(stdout, "{text}");
    let _ = stdout.flush();
}
