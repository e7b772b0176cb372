//! Servers that fail, refuse, break off, or answer with something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use crate::peer::{Peer, Reply, Request};
use crate::service::{PASSWORD, Service, USER, connection, connector, read, request};

/// A good service, but `/odata/Things` answers as the function says, which is
/// told how often it was asked before.
async fn things(answer: impl Fn(u32, &Request) -> Option<Reply> + Send + Sync + 'static) -> Peer {
    let turns = AtomicU32::new(0);
    let service = Service::new("4.0", 3);
    Peer::start(move |request| {
        let own = (request.path == "/odata/Things")
            .then(|| answer(turns.fetch_add(1, Ordering::Relaxed), request))
            .flatten();
        own.unwrap_or_else(|| service.answer(request))
    })
    .await
}

async fn failure(peer: &Peer) -> ConnectorError {
    read(&connection(peer.port), request("Things")).await.unwrap_err()
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    for status in [429, 502, 503, 504] {
        let peer =
            things(move |turn, _| (turn < 2).then(|| Reply::new(status, "later").with("retry-after", "1")))
                .await;
        let started = Instant::now();
        let got = read(&connection(peer.port), request("Things")).await.unwrap();
        assert_eq!(got.rows(), 3);
        assert_eq!(peer.count("/odata/Things"), 3);
        assert!(started.elapsed() >= Duration::from_millis(1900), "Retry-After was not honoured");
    }
}

#[tokio::test]
async fn a_server_that_stays_busy_gives_an_error_that_counts_the_tries() {
    let peer = Peer::start(|_| Reply::new(429, "too many").with("retry-after", "0")).await;
    let error = connector().check(&connection(peer.port)).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Throttled);
    assert!(error.message.contains("too many") && error.message.contains("tried 3 times"), "{error}");
    assert_eq!(error.retry_after, Some(Duration::ZERO));
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    let peer = things(|turn, _| {
        let body = json!({"value": [{"ID": 1}, {"ID": 2}]}).to_string();
        Some(if turn < 2 { Reply::new(200, body).cut(15) } else { Reply::new(200, body) })
    })
    .await;
    let got = read(&connection(peer.port), request("Things")).await.unwrap();
    assert_eq!(got.ids(), [1, 2]);
    assert_eq!(peer.count("/odata/Things"), 3);
}

#[tokio::test]
async fn refusals_and_absences_keep_the_vendors_words() {
    use ConnectorErrorKind::{Invalid, NotFound, Refused, Unreachable};
    let cases = [
        (401, "Unauthorized", Refused),
        (
            403,
            r#"{"error":{"code":"/IWFND/CM_CONSUMER/101","message":{"lang":"en","value":"No authorization"}}}"#,
            Refused,
        ),
        (404, "<html><head><title>Not Found</title></head><body>gone</body></html>", NotFound),
        (400, r#"{"error":{"code":"400","message":"Property bad does not exist"}}"#, Invalid),
        (500, "<error><code>RAISE</code><message xml:lang=\"en\">Short dump</message></error>", Unreachable),
    ];
    let words =
        ["Unauthorized", "No authorization", "Not Found", "Property bad does not exist", "Short dump"];
    for ((status, body, kind), words) in cases.into_iter().zip(words) {
        let peer = things(move |_, _| Some(Reply::new(status, body))).await;
        let error = failure(&peer).await;
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(words), "{error}");
        assert_eq!(peer.count("/odata/Things"), 1, "{status} is not worth another try");
    }
}

