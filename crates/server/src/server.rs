//! A server from its settings: opens the store, finds the root key, binds, works, stops.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tidegate_connectors::kit::{Network, Outbound, OutboundPolicy, ProxySettings, TokenSink};
use tidegate_core::{AccountId, Scope, Secret, fault};
use tidegate_engine::{Buckets, Engine, EngineConfig};
use tidegate_store::{KeySource, RootKeyChange, Store, StoreConfig};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Readers};
use crate::authorizations::{Authorizations, LIFETIME};
use crate::aws;
use crate::catalog::Catalog;
use crate::config::{OutboundNetwork, Settings};
use crate::entities::EntityCache;
use crate::http::{Bound, PublicUrl, TlsFiles, router, s3_listen};
use crate::keys::{Keys, generate};
use crate::metrics::Metrics;
use crate::notify::{self, Notifier, Sink};
use crate::s3;
use crate::session::{Oidc, OidcSettings, SessionSettings, Sessions};
use crate::tasks;
use crate::tasks::rotate::RotationState;
use crate::tokens::VaultSink;

/// The name of the convenience copy of the root key, in the data folder.
const CREDENTIALS_FILE: &str = "credentials";

/// The name of the file whose lock says that the data folder is in use.
const LOCK_FILE: &str = "lock";

/// The variables that bring the root key.
const KEY_ID_VARIABLE: &str = "TIDEGATE_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "TIDEGATE_SECRET_ACCESS_KEY";

/// How many flows have series of their own in the metrics.
const FLOWS_WITH_SERIES: usize = 1000;

/// How long notifications of the last runs may take, when the server stops.
const LAST_NOTIFICATIONS: Duration = Duration::from_secs(5);

/// A server that is bound and ready to run.
pub struct Server {
    app: Arc<App>,
    bound: Bound,
    /// The S3 API's listener, with its routes.
    s3: Option<(Bound, Router)>,
    max_concurrent_runs: usize,
    sinks: Vec<Arc<dyn Sink>>,
    root: (String, Secret<String>),
    /// Held as long as the server lives: the data folder is its alone.
    _lock: File,
}

