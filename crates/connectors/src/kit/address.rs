//! Which hosts and addresses may be dialled, and the resolver that enforces it.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::policy::{Network, OutboundPolicy};

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Link-local, metadata and other addresses that no connector has business with.
    #[error(
        "{host} is at {address}, a link-local, metadata or reserved address, which is never connected to"
    )]
    Forbidden {
        /// The host of the URL.
        host: String,
        /// Where it points.
        address: IpAddr,
    },
    /// A private address while only public ones are open.
    #[error("{host} is at {address}, which is not a public address; add it to the outbound allow-list")]
    Private {
        /// The host of the URL.
        host: String,
        /// Where it points.
        address: IpAddr,
    },
    /// A name that means this machine and points elsewhere.
    #[error("{host} does not point to this machine")]
    NotLoopback {
        /// The host of the URL.
        host: String,
    },
    /// `http://` to another machine.
    #[error(
        "http:// to {host} would send credentials unencrypted; use https://, or start the server with --allow-plain-http"
    )]
    PlainHttp {
        /// The host of the URL.
        host: String,
    },
    /// Neither `http` nor `https`, or no host.
    #[error("{0} is not an http:// or https:// address")]
    NotHttp(String),
}

/// Whether a host of a URL is this machine, by its name or as a literal.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let lower = bare.to_ascii_lowercase();
    lower == "localhost"
        || lower.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Checks what can be checked of a URL before its name is resolved.
pub(super) fn check_url(policy: &OutboundPolicy, url: &Url) -> Result<(), Refusal> {
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::NotHttp(url.scheme().to_owned()));
    }
    if url.scheme() == "http" && !policy.allow_plain_http && !is_loopback_host(host) {
        return Err(Refusal::PlainHttp { host: host.to_owned() });
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => check_address(policy, host, address),
        Err(_) => Ok(()),
    }
}

/// Checks one address that a host points to.
pub(super) fn check_address(policy: &OutboundPolicy, host: &str, address: IpAddr) -> Result<(), Refusal> {
    let real = embedded(address);
    if is_forbidden(real) {
        return Err(Refusal::Forbidden { host: host.to_owned(), address });
    }
    if policy.network == Network::Public && !is_public(real) && !is_allowed(&policy.allow, host, real) {
        return Err(Refusal::Private { host: host.to_owned(), address });
    }
    Ok(())
}

/// The IPv4 address that an IPv6 one carries (mapped, compatible, NAT64, 6to4),
/// since that is where the packets would end.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    let bytes = v6.octets();
    let v4 = |at: usize| IpAddr::V4(Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]));
    match bytes {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..] if !v6.is_loopback() && !v6.is_unspecified() => v4(12),
        [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, ..] => v4(12),
        [0x20, 0x02, ..] => v4(2),
        _ => IpAddr::V6(v6),
    }
}

/// Addresses that are refused whatever the policy says: link-local ones, the
/// clouds' metadata services, and those that name no single other machine.
fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, ..] = v4.octets();
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || a == 0
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
                || v4 == Ipv4Addr::new(168, 63, 129, 16)
                || v4 == Ipv4Addr::new(192, 0, 0, 192)
        }
        IpAddr::V6(v6) => {
            (v6.segments()[0] & 0xffc0) == 0xfe80
                || v6.is_multicast()
                || v6.is_unspecified()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || v6 == Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_documentation()
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19))
                || a >= 240)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            !(v6.is_loopback()
                || (first & 0xfe00) == 0xfc00
                || (first & 0xffc0) == 0xfec0
                || (first == 0x2001 && second == 0xdb8))
        }
    }
}

fn is_allowed(list: &[String], host: &str, address: IpAddr) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    list.iter().map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        if let Some(suffix) = entry.strip_prefix('*') {
            return suffix.starts_with('.') && host.ends_with(suffix);
        }
        match entry.split_once('/') {
            Some((network, bits)) => match (network.parse(), bits.parse()) {
                (Ok(network), Ok(bits)) => in_range(address, network, bits),
                _ => false,
            },
            None => entry == host || entry.parse() == Ok(address),
        }
    })
}

fn in_range(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let same = |a: u128, b: u128, width: u32| bits <= width && (bits == 0 || (a ^ b) >> (width - bits) == 0);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

/// Resolves a name once, drops every address that may not be dialled, and
/// hands the rest to the client, which dials exactly those: a name that changes
/// its mind between the check and the use gains nothing.
pub(super) struct Resolver {
    pub(super) policy: Arc<OutboundPolicy>,
    /// The hosts of the proxies: the operator named them, so they may be private.
    pub(super) proxies: Vec<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let host = name.as_str().to_owned();
        let is_proxy = self.proxies.contains(&host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            filter(&policy, &host, is_proxy, found)
                .map(|good| Box::new(good.into_iter()) as Addrs)
                .map_err(|refusal| Box::new(refusal) as Box<dyn StdError + Send + Sync>)
        })
    }
}

