//! Tokens: how they are got, kept, renewed, stored and scrubbed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use serde_json::{Value, json};
use tidegate_connectors::kit::{Grant, TokenSink};
use tidegate_connectors::reader;
use tidegate_core::connector::Connector;
use tidegate_core::{
    Connection, ConnectorError, ConnectorErrorKind, ConnectorType, Credentials, OpenConnection,
};

use crate::peer::{Peer, Reply, Request};
use crate::service::{Service, outbound, with};

/// What the sink was told to store.
#[derive(Default)]
struct Store(Mutex<Vec<Value>>);

#[async_trait]
impl TokenSink for Store {
    async fn rotated(
        &self,
        connection: &Connection,
        credentials: &Credentials,
    ) -> Result<(), ConnectorError> {
        assert_eq!(connection.name.as_str(), "test");
        self.0.lock().unwrap().push(credentials.expose().clone());
        Ok(())
    }
}

/// A service that takes the tokens `token-N`, N from `first_good`, which its
/// token endpoint counts up; `refresh-N` renews once.
async fn service(first_good: u32, lifetime: Option<u64>) -> Peer {
    let given = AtomicU32::new(0);
    let data = Service::new("4.0", 5);
    Peer::start(move |request| {
        if request.path == "/token" {
            let number = given.fetch_add(1, Ordering::Relaxed) + 1;
            let mut answer =
                json!({"access_token": format!("token-{number}-secret"), "token_type": "Bearer"});
            if let Some(lifetime) = lifetime {
                answer["expires_in"] = lifetime.into();
            }
            if !request.body.contains("client_credentials") {
                answer["refresh_token"] = format!("refresh-{number}-secret").into();
            }
            return Reply::json(&answer);
        }
        let number = request
            .header("authorization")
            .strip_prefix("Bearer token-")
            .and_then(|rest| rest.strip_suffix("-secret"))
            .and_then(|number| number.parse::<u32>().ok());
        match number {
            Some(number) if number >= first_good => data.answer(request),
            _ => Reply::new(401, format!("Rejected {}", request.header("authorization"))),
        }
    })
    .await
}

fn open(port: u16, more: Value) -> OpenConnection {
    let mut oauth = json!({"clientId": "client a", "clientSecret": "sec/ret:+"});
    for (name, value) in more.as_object().unwrap() {
        oauth[name] = value.clone();
    }
    let properties = json!({"oAuthProperties": {
        "tokenUrl": format!("http://127.0.0.1:{port}/token"), "authCodeUrl": "https://sap.example.com/auth",
        "oAuthScopes": ["READ", "META"],
    }});
    with(port, properties, json!({ "oAuthCredentials": oauth }))
}

fn connector(sink: Arc<Store>) -> Box<dyn Connector> {
    reader(ConnectorType::SapOData, outbound().with_token_sink(sink)).unwrap()
}

fn tokens(peer: &Peer) -> Vec<Request> {
    peer.requests().into_iter().filter(|request| request.path == "/token").collect()
}

#[tokio::test]
async fn client_credentials_give_one_token_for_many_requests() {
    let peer = service(1, Some(3600)).await;
    let connector = connector(Arc::default());
    let open = open(peer.port, json!({}));
    // All at once: one of them gets the token, and the others wait for it.
    let all = join_all((0..8).map(|_| connector.check(&open))).await;
    assert!(all.into_iter().all(|outcome| outcome.is_ok()));
    connector.check(&open).await.unwrap();
    let asked = tokens(&peer);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].method, "POST");
    assert_eq!(asked[0].body, "grant_type=client_credentials&scope=READ%20META");
    let basic = format!("Basic {}", STANDARD.encode("client%20a:sec%2Fret%3A%2B"));
    assert_eq!(asked[0].header("authorization"), basic);
}