impl Server {
    /// Opens everything and binds the address.
    ///
    /// # Errors
    /// What cannot be opened, and what to do about it, as one sentence.
    pub async fn start(settings: &Settings) -> Result<Self, String> {
        let scope =
            Scope { account: AccountId::new(settings.account_id()?), region: settings.checked_region()? };
        let max_concurrent_runs = settings.max_concurrent_runs()?;
        let session_settings = SessionSettings {
            idle: settings.session_idle()?,
            tls: settings.tls_cert.is_some(),
            behind_tls_proxy: settings.behind_tls_proxy.unwrap_or(false),
        };
        let oidc = OidcSettings::of(settings)?.map(Oidc::new).transpose()?;
        let data_dir = settings.data_dir();
        let config = StoreConfig { data_dir: data_dir.clone(), keys: key_source(settings) };
        let store = Store::open(config).await.map_err(|error| explain(&error))?;
        let lock = lock(&data_dir)?;
        let keyring = store.keyring();
        if keyring.beside_the_data {
            tracing::warn!(
                keyring = %keyring.path.display(),
                "The vault's keys lie in the data folder, so a copy of that folder is the whole secret. Give --keyring \
                 or TIDEGATE_MASTER_KEY_FILE to keep them apart."
            );
        }
        let root = root_key(&store, &scope.account, &data_dir).await?;
        // Whom the provider may let in may have been set anew; they just click once more.
        let sessions = store.sessions(&scope.account);
        let terms = oidc.as_ref().map(Oidc::terms);
        sessions.revoke_subjects(terms.as_deref()).await.map_err(|error| explain(&error))?;
        let tokens = VaultSink::new(store.clone(), scope.account.clone());
        let policy = outbound_policy(settings);
        let client = |policy| Outbound::new(policy).map_err(|error| error.message);
        let services = client(aws::services_policy(&policy))?;
        let outbound = client(policy)?.with_token_sink(Arc::clone(&tokens) as Arc<dyn TokenSink>);
        let sinks = notify::sinks(settings, &services, &scope.region).await?;
        if !sinks.is_empty() {
            store.announce(Arc::new(Notifier::new(scope.clone(), settings, &sinks)));
        }
        let config = EngineConfig {
            buckets: buckets(settings, &data_dir, &scope.region).await?,
            staging: data_dir.join("s3/.staging"),
            memory_limit: settings.memory_limit()?,
        };
        let region = scope.region.clone();
        let app = Arc::new(App {
            keys: Keys::new(store.clone(), scope.account.clone()),
            sessions: Sessions::new(
                store.clone(),
                scope.account.clone(),
                session_settings,
                settings.public_url.as_ref().map_or("", PublicUrl::prefix),
                oidc,
            ),
            scope,
            store,
            engine: Engine::new(config).map_err(|error| explain(&error))?,
            readers: Readers::new(&outbound),
            entities: EntityCache::default(),
            connection_check: settings.connection_check.unwrap_or_default(),
            public_url: settings.public_url.clone(),
            compat: settings.compat(),
            quotas: settings.quotas(),
            event_inbox_limit: settings.event_inbox_limit()?,
            metrics: Metrics::new(settings.metrics_flows.unwrap_or(FLOWS_WITH_SERIES)),
            tokens,
            authorizations: Authorizations::new(LIFETIME),
            outbound,
            catalog: Catalog::new(&services, &region, settings.glue_endpoint.as_deref()),
            rotation: RotationState::default(),
            stopping: CancellationToken::new(),
        });
        let tls = match (&settings.tls_cert, &settings.tls_key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.clone(), key: key.clone() }),
            _ => None,
        };
        let bound = Bound::bind(settings.listen(), tls.as_ref()).await?;
        let s3 = match settings.s3_listen {
            Some(_) if settings.s3_endpoint.is_some() => {
                return Err(
                    "--s3-listen serves the local buckets, and --s3-endpoint uses others: give one of both"
                        .to_owned(),
                );
            }
            Some(address) => {
                let routes = s3_listen::router(&app, data_dir.join("s3"))?;
                Some((Bound::bind(address, tls.as_ref()).await?, routes))
            }
            None => None,
        };
        Ok(Self { app, bound, s3, max_concurrent_runs, sinks, root, _lock: lock })
    }

    /// The base URL for clients.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub fn url(&self) -> Result<String, String> {
        self.bound.url().map_err(|error| format!("the listener has no address: {error}"))
    }

    /// The base URL of the S3 API, if it is served.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub fn s3_url(&self) -> Result<Option<String>, String> {
        let url = self.s3.as_ref().map(|(bound, _)| bound.url()).transpose();
        url.map_err(|error| format!("the listener has no address: {error}"))
    }

    /// The root access key, for the demo, which is its own first client.
    pub const fn root(&self) -> &(String, Secret<String>) {
        &self.root
    }

    /// Serves until `stop` resolves: then no new run is taken, requests and
    /// runs under way come to their end, and the store is closed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let app = self.app;
        tasks::rotate::resume(&app);
        let worker = tokio::spawn(tasks::worker::run(Arc::clone(&app), self.max_concurrent_runs));
        let others = [
            tokio::spawn(tasks::clean::run(Arc::clone(&app))),
            tokio::spawn(tasks::clean::run_sessions(Arc::clone(&app))),
            tokio::spawn(tasks::schedule::run(Arc::clone(&app))),
            tokio::spawn(tasks::events::run(Arc::clone(&app))),
            tokio::spawn(notify::deliver::bound(Arc::clone(&app))),
        ];
        if let Err(error) = app.store.outbox().all_due().await {
            tracing::warn!(error = explain(&error), "Notifications that were put off stay so.");
        }
        let last = CancellationToken::new();
        let mut deliveries = JoinSet::new();
        for sink in self.sinks {
            deliveries.spawn(notify::deliver::run(Arc::clone(&app), sink, last.clone()));
        }
        let stopping = app.stopping.clone();
        let stop = async move {
            stop.await;
            stopping.cancel();
        };
        let serve = self.bound.serve(router(Arc::clone(&app)), stop);
        let serve_s3 = async {
            if let Some((bound, routes)) = self.s3 {
                bound.serve(routes, app.stopping.cancelled()).await;
            }
        };
        tokio::join!(serve, serve_s3);
        app.stopping.cancel();
        let _ = worker.await;
        // What is not delivered now is at the next start.
        last.cancel();
        let delivered = async { while deliveries.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_NOTIFICATIONS, delivered).await;
        deliveries.shutdown().await;
        others.iter().for_each(tokio::task::JoinHandle::abort);
        app.store.close().await;
    }
}

