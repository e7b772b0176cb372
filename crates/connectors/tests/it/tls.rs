//! TLS: the policy's own authority is trusted, and nobody else's.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tidegate_connectors::kit::{Outbound, OutboundPolicy};
use tidegate_connectors::reader;
use tidegate_core::{ConnectorErrorKind, ConnectorType};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::peer::Peer;
use crate::service::{Service, with};

/// A certificate of `localhost`, its key and its authority; they protect nothing.
const SERVER: &[u8] = include_bytes!("fixtures/tls/server.pem");
const KEY: &[u8] = include_bytes!("fixtures/tls/server.key");

fn authority() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/tls/ca.pem")
}

async fn peer() -> Peer {
    // The provider is the process's own choice, made by the first client.
    let outbound = Outbound::new(OutboundPolicy::default()).unwrap();
    drop(outbound);
    let chain = vec![CertificateDer::from_pem_slice(SERVER).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let service = Service::new("4.0", 1);
    Peer::tls(Arc::new(config), move |request| service.answer(request)).await
}

async fn check(port: u16, host: &str, ca_file: Option<PathBuf>) -> Result<(), (ConnectorErrorKind, String)> {
    let outbound = Outbound::new(OutboundPolicy { ca_file, ..OutboundPolicy::default() }).unwrap();
    let open = with(port, json!({"applicationHostUrl": host}), json!({}));
    let connector = reader(ConnectorType::SapOData, outbound).unwrap();
    connector.check(&open).await.map(|_| ()).map_err(|error| (error.kind, error.message))
}

#[tokio::test]
async fn the_ca_file_is_trusted_for_the_names_that_it_signed() {
    let peer = peer().await;
    check(peer.port, "https://localhost", Some(authority())).await.unwrap();
    let (kind, text) = check(peer.port, "https://127.0.0.1", Some(authority())).await.unwrap_err();
    assert_eq!(kind, ConnectorErrorKind::Unreachable);
    assert!(text.contains("certificate"), "{text}");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_at_once() {
    let peer = peer().await;
    let (kind, text) = check(peer.port, "https://localhost", None).await.unwrap_err();
    assert_eq!(kind, ConnectorErrorKind::Unreachable);
    assert!(text.contains("certificate") && !text.contains("tried"), "{text}");
    assert!(peer.requests().is_empty());
}

#[test]
fn a_ca_file_that_is_none_is_named() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for path in [file.path().to_owned(), PathBuf::from("/nowhere/ca.pem")] {
        let policy = OutboundPolicy { ca_file: Some(path.clone()), ..OutboundPolicy::default() };
        let error = Outbound::new(policy).err().unwrap();
        assert!(error.message.contains(&*path.to_string_lossy()), "{error}");
    }
}
