//! The server's settings: command line over environment over `tidegate.toml` over defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::http::PublicUrl;
use crate::memory::MemorySize;

/// Settings of `tidegate serve`. Each can be given as an option, as a
/// `TIDEGATE_…` variable, or in `tidegate.toml` under the option's name.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "TIDEGATE_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    /// Folder of the database, the vault and the local buckets [default: ./tidegate-data]
    #[arg(long, env = "TIDEGATE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Region that the server answers for [default: us-east-1]
    #[arg(long, env = "TIDEGATE_REGION")]
    pub region: Option<String>,
    /// Account that owns everything, twelve digits [default: 000000000000]
    #[arg(long, env = "TIDEGATE_ACCOUNT_ID", value_name = "DIGITS")]
    pub account_id: Option<String>,
    /// Whether a connection is proven against the vendor before it is stored [default: live]
    #[arg(long, env = "TIDEGATE_CONNECTION_CHECK", value_enum)]
    pub connection_check: Option<ConnectionCheck>,
    /// Whether what AppFlow refuses is refused here, too: frozen sources and destinations, quotas [default: relaxed]
    #[arg(long, env = "TIDEGATE_COMPAT", value_enum)]
    pub compat: Option<Compat>,
    /// S3 endpoint to use instead of the local buckets
    #[arg(long, env = "TIDEGATE_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Address at which the local buckets are served over the S3 API; not served without it
    #[arg(long, env = "TIDEGATE_S3_LISTEN", value_name = "HOST:PORT", conflicts_with = "s3_endpoint")]
    pub s3_listen: Option<SocketAddr>,
    /// Region that requests to the S3 endpoint are signed for [default: the server's region]
    #[arg(long, env = "TIDEGATE_S3_REGION", value_name = "REGION")]
    pub s3_region: Option<String>,
    /// Glue endpoint, for flows with a data catalog [default: as AWS clients find it, AWS_ENDPOINT_URL_GLUE first]
    #[arg(long, env = "TIDEGATE_GLUE_ENDPOINT", value_name = "URL")]
    pub glue_endpoint: Option<String>,
    /// File that holds the vault's keys [default: DATA_DIR/keyring]
    #[arg(long, env = "TIDEGATE_KEYRING", value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// File with the vault's master key, kept by somebody else (newest key first)
    #[arg(long, env = "TIDEGATE_MASTER_KEY_FILE", value_name = "FILE", conflicts_with = "keyring")]
    pub master_key_file: Option<PathBuf>,
    /// TLS certificate chain, PEM
    #[arg(long, env = "TIDEGATE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// TLS private key, PEM
    #[arg(long, env = "TIDEGATE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Allow a non-loopback address without TLS, because a proxy in front ends TLS. Give --public-url, too, unless
    /// the proxy passes Host and path on as they came
    #[arg(long, env = "TIDEGATE_BEHIND_TLS_PROXY", num_args = 0..=1, default_missing_value = "true")]
    pub behind_tls_proxy: Option<bool>,
    /// URL that clients reach the server by, where a proxy in front changes host or path
    #[arg(long, env = "TIDEGATE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
    /// Where connectors may connect to: any address, or public ones only [default: any]
    #[arg(long, env = "TIDEGATE_OUTBOUND", value_enum)]
    pub outbound: Option<OutboundNetwork>,
    /// Hosts or addresses that `--outbound public` allows all the same
    #[arg(long, env = "TIDEGATE_OUTBOUND_ALLOW", value_delimiter = ',', value_name = "HOST")]
    pub outbound_allow: Option<Vec<String>>,
    /// Allow connectors to use http:// to hosts that are not loopback
    #[arg(long, env = "TIDEGATE_ALLOW_PLAIN_HTTP", num_args = 0..=1, default_missing_value = "true")]
    pub allow_plain_http: Option<bool>,
    /// More certificate authorities that connectors trust, PEM
    #[arg(long, env = "TIDEGATE_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Runs at once at most [default: 4]
    #[arg(long, env = "TIDEGATE_MAX_CONCURRENT_RUNS", value_name = "N")]
    pub max_concurrent_runs: Option<usize>,
    /// Memory that the operators of all runs may hold together, such as 64MiB or 1GiB [default: 256MiB]
    #[arg(long, env = "TIDEGATE_MEMORY_LIMIT", value_name = "SIZE")]
    pub memory_limit: Option<MemorySize>,
    /// Bytes of events that may wait for one flow, such as 64MiB; more are refused [default: 256MiB]
    #[arg(long, env = "TIDEGATE_EVENT_INBOX_LIMIT", value_name = "SIZE")]
    pub event_inbox_limit: Option<MemorySize>,
    /// Minutes after which an unused session of the console ends; fractions are allowed [default: 30]
    #[arg(long, env = "TIDEGATE_SESSION_IDLE_MINUTES", value_name = "MINUTES")]
    pub session_idle_minutes: Option<f64>,
    /// Issuer URL of an OpenID provider that people may sign in to the console with
    #[arg(long, env = "TIDEGATE_OIDC_ISSUER", value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Identifier under which the OpenID provider knows this server
    #[arg(long, env = "TIDEGATE_OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// What the console calls the OpenID provider [default: single sign-on]
    #[arg(long, env = "TIDEGATE_OIDC_NAME", value_name = "NAME")]
    pub oidc_name: Option<String>,
    /// Whom to let in: verified e-mail addresses, *@domain, sub:IDENTIFIER
    #[arg(long, env = "TIDEGATE_OIDC_ALLOW", value_delimiter = ',', value_name = "WHOM")]
    pub oidc_allow: Option<Vec<String>>,
    /// EventBridge bus (name or ARN) that notifications are put on; none without it
    #[arg(long, env = "TIDEGATE_EVENTBRIDGE_BUS", value_name = "BUS")]
    pub eventbridge_bus: Option<String>,
    /// EventBridge endpoint [default: as AWS clients find it, AWS_ENDPOINT_URL_EVENTBRIDGE first]
    #[arg(long, env = "TIDEGATE_EVENTBRIDGE_ENDPOINT", value_name = "URL")]
    pub eventbridge_endpoint: Option<String>,
    /// Source that the events on EventBridge name; AWS itself takes none that begins with aws. [default: aws.appflow]
    #[arg(long, env = "TIDEGATE_EVENTBRIDGE_SOURCE", value_name = "SOURCE")]
    pub eventbridge_source: Option<String>,
    /// URL that notifications are posted to, signed; none without it
    #[arg(long, env = "TIDEGATE_WEBHOOK_URL", value_name = "URL")]
    pub webhook_url: Option<String>,
    /// File with the secret that they are signed with [default: TIDEGATE_WEBHOOK_SECRET]
    #[arg(long, env = "TIDEGATE_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub webhook_secret_file: Option<PathBuf>,
    /// Flows that have series of their own in /metrics; the rest share one [default: 1000]
    #[arg(long, env = "TIDEGATE_METRICS_FLOWS", value_name = "N")]
    pub metrics_flows: Option<usize>,
    /// Form of the log lines on stderr [default: text]
    #[arg(long, env = "TIDEGATE_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// Which log lines to write, in the form of `tracing` [default: info]
    #[arg(long, env = "TIDEGATE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Quotas, from the file only.
    #[arg(skip)]
    pub quotas: Quotas,
}