/// Takes the data folder for this process alone. The lock goes with the
/// process, however it ends.
fn lock(data_dir: &Path) -> Result<File, String> {
    let path = data_dir.join(LOCK_FILE);
    let failed = |error: std::io::Error| format!("cannot lock {}: {error}", path.display());
    let file =
        File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        // Only a test of what happens when the lock does not hold, as on some network file systems.
        Err(TryLockError::WouldBlock) if fault::number("folder.shared").is_some() => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another tidegate serves from {}; stop it, or give another folder with --data-dir",
            data_dir.display()
        )),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn key_source(settings: &Settings) -> KeySource {
    // systemd puts a service's credentials into this folder.
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    KeySource::choose(settings.keyring.clone(), settings.master_key_file.clone(), credentials)
}

/// The whole chain of causes, because the last one says what to do.
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The root key: from the variables, else from the vault, else a new one.
async fn root_key(
    store: &Store,
    account: &AccountId,
    data_dir: &Path,
) -> Result<(String, Secret<String>), String> {
    let given = match (variable(KEY_ID_VARIABLE), variable(SECRET_VARIABLE)) {
        (Some(id), Some(secret)) => {
            check_key_id(&id)?;
            Some((id, Secret::new(secret)))
        }
        (None, None) => None,
        _ => return Err(format!("{KEY_ID_VARIABLE} and {SECRET_VARIABLE} are needed together")),
    };
    let stored = store.access_keys().root(account).await.map_err(|error| explain(&error))?;
    let key = match (given, stored) {
        (None, Some(stored)) => (stored.key.id, stored.secret),
        (given, _) => {
            let key = match given {
                Some(given) => given,
                None => generate().map_err(|error| error.message)?,
            };
            let change = store.access_keys().set_root(account, &key.0, key.1.clone()).await;
            if change.map_err(|error| explain(&error))? == RootKeyChange::Replaced {
                tracing::warn!(
                    "{KEY_ID_VARIABLE} or {SECRET_VARIABLE} differed from the stored root key and has replaced it."
                );
            }
            key
        }
    };
    write_credentials(&data_dir.join(CREDENTIALS_FILE), &key)?;
    Ok(key)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An id that could not stand in a signature's scope would lock its owner out.
fn check_key_id(id: &str) -> Result<(), String> {
    let good =
        (4..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if good { Ok(()) } else { Err(format!("{KEY_ID_VARIABLE} must be 4 to 128 letters, digits or _")) }
}

/// Writes the copy for AWS clients: whole or not at all, and for its owner only.
fn write_credentials(path: &Path, (id, secret): &(String, Secret<String>)) -> Result<(), String> {
    let text = Secret::new(format!(
        "# A copy for AWS clients; the server's vault is what counts.\n[default]\naws_access_key_id = {id}\n\
         aws_secret_access_key = {}\n",
        secret.expose()
    ));
    let new = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let _ = std::fs::remove_file(&new);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.expose().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write().map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn outbound_policy(settings: &Settings) -> OutboundPolicy {
    OutboundPolicy {
        network: match settings.outbound.unwrap_or_default() {
            OutboundNetwork::Any => Network::Any,
            OutboundNetwork::Public => Network::Public,
        },
        allow: settings.outbound_allow.clone().unwrap_or_default(),
        allow_plain_http: settings.allow_plain_http.unwrap_or(false),
        ca_file: settings.ca_file.clone(),
        proxy: ProxySettings::from_env(),
        ..OutboundPolicy::default()
    }
}

async fn buckets(settings: &Settings, data_dir: &Path, region: &str) -> Result<Buckets, String> {
    let folder = data_dir.join("s3");
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    match &settings.s3_endpoint {
        None => Ok(Buckets::local(folder)),
        Some(endpoint) => {
            let region = settings.s3_region.as_deref().unwrap_or(region);
            s3::endpoint(endpoint, region, settings.allow_plain_http.unwrap_or(false)).await
        }
    }
}
