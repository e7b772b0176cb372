//! The outbound policy: where Tidegate may connect to, and within which bounds.

use std::path::PathBuf;
use std::time::Duration;

/// Which networks may be reached at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Private and loopback addresses too: that is where people's SAP is.
    #[default]
    Any,
    /// Public addresses only, apart from those that the allow-list names.
    Public,
}

/// A proxy, as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// The proxy for `https://` addresses.
    pub https: Option<String>,
    /// The proxy for `http://` addresses.
    pub http: Option<String>,
    /// Hosts that are reached without it, separated by commas. Loopback names
    /// never go through a proxy.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// Reads the variables, in upper and in lower case; `None` when no proxy is set.
    /// `HTTP_PROXY` counts only in lower case, as curl has it, because a
    /// CGI-like environment can be made to set the other.
    pub fn from_env() -> Option<Self> {
        let read = |names: &[&str]| {
            names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        let settings = Self {
            https: read(&["HTTPS_PROXY", "https_proxy"]),
            http: read(&["http_proxy"]),
            no_proxy: read(&["NO_PROXY", "no_proxy"]),
        };
        (settings.https.is_some() || settings.http.is_some()).then_some(settings)
    }
}

/// The rules that every outbound request obeys. The default allows private
/// addresses, refuses plain `http://` to other machines and uses no proxy.
#[derive(Clone, Debug)]
pub struct OutboundPolicy {
    /// Which networks may be reached.
    pub network: Network,
    /// Exceptions to [`Network::Public`]: host names, `*.suffix`, addresses or
    /// address ranges such as `10.1.0.0/16`.
    pub allow: Vec<String>,
    /// Whether `http://` is allowed to a host other than this one.
    pub allow_plain_http: bool,
    /// A PEM file of certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy to use.
    pub proxy: Option<ProxySettings>,
    /// The most bytes that one answer may have.
    pub max_body: u64,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may be silent.
    pub read_timeout: Duration,
    /// How long one request may take from start to end.
    pub total_timeout: Duration,
}

impl Default for OutboundPolicy {
    fn default() -> Self {
        Self {
            network: Network::Any,
            allow: Vec::new(),
            allow_plain_http: false,
            ca_file: None,
            proxy: None,
            max_body: 256 << 20,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(120),
            total_timeout: Duration::from_secs(15 * 60),
        }
    }
}