/// `[quotas]`: where nothing is set, unlimited, or with `--compat strict` the
/// service's own; a quota that is reached answers `ServiceQuotaExceededException`
/// (402), as the service does.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// Connector profiles an account.
    pub connector_profiles: Option<u64>,
    /// Flows an account.
    pub flows: Option<u64>,
    /// Runs that are queued or running at once.
    pub concurrent_runs: Option<u64>,
}

impl Quotas {
    /// The quotas of an account at AppFlow that never asked for others.
    const SERVICE: Self =
        Self { connector_profiles: Some(100), flows: Some(1000), concurrent_runs: Some(1000) };

    fn or(self, below: Self) -> Self {
        Self {
            connector_profiles: self.connector_profiles.or(below.connector_profiles),
            flows: self.flows.or(below.flows),
            concurrent_runs: self.concurrent_runs.or(below.concurrent_runs),
        }
    }
}

/// `--compat`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// What AppFlow refuses without need is allowed.
    #[default]
    Relaxed,
    /// What AppFlow refuses is refused.
    Strict,
}

/// `--connection-check`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionCheck {
    /// Log in before storing.
    #[default]
    Live,
    /// Store without logging in (emulation).
    Off,
}

/// `--outbound`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutboundNetwork {
    /// Any address but link-local and metadata ones.
    #[default]
    Any,
    /// Public addresses only.
    Public,
}