fn filter(
    policy: &OutboundPolicy,
    host: &str,
    is_proxy: bool,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Refusal> {
    let mut refused = None;
    let mut good = Vec::with_capacity(found.len());
    for address in found {
        let verdict = if is_loopback_host(host) && !address.ip().to_canonical().is_loopback() {
            Err(Refusal::NotLoopback { host: host.to_owned() })
        } else if is_proxy && !is_forbidden(embedded(address.ip())) {
            Ok(())
        } else {
            check_address(policy, host, address.ip())
        };
        match verdict {
            Ok(()) => good.push(address),
            Err(refusal) => refused = Some(refusal),
        }
    }
    match refused {
        Some(refusal) if good.is_empty() => Err(refusal),
        _ => Ok(good),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(policy: &OutboundPolicy, url: &str) -> &'static str {
        match check_url(policy, &Url::parse(url).unwrap()) {
            Ok(()) => "ok",
            Err(Refusal::Forbidden { .. }) => "forbidden",
            Err(Refusal::Private { .. }) => "private",
            Err(Refusal::PlainHttp { .. }) => "plain",
            Err(_) => "other",
        }
    }

    #[test]
    fn literals_are_checked_in_every_spelling() {
        let any = OutboundPolicy::default();
        let public = OutboundPolicy {
            network: Network::Public,
            allow: vec!["10.1.0.0/16".into(), "fd12::/16".into(), "192.168.7.7".into()],
            ..OutboundPolicy::default()
        };
        let cases = [
            ("https://169.254.169.254/", "forbidden", "forbidden"),
            ("https://[::ffff:169.254.169.254]/", "forbidden", "forbidden"),
            ("https://[::169.254.169.254]/", "forbidden", "forbidden"),
            ("https://[64:ff9b::a9fe:a9fe]/", "forbidden", "forbidden"),
            ("https://[2002:a9fe:a9fe::1]/", "forbidden", "forbidden"),
            ("https://0xa9fea9fe/", "forbidden", "forbidden"),
            ("https://[fe80::1]/", "forbidden", "forbidden"),
            ("https://[fd00:ec2::254]/", "forbidden", "forbidden"),
            ("https://100.100.100.200/", "forbidden", "forbidden"),
            ("https://0.0.0.0/", "forbidden", "forbidden"),
            ("https://[::]/", "forbidden", "forbidden"),
            ("https://224.0.0.1/", "forbidden", "forbidden"),
            ("https://10.0.0.1/", "ok", "private"),
            ("https://10.1.2.3/", "ok", "ok"),
            ("https://192.168.7.7/", "ok", "ok"),
            ("https://172.31.0.1/", "ok", "private"),
            ("https://100.64.0.1/", "ok", "private"),
            ("https://127.0.0.1/", "ok", "private"),
            ("https://[::1]/", "ok", "private"),
            ("https://[fd12::1]/", "ok", "ok"),
            ("https://[fd13::1]/", "ok", "private"),
            ("https://8.8.8.8/", "ok", "ok"),
            ("https://[2606:4700::1111]/", "ok", "ok"),
            ("http://127.0.0.1:1/", "ok", "private"),
            ("http://localhost:1/", "ok", "ok"),
            ("http://sap.example.com/", "plain", "plain"),
            ("http://localhost.example.com/", "plain", "plain"),
            ("ftp://sap.example.com/", "other", "other"),
        ];
        for (url, with_any, with_public) in cases {
            assert_eq!(verdict(&any, url), with_any, "{url} (any)");
            assert_eq!(verdict(&public, url), with_public, "{url} (public)");
        }
        let plain = OutboundPolicy { allow_plain_http: true, ..OutboundPolicy::default() };
        assert_eq!(verdict(&plain, "http://sap.example.com/"), "ok");
    }

    #[test]
    fn resolved_addresses_are_filtered_one_by_one() {
        let public = OutboundPolicy {
            network: Network::Public,
            allow: vec!["sap.internal".into(), "*.corp.example".into()],
            ..OutboundPolicy::default()
        };
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let kept = |host: &str, proxy, found: &[&str]| {
            filter(&public, host, proxy, found.iter().map(|a| at(a)).collect()).map(|good| good.len())
        };
        assert_eq!(kept("x.example", false, &["8.8.8.8", "10.0.0.1", "169.254.169.254"]), Ok(1));
        assert!(matches!(kept("x.example", false, &["10.0.0.1"]), Err(Refusal::Private { .. })));
        assert_eq!(kept("sap.internal", false, &["10.0.0.1"]), Ok(1));
        assert_eq!(kept("a.corp.example", false, &["10.0.0.1"]), Ok(1));
        assert!(kept("corp.example", false, &["10.0.0.1"]).is_err());
        assert!(matches!(kept("sap.internal", false, &["169.254.1.1"]), Err(Refusal::Forbidden { .. })));
        assert_eq!(kept("proxy.local", true, &["10.0.0.1"]), Ok(1));
        assert!(matches!(kept("localhost", false, &["8.8.8.8"]), Err(Refusal::NotLoopback { .. })));
    }
}
