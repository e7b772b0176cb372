//! The outbound rules, as a connection meets them.

use serde_json::json;
use tidegate_connectors::kit::{Network, Outbound, OutboundPolicy};
use tidegate_connectors::reader;
use tidegate_core::{ConnectorErrorKind, ConnectorType, OpenConnection};

use crate::peer::{Peer, Reply};
use crate::service::{Service, connection, request, with};

async fn check(
    policy: OutboundPolicy,
    open: &OpenConnection,
) -> Result<String, (ConnectorErrorKind, String)> {
    let outbound = Outbound::new(policy).unwrap();
    let connector = reader(ConnectorType::SapOData, outbound).unwrap();
    connector.check(open).await.map(|report| report.did).map_err(|error| (error.kind, error.message))
}

fn at(host: &str, port: u16) -> OpenConnection {
    let credentials = json!({"basicAuthCredentials": {"username": "u", "password": "p"}});
    with(port, json!({"applicationHostUrl": host}), credentials)
}

#[tokio::test]
async fn forbidden_addresses_are_refused_whatever_the_policy() {
    let open_policy = || OutboundPolicy {
        allow_plain_http: true,
        allow: vec!["169.254.169.254".into(), "0.0.0.0/0".into()],
        ..OutboundPolicy::default()
    };
    for host in [
        "http://169.254.169.254",
        "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "https://100.100.100.200",
        "http://2852039166",
    ] {
        let (kind, text) = check(open_policy(), &at(host, 80)).await.unwrap_err();
        assert_eq!(kind, ConnectorErrorKind::Invalid, "{host}");
        assert!(text.contains("never connected to"), "{host}: {text}");
    }
}

#[tokio::test]
async fn plain_http_needs_leave_except_to_this_machine() {
    let (kind, text) = check(OutboundPolicy::default(), &at("http://sap.example.com", 80)).await.unwrap_err();
    assert_eq!(kind, ConnectorErrorKind::Invalid);
    assert!(text.contains("--allow-plain-http"), "{text}");
    let peer = Service::new("4.0", 1).start().await;
    check(OutboundPolicy::default(), &at("http://127.0.0.1", peer.port)).await.unwrap();
    check(OutboundPolicy::default(), &at("http://localhost", peer.port)).await.unwrap();
}

#[tokio::test]
async fn only_public_addresses_unless_listed() {
    let peer = Service::new("4.0", 1).start().await;
    let public = |allow: &[&str]| OutboundPolicy {
        network: Network::Public,
        allow: allow.iter().map(|entry| (*entry).to_owned()).collect(),
        ..OutboundPolicy::default()
    };
    for host in ["http://127.0.0.1", "http://localhost"] {
        let (kind, text) = check(public(&[]), &at(host, peer.port)).await.unwrap_err();
        assert_eq!(kind, ConnectorErrorKind::Invalid, "{host}");
        assert!(text.contains("not a public address"), "{host}: {text}");
    }
    assert!(peer.requests().is_empty());
    check(public(&["127.0.0.0/8"]), &at("http://127.0.0.1", peer.port)).await.unwrap();
    check(public(&["localhost"]), &at("http://localhost", peer.port)).await.unwrap();
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let peer = Peer::start(|_| Reply::new(200, vec![b'x'; 3 << 20])).await;
    let policy = OutboundPolicy { max_body: 1 << 20, ..OutboundPolicy::default() };
    let (kind, text) = check(policy, &at("http://127.0.0.1", peer.port)).await.unwrap_err();
    assert_eq!(kind, ConnectorErrorKind::BadAnswer);
    assert!(text.contains("larger than 1 MiB"), "{text}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let policy =
        OutboundPolicy { read_timeout: std::time::Duration::from_millis(100), ..OutboundPolicy::default() };
    let (kind, text) = check(policy, &at("http://127.0.0.1", port)).await.unwrap_err();
    assert_eq!(kind, ConnectorErrorKind::Unreachable);
    assert!(text.contains("no answer in time") && text.contains("tried 3 times"), "{text}");
}

#[tokio::test]
async fn a_proxy_is_used_for_other_machines_and_not_for_this_one() {
    use tidegate_connectors::kit::ProxySettings;
    let proxy = Service::new("4.0", 1).start().await;
    let policy = || OutboundPolicy {
        allow_plain_http: true,
        proxy: Some(ProxySettings {
            http: Some(format!("http://127.0.0.1:{}", proxy.port)),
            no_proxy: Some("direct.example".into()),
            https: None,
        }),
        ..OutboundPolicy::default()
    };
    // The proxy is the service, and sees the whole URL as its path.
    let _ = check(policy(), &at("http://sap.example.com", 80)).await;
    assert!(proxy.requests()[0].path.starts_with("http://sap.example.com/"), "{:?}", proxy.requests()[0]);
    let peer = Service::new("4.0", 1).start().await;
    check(policy(), &at("http://127.0.0.1", peer.port)).await.unwrap();
}

#[tokio::test]
async fn an_entity_cannot_lead_out_of_the_host() {
    let peer = Service::new("4.0", 1).start().await;
    let open = connection(peer.port);
    for entity in ["https://elsewhere.example/Things", "//elsewhere.example/odata/Things", "a/../../x"] {
        let error = crate::service::read(&open, request(entity)).await.unwrap_err();
        assert!(
            matches!(error.kind, ConnectorErrorKind::Invalid | ConnectorErrorKind::NotFound),
            "{entity}: {error}"
        );
    }
    assert!(peer.requests().iter().all(|r| r.header("host").starts_with("127.0.0.1")));
}