/// `--log-format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// Reads `tidegate.toml`, if there is one, beneath what the command line
    /// and the environment say. A file that was named must exist.
    ///
    /// # Errors
    /// A file that cannot be read or understood, with its path.
    pub fn with_file(self, path: Option<&Path>) -> Result<Self, String> {
        let named = path.is_some();
        let path = path.unwrap_or_else(|| Path::new("tidegate.toml"));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(self),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let file: Self = toml::from_str(&text)
            .map_err(|error| format!("{}: {}", path.display(), error.to_string().trim_end()))?;
        Ok(self.over(file))
    }

    fn over(self, below: Self) -> Self {
        macro_rules! layer {
            ($($field:ident),* $(,)?) => {
                Self { $($field: self.$field.or(below.$field),)* quotas: below.quotas }
            };
        }
        layer!(
            listen,
            data_dir,
            region,
            account_id,
            connection_check,
            compat,
            s3_endpoint,
            s3_listen,
            s3_region,
            glue_endpoint,
            keyring,
            master_key_file,
            tls_cert,
            tls_key,
            behind_tls_proxy,
            public_url,
            outbound,
            outbound_allow,
            allow_plain_http,
            ca_file,
            max_concurrent_runs,
            memory_limit,
            event_inbox_limit,
            session_idle_minutes,
            oidc_issuer,
            oidc_client_id,
            oidc_name,
            oidc_allow,
            eventbridge_bus,
            eventbridge_endpoint,
            eventbridge_source,
            webhook_url,
            webhook_secret_file,
            metrics_flows,
            log_format,
            log,
        )
    }

    /// The address to listen on.
    pub fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| PathBuf::from("./tidegate-data"))
    }

    /// The region.
    pub fn region(&self) -> String {
        self.region.clone().unwrap_or_else(|| "us-east-1".to_owned())
    }

    /// The account, checked to be twelve digits.
    ///
    /// # Errors
    /// Anything else, with what to write instead.
    pub fn account_id(&self) -> Result<String, String> {
        let account = self.account_id.clone().unwrap_or_else(|| "000000000000".to_owned());
        if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(account)
        } else {
            Err(format!("the account id must be twelve digits, such as 000000000000, not '{account}'"))
        }
    }

    /// The region, checked to be one that can stand in a signature's scope.
    ///
    /// # Errors
    /// Anything else, with what to write instead.
    pub fn checked_region(&self) -> Result<String, String> {
        let region = self.region();
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !region.is_empty() && region.bytes().all(good) {
            Ok(region)
        } else {
            Err(format!("the region must be letters, digits and dashes, such as us-east-1, not '{region}'"))
        }
    }

    /// What is refused because AppFlow refuses it.
    pub fn compat(&self) -> Compat {
        self.compat.unwrap_or_default()
    }

    /// What is limited: as the file says, and where it says nothing, as `--compat` does.
    pub fn quotas(&self) -> Quotas {
        match self.compat() {
            Compat::Relaxed => self.quotas,
            Compat::Strict => self.quotas.or(Quotas::SERVICE),
        }
    }

    /// How many runs go on at once.
    ///
    /// # Errors
    /// None at all: nothing would ever run.
    pub fn max_concurrent_runs(&self) -> Result<usize, String> {
        match self.max_concurrent_runs {
            Some(0) => Err("--max-concurrent-runs must be at least 1".to_owned()),
            Some(count) => Ok(count),
            None => Ok(4),
        }
    }

    /// Memory, in bytes, that the operators of all runs may hold together.
    ///
    /// # Errors
    /// Less than a run needs to begin.
    pub fn memory_limit(&self) -> Result<usize, String> {
        match self.memory_limit {
            Some(size) if size < MemorySize::LEAST => Err("--memory-limit must be at least 16MiB".to_owned()),
            Some(size) => Ok(size.bytes()),
            None => Ok(MemorySize::DEFAULT.bytes()),
        }
    }

    /// Bytes of events that may wait for one flow.
    ///
    /// # Errors
    /// Less than one delivery may hold.
    pub fn event_inbox_limit(&self) -> Result<u64, String> {
        match self.event_inbox_limit.unwrap_or(MemorySize::DEFAULT).bytes() {
            bytes if bytes < 1 << 20 => Err("--event-inbox-limit must be at least 1MiB".to_owned()),
            bytes => Ok(bytes as u64),
        }
    }

    /// How long a session of the console may be idle.
    ///
    /// # Errors
    /// No time at all, or more than a session lasts in any case.
    pub fn session_idle(&self) -> Result<Duration, String> {
        let minutes = self.session_idle_minutes.unwrap_or(30.0);
        if minutes > 0.0 && minutes <= 720.0 {
            Ok(Duration::from_secs_f64(minutes * 60.0))
        } else {
            Err("--session-idle-minutes must be more than 0 and at most 720".to_owned())
        }
    }

    /// Refuses what would send signed requests in the clear over a network.
    ///
    /// # Errors
    /// A non-loopback address without TLS, with the ways out.
    pub fn check_transport(&self) -> Result<(), String> {
        let safe = self.tls_cert.is_some() || self.behind_tls_proxy.unwrap_or(false);
        let addresses = [Some(self.listen()), self.s3_listen];
        match addresses.into_iter().flatten().find(|address| !safe && !address.ip().is_loopback()) {
            None => Ok(()),
            Some(address) => Err(format!(
                "{address} is not a loopback address and there is no TLS: give --tls-cert and --tls-key, or \
                 --behind-tls-proxy if a proxy in front of the server ends TLS"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_quotas_come_from_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tidegate.toml");
        std::fs::write(&path, "region = \"eu-central-1\"\nlisten = \"127.0.0.1:1\"\n[quotas]\nflows = 3\n")
            .expect("written");
        let settings = Settings { region: Some("us-west-2".to_owned()), ..Settings::default() };
        let settings = settings.with_file(Some(&path)).expect("a good file");
        assert_eq!(settings.region(), "us-west-2");
        assert_eq!(settings.listen().port(), 1);
        assert_eq!(settings.quotas.flows, Some(3));

        std::fs::write(&path, "public-url = \"https://example.com/a/\"\n").expect("written");
        let url = Settings::default().with_file(Some(&path)).expect("a good file").public_url;
        assert_eq!(url.expect("it is set").join("oauth/callback"), "https://example.com/a/oauth/callback");
    }

    #[test]
    fn only_strict_has_the_services_quotas_and_the_file_wins_over_them() {
        let quotas = Quotas { flows: Some(3), ..Quotas::default() };
        let limits = |compat| {
            let of = Settings { compat, quotas, ..Settings::default() }.quotas();
            (of.connector_profiles, of.flows, of.concurrent_runs)
        };
        assert_eq!(limits(None), (None, Some(3), None));
        assert_eq!(limits(Some(Compat::Strict)), (Some(100), Some(3), Some(1000)));
    }

    #[test]
    fn bad_settings_say_what_to_do() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tidegate.toml");
        std::fs::write(&path, "regoin = \"x\"\n").expect("written");
        let error = Settings::default().with_file(Some(&path)).expect_err("an unknown name");
        assert!(error.contains("regoin") && error.contains("tidegate.toml"), "{error}");

        std::fs::write(&path, "public-url = \"http://example.com\"\n").expect("written");
        let error = Settings::default().with_file(Some(&path)).expect_err("in the clear");
        assert!(error.contains("https://") && error.contains("tidegate.toml"), "{error}");

        let open =
            Settings { listen: Some("0.0.0.0:80".parse().expect("an address")), ..Settings::default() };
        assert!(open.check_transport().expect_err("in the clear").contains("--tls-cert"));
        let open =
            Settings { s3_listen: Some("0.0.0.0:80".parse().expect("an address")), ..Settings::default() };
        assert!(open.check_transport().expect_err("in the clear").contains("--tls-cert"));
        let account = Settings { account_id: Some("12".to_owned()), ..Settings::default() };
        assert!(account.account_id().expect_err("two digits").contains("twelve digits"));
        let region = Settings { region: Some("x y".to_owned()), ..Settings::default() };
        assert!(region.checked_region().expect_err("a space").contains("us-east-1"));
        let none = Settings { max_concurrent_runs: Some(0), ..Settings::default() };
        assert!(none.max_concurrent_runs().is_err());
        let little = Settings { memory_limit: "15MiB".parse().ok(), ..Settings::default() };
        assert!(little.memory_limit().is_err());
        let more = Settings { memory_limit: "16MiB".parse().ok(), ..Settings::default() };
        assert_eq!(more.memory_limit(), Ok(16 << 20));
        assert_eq!(Settings::default().memory_limit(), Ok(256 << 20));
        let little = Settings { event_inbox_limit: "1023KiB".parse().ok(), ..Settings::default() };
        assert!(little.event_inbox_limit().expect_err("too little").contains("1MiB"));
        assert_eq!(Settings::default().event_inbox_limit(), Ok(256 << 20));
        for minutes in [0.0, -1.0, 721.0, f64::NAN] {
            let idle = Settings { session_idle_minutes: Some(minutes), ..Settings::default() };
            assert!(idle.session_idle().expect_err("no idle time").contains("720"), "{minutes}");
        }
    }
}