#[tokio::test]
async fn torn_and_wrong_pages_fail_with_the_services_words() {
    use ConnectorErrorKind::{BadAnswer, Refused};
    let cases = [
        (r#"{"value":[{"ID":1},{"ID":"#, BadAnswer, "EOF"),
        (
            r#"{"value":[{"ID":1},{"ID":2},{"error":{"code":"DBSQL","message":"SQL error 1205"}}"#,
            BadAnswer,
            "SQL error 1205",
        ),
        (
            r#"{"value":[{"ID":1},{"error":{"code":"DBSQL","message":"SQL error 1206"}}]}"#,
            BadAnswer,
            "SQL error 1206",
        ),
        (
            r#"{"error":{"code":"X/1","message":"System is in maintenance"}}"#,
            BadAnswer,
            "System is in maintenance",
        ),
        (
            r#"{"value":[{"ID":1},<error><code>1</code><message>Runtime error TIME_OUT</message></error>"#,
            BadAnswer,
            "Runtime error TIME_OUT",
        ),
        (
            "{\"value\":[{\"ID\":1},\nABAP processing was interrupted",
            BadAnswer,
            "ABAP processing was interrupted",
        ),
        (
            "<!DOCTYPE html><html><head><title>Logon</title></head><body><input type=\"password\"></body></html>",
            Refused,
            "Logon",
        ),
        ("<html><head><title>Maintenance</title></head></html>", BadAnswer, "Maintenance"),
        (r#"{"hello":"world"}"#, BadAnswer, "no list of records"),
        (r#"{"value":[{"ID":1.5}]}"#, BadAnswer, "the field ID does not fit"),
        (r#"{"value":[{"ID":1,"ID":2}]}"#, BadAnswer, "twice"),
        ("", BadAnswer, "EOF"),
    ];
    for (body, kind, words) in cases {
        let peer = things(move |_, _| Some(Reply::new(200, body))).await;
        let error = failure(&peer).await;
        assert_eq!(error.kind, kind, "{body}: {error}");
        assert!(error.message.contains(words), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_page_that_tears_late_still_gives_what_came_before() {
    use futures::StreamExt as _;
    let peer = things(|turn, _| {
        Some(match turn {
            0 => Reply::json(&json!({"value": [{"ID": 1}], "@odata.nextLink": "Things?$skiptoken=1"})),
            _ => Reply::new(200, r#"{"value":[{"ID":2},"#),
        })
    })
    .await;
    let open = connection(peer.port);
    let mut scan = connector().scan(&open, request("Things"), Arc::default()).await.unwrap();
    assert!(scan.batches.next().await.unwrap().is_ok());
    assert!(scan.batches.next().await.unwrap().is_err());
    assert!(scan.batches.next().await.is_none());
}

/// The spellings in which a server might repeat a secret.
fn spellings(secret: &str) -> Vec<String> {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("{USER}:{secret}")),
        serde_json::to_string(secret).unwrap(),
    ]
}

#[tokio::test]
async fn a_peer_that_echoes_the_password_does_not_get_it_into_our_errors() {
    for echo in spellings(PASSWORD) {
        for status in [401, 400, 500, 200] {
            let body = json!({"error": {"code": "E", "message": format!("Rejected <{echo}> for you")}});
            let copy = body.to_string();
            let peer = things(move |_, _| Some(Reply::new(status, copy.clone()))).await;
            let error = failure(&peer).await;
            assert!(error.message.contains("Rejected <"), "{error}");
            for spelling in spellings(PASSWORD) {
                let bare = spelling.trim_matches(['"', '=']);
                assert!(!error.message.contains(bare), "{bare} is in {error}");
            }
        }
    }
}

#[tokio::test]
async fn an_echoed_authorization_header_is_scrubbed_too() {
    let peer = things(|_, request| {
        Some(Reply::new(400, format!("Cannot read header {}", request.header("authorization"))))
    })
    .await;
    let error = failure(&peer).await;
    let expected = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    assert!(error.message.contains("Cannot read header Basic "), "{error}");
    assert!(!error.message.contains(&expected[8..expected.len() - 4]), "{error}");
}

#[tokio::test]
async fn the_check_proves_address_and_credentials() {
    let service = Service::new("4.0", 3);
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let peer = Peer::start(move |request| {
        // Its metadata are public, as they are on some systems.
        if request.path != "/odata/$metadata" && request.header("authorization") != expected {
            return Reply::new(401, "Logon failed");
        }
        service.answer(request)
    })
    .await;
    let good = connector().check(&connection(peer.port)).await.unwrap();
    assert!(good.did.contains("answered 200 with OData V4 metadata of 1 entity sets"), "{}", good.did);
    let credentials = json!({"basicAuthCredentials": {"username": USER, "password": "wrong"}});
    let wrong = crate::service::with(peer.port, json!({}), credentials);
    let error = connector().check(&wrong).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Refused);
    assert!(error.message.contains("Logon failed"), "{error}");

    let nobody = connector().check(&connection(1)).await.unwrap_err();
    assert_eq!(nobody.kind, ConnectorErrorKind::Unreachable);
    assert!(nobody.message.contains("refused"), "{nobody}");
}

#[tokio::test]
async fn single_sign_on_is_bypassed_when_asked() {
    let peer = Service::new("4.0", 3).start().await;
    let credentials = json!({"basicAuthCredentials": {"username": USER, "password": PASSWORD}});
    let open = crate::service::with(peer.port, json!({"disableSSO": true}), credentials);
    connector().check(&open).await.unwrap();
    assert!(peer.requests().iter().all(|request| request.option("saml2") == Some("disabled")));
}

#[tokio::test]
async fn a_service_without_a_document_passes_and_one_that_sends_to_a_logon_does_not() {
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/" => Reply::new(404, "no document"),
        _ => service.answer(request),
    })
    .await;
    let report = connector().check(&connection(peer.port)).await.unwrap();
    assert!(report.did.contains("no service document"), "{}", report.did);
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/" => Reply::new(302, "").with("location", "https://idp.example.com/saml2?x=1"),
        _ => service.answer(request),
    })
    .await;
    let error = connector().check(&connection(peer.port)).await.unwrap_err();
    assert!(error.message.contains("idp.example.com") && error.message.contains("logon page"), "{error}");
}