#[tokio::test]
async fn a_stored_access_token_is_used_and_renewed_once_it_is_refused() {
    let peer = service(1, Some(3600)).await;
    let store = Arc::new(Store::default());
    let connector = connector(Arc::clone(&store));
    let open = open(peer.port, json!({"accessToken": "old-secret", "refreshToken": "refresh-0-secret"}));
    connector.check(&open).await.unwrap();
    let asked = tokens(&peer);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].body, "grant_type=refresh_token&refresh_token=refresh-0-secret");
    let stored = store.0.lock().unwrap().clone();
    assert_eq!(
        stored,
        [json!({"oAuthCredentials": {"clientId": "client a", "clientSecret": "sec/ret:+",
            "accessToken": "token-1-secret", "refreshToken": "refresh-1-secret"}})]
    );
    // Whoever still holds the old credentials shares the state, and so does
    // whoever opens the connection with the stored ones.
    connector.check(&open).await.unwrap();
    let renewed = OpenConnection { credentials: Credentials::new(stored[0].clone()), ..open };
    connector.check(&renewed).await.unwrap();
    assert_eq!(tokens(&peer).len(), 1);
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_then_forgotten() {
    let peer = service(1, None).await;
    let store = Arc::new(Store::default());
    let connector = connector(Arc::clone(&store));
    let code = json!({"oAuthRequest": {
        "authCode": "co/de", "redirectUri": "https://tidegate.example/cb", "codeVerifier": "ve.ri~fier",
    }});
    let open = open(peer.port, code);
    connector.check(&open).await.unwrap();
    connector.check(&open).await.unwrap();
    let asked = tokens(&peer);
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].body,
        "grant_type=authorization_code&code=co%2Fde&redirect_uri=https%3A%2F%2Ftidegate.example%2Fcb\
         &code_verifier=ve.ri~fier"
    );
    let stored = &store.0.lock().unwrap()[0]["oAuthCredentials"];
    assert_eq!(stored["refreshToken"], "refresh-1-secret");
    assert_eq!(stored.get("oAuthRequest"), None);
}

#[tokio::test]
async fn a_code_is_exchanged_for_a_connector_without_a_reader() {
    let peer = service(1, Some(3600)).await;
    let store = Arc::new(Store::default());
    let outbound = outbound().with_token_sink(Arc::clone(&store) as Arc<dyn TokenSink>);
    // Client, code and tokens stand at the top of Slack's document.
    let mut open = open(peer.port, json!({}));
    open.connection.connector_type = ConnectorType::Slack;
    open.credentials = Credentials::new(json!({
        "clientId": "i", "clientSecret": "s", "oAuthRequest": {"authCode": "c", "codeVerifier": "v"},
    }));
    let token_url = format!("http://127.0.0.1:{}/token", peer.port).parse().unwrap();
    let grant = Grant { token_url, scopes: Vec::new(), member: "" };
    let did = outbound.exchange_code(&open, grant).await.unwrap();
    assert!(did.starts_with("POST http://127.0.0.1:") && !did.contains("secret"), "{did}");
    assert_eq!(tokens(&peer)[0].body, "grant_type=authorization_code&code=c&code_verifier=v");
    assert_eq!(
        *store.0.lock().unwrap(),
        [json!({
            "clientId": "i", "clientSecret": "s", "accessToken": "token-1-secret", "refreshToken": "refresh-1-secret",
        })]
    );
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_it_is_used() {
    let peer = service(1, Some(0)).await;
    let connector = connector(Arc::default());
    let open = open(peer.port, json!({}));
    connector.check(&open).await.unwrap();
    assert!(tokens(&peer).len() >= 2, "a token of no life time is never kept");
}

#[tokio::test]
async fn a_token_that_stays_refused_is_an_error_without_the_token() {
    let peer = service(100, Some(3600)).await;
    let error = connector(Arc::default()).check(&open(peer.port, json!({}))).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Refused);
    assert!(error.message.contains("Rejected Bearer [redacted]"), "{error}");
    assert_eq!(tokens(&peer).len(), 2, "renewed once, not forever");
}

#[tokio::test]
async fn an_access_token_alone_cannot_be_renewed() {
    let peer = service(1, None).await;
    let open = open(peer.port, json!({"accessToken": "old-secret"}));
    let error = connector(Arc::default()).check(&open).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Refused);
    assert!(error.message.contains("no refresh token"), "{error}");
    assert!(tokens(&peer).is_empty());
}

