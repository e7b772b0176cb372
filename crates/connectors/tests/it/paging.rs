//! Server paging, client paging, and the links between pages.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tidegate_core::ConnectorErrorKind;
use tidegate_core::connector::Progress;
use tidegate_core::plan::ReadRequest;

use crate::peer::{Peer, Reply};
use crate::service::{Service, connection, read, request};

#[tokio::test]
async fn server_pages_are_followed_to_the_end_in_both_versions() {
    for version in ["4.0", "1.0"] {
        for page in [None, Some(7), Some(100), Some(1)] {
            let peer = Service { page, ..Service::new(version, 100) }.start().await;
            let got = read(&connection(peer.port), request("Things")).await.unwrap();
            assert_eq!(got.ids(), (1..=100).collect::<Vec<_>>(), "{version} {page:?}");
            assert_eq!(Progress::get(&got.progress.records_read), 100);
            assert_eq!(Progress::get(&got.progress.max_page_size), page.unwrap_or(100) as u64);
            assert_eq!(peer.count("/odata/Things"), 100_usize.div_ceil(page.unwrap_or(100)));
            assert!(Progress::get(&got.progress.bytes_read) > 2_000);
            for request in peer.requests() {
                assert_eq!(request.option("sap-client"), Some("100"), "{}", request.path);
                assert_eq!(request.option("sap-language"), Some("EN"), "{}", request.path);
            }
        }
    }
}

#[tokio::test]
async fn a_page_size_makes_windows_of_our_own() {
    for (rows, size, windows) in [(100, 30, 4), (90, 30, 3), (5, 30, 1), (0, 30, 1)] {
        for page in [None, Some(7)] {
            let peer = Service { page, ..Service::new("4.0", rows) }.start().await;
            let wanted = ReadRequest { page_size: Some(size), ..request("Things") };
            let got = read(&connection(peer.port), wanted).await.unwrap();
            assert_eq!(got.ids(), (1..=rows).collect::<Vec<_>>(), "{rows} {page:?}");
            let asked: Vec<_> = peer.requests().into_iter().filter(|r| r.path == "/odata/Things").collect();
            assert!(
                asked.iter().all(|r| r.option("$top") == Some("30") && r.option("$orderby") == Some("ID"))
            );
            let firsts = asked.iter().filter(|r| r.option("$skiptoken").is_none()).count();
            // When the count is a multiple of the size, one more may ask whether that was all.
            assert!((windows..=windows + 1).contains(&firsts), "{rows} {page:?}: {firsts}");
        }
    }
}

#[tokio::test]
async fn a_service_that_ignores_windows_is_noticed() {
    let peer = Service { has_windows: false, ..Service::new("1.0", 100) }.start().await;
    let wanted = ReadRequest { page_size: Some(30), ..request("Things") };
    let got = read(&connection(peer.port), wanted).await.unwrap();
    assert_eq!(got.ids(), (1..=100).collect::<Vec<_>>());

    // Exactly a window's worth every time: it would go on forever.
    let peer = Service { has_windows: false, ..Service::new("1.0", 30) }.start().await;
    let wanted = ReadRequest { page_size: Some(30), ..request("Things") };
    let error = read(&connection(peer.port), wanted).await.unwrap_err();
    assert!(error.message.contains("the same page"), "{error}");
}

#[tokio::test]
async fn without_a_key_the_server_pages_and_is_asked_for_the_size() {
    let peer = Service { has_key: false, page: Some(10), ..Service::new("4.0", 25) }.start().await;
    let wanted = ReadRequest { page_size: Some(10), ..request("Things") };
    let got = read(&connection(peer.port), wanted).await.unwrap();
    assert_eq!(got.ids(), (1..=25).collect::<Vec<_>>());
    let asked: Vec<_> = peer.requests().into_iter().filter(|r| r.path == "/odata/Things").collect();
    assert_eq!(asked[0].header("prefer"), "odata.maxpagesize=10");
    assert!(asked.iter().all(|r| r.option("$top").is_none()));
}

#[tokio::test]
async fn links_to_another_host_and_redirects_away_are_refused() {
    let elsewhere = Peer::start(|_| Reply::json(&json!({"value": []}))).await;
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/Things" => Reply::json(&json!({
            "value": [{"ID": 1}], "@odata.nextLink": "http://elsewhere.example/odata/Things?$skiptoken=1"
        })),
        _ => service.answer(request),
    })
    .await;
    let error = read(&connection(peer.port), request("Things")).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Invalid);
    assert!(error.message.contains("elsewhere.example") && error.message.contains("not followed"), "{error}");

    let away = format!("http://127.0.0.1:{}/odata/Things", elsewhere.port);
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/Things" => Reply::new(302, "").with("location", away.clone()),
        _ => service.answer(request),
    })
    .await;
    let error = read(&connection(peer.port), request("Things")).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Invalid);
    assert!(error.message.contains("redirected to"), "{error}");
    assert!(elsewhere.requests().is_empty(), "nothing may arrive there");
}

#[tokio::test]
async fn a_link_with_another_port_or_scheme_stays_on_the_origin() {
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match (request.path.as_str(), request.option("$skiptoken")) {
        ("/odata/Things", None) => Reply::json(&json!({
            "value": [{"ID": 1}], "@odata.nextLink": "https://localhost:44300/odata/Things?$skiptoken=1"
        })),
        ("/odata/Things", Some(_)) => Reply::json(&json!({"value": [{"ID": 2}]})),
        _ => service.answer(request),
    })
    .await;
    let got = read(&connection(peer.port), request("Things")).await.unwrap();
    assert_eq!(got.ids(), [1, 2]);
}

#[tokio::test]
async fn redirects_on_the_origin_are_followed() {
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/Things" if request.option("moved").is_none() => {
            Reply::new(307, "").with("location", "/odata/Things?moved=1")
        }
        _ => service.answer(request),
    })
    .await;
    let got = read(&connection(peer.port), request("Things")).await.unwrap();
    assert_eq!(got.rows(), 3);
    assert!(peer.requests().iter().all(|r| r.header("authorization").starts_with("Basic ")));
}

#[tokio::test]
async fn a_link_to_itself_ends_the_run() {
    let turns = AtomicU32::new(0);
    let service = Service::new("4.0", 3);
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/Things" => {
            turns.fetch_add(1, Ordering::Relaxed);
            Reply::json(&json!({"value": [{"ID": 1}], "@odata.nextLink": "Things?$skiptoken=1"}))
        }
        _ => service.answer(request),
    })
    .await;
    let error = read(&connection(peer.port), request("Things")).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::BadAnswer);
    assert!(peer.count("/odata/Things") < 5);
}

#[tokio::test]
async fn reading_waits_for_whoever_consumes() {
    use futures::StreamExt as _;
    let peer = Service { page: Some(1), ..Service::new("4.0", 500) }.start().await;
    let progress = std::sync::Arc::new(Progress::default());
    let open = connection(peer.port);
    let mut scan = crate::service::connector().scan(&open, request("Things"), progress).await.unwrap();
    scan.batches.next().await.unwrap().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let fetched = peer.count("/odata/Things");
    assert!(fetched <= 8, "{fetched} pages were fetched while nobody consumed");
    drop(scan);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let after = peer.count("/odata/Things");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(peer.count("/odata/Things"), after, "dropping the stream stops the reading");
}