#[tokio::test]
async fn the_endpoints_refusal_is_told_without_what_it_echoes() {
    let peer = Peer::start(|request| {
        let description = format!("Unknown: {} {}", request.body, request.header("authorization"));
        Reply::new(400, json!({"error": "invalid_grant", "error_description": description}).to_string())
    })
    .await;
    let open = open(peer.port, json!({"refreshToken": "refresh+secret/0"}));
    let error = connector(Arc::default()).check(&open).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Refused);
    assert!(error.message.contains("invalid_grant: Unknown: grant_type=refresh_token"), "{error}");
    for secret in ["refresh%2Bsecret", "refresh+secret", "c2VjJTJGcmV0JTNBJTJC", "sec%2Fret", "sec/ret"] {
        assert!(!error.message.contains(secret), "{secret} is in {error}");
    }
    assert_eq!(peer.requests().len(), 1, "a refresh token is not sent twice");
}

#[tokio::test]
async fn a_client_that_is_unknown_by_header_is_tried_by_body() {
    let data = Service::new("4.0", 1);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/token" if request.body.contains("client_secret=sec%2Fret%3A%2B") => {
            Reply::json(&json!({"access_token": "t", "expires_in": "3600"}))
        }
        "/token" => Reply::new(401, r#"{"error":"invalid_client"}"#),
        _ => data.answer(request),
    })
    .await;
    connector(Arc::default()).check(&open(peer.port, json!({}))).await.unwrap();
}

#[tokio::test]
async fn a_sink_that_cannot_store_stops_the_use() {
    struct Full;
    #[async_trait]
    impl TokenSink for Full {
        async fn rotated(&self, _: &Connection, _: &Credentials) -> Result<(), ConnectorError> {
            Err(ConnectorError::new(ConnectorErrorKind::Unreachable, "the vault is full"))
        }
    }
    let peer = service(1, Some(3600)).await;
    let open = open(peer.port, json!({"refreshToken": "refresh-0-secret"}));
    let connector = reader(ConnectorType::SapOData, outbound().with_token_sink(Arc::new(Full))).unwrap();
    let error = connector.check(&open).await.unwrap_err();
    assert_eq!(error.message, "the vault is full");
    assert!(peer.requests().iter().all(|request| request.path == "/token"), "nothing used the token");
}

#[tokio::test]
async fn the_token_endpoint_obeys_the_outbound_rules() {
    let peer = service(1, None).await;
    for (url, words) in [
        ("http://169.254.169.254/token", "--allow-plain-http"),
        ("https://169.254.169.254/token", "never connected to"),
        ("http://sap.example.com/token", "--allow-plain-http"),
    ] {
        let mut open = open(peer.port, json!({}));
        open.connection.properties["oAuthProperties"]["tokenUrl"] = url.into();
        let error = connector(Arc::default()).check(&open).await.unwrap_err();
        assert_eq!(error.kind, ConnectorErrorKind::Invalid);
        assert!(error.message.contains(words), "{error}");
    }
    let away = Peer::start(|_| Reply::json(&json!({"access_token": "t"}))).await;
    let target = format!("http://127.0.0.1:{}/token", away.port);
    let peer = Peer::start(move |_| Reply::new(307, "").with("location", target.clone())).await;
    let error = connector(Arc::default()).check(&open(peer.port, json!({}))).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::BadAnswer);
    assert!(away.requests().is_empty());
}

#[tokio::test]
async fn a_refresh_token_is_sent_again_only_when_the_endpoint_has_not_taken_it() {
    for (status, sent) in [(503, 3), (429, 3), (504, 1), (502, 1)] {
        let peer = Peer::start(move |_| Reply::new(status, "later").with("retry-after", "0")).await;
        let open = open(peer.port, json!({"refreshToken": "refresh-0-secret"}));
        connector(Arc::default()).check(&open).await.unwrap_err();
        assert_eq!(peer.requests().len(), sent, "{status}");
    }
    let peer = Peer::start(|_| Reply::new(200, "{\"access_token\":\"t\"}").cut(3)).await;
    let open = open(peer.port, json!({"refreshToken": "refresh-0-secret"}));
    let error = connector(Arc::default()).check(&open).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unreachable);
    assert_eq!(peer.requests().len(), 1);
}
