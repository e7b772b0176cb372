//! Windows in flight, in order, and what happens when the records move.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tidegate_core::connector::Progress;
use tidegate_core::plan::ReadRequest;

use crate::peer::{Peer, Reply};
use crate::service::{Service, connection, read, request};

fn wanted(size: u32, parallelism: u32) -> ReadRequest {
    ReadRequest { page_size: Some(size), parallelism: Some(parallelism), ..request("Things") }
}

#[tokio::test]
async fn windows_arrive_in_order_and_whole() {
    for version in ["4.0", "1.0"] {
        for (rows, size, width, page) in [(1000, 30, 10, None), (1000, 100, 3, Some(7)), (999, 333, 10, None)]
        {
            let peer = Service { page, ..Service::new(version, rows) }.start().await;
            let got = read(&connection(peer.port), wanted(size, width)).await.unwrap();
            assert_eq!(got.ids(), (1..=rows).collect::<Vec<_>>(), "{version} {rows} {size} {width}");
            assert_eq!(got.progress.notes(), Vec::<String>::new());
            assert_eq!(Progress::get(&got.progress.records_expected), rows as u64);
            let in_flight = Progress::get(&got.progress.parallel_processes);
            assert!(in_flight > 1 && in_flight <= u64::from(width), "{in_flight}");
            assert!(peer.count("/odata/Things/$count") >= 2, "before and after");
        }
    }
}

#[tokio::test]
async fn the_key_is_read_even_when_nobody_asked_for_it() {
    let peer = Service::new("4.0", 100).start().await;
    let wanted = ReadRequest { fields: Some(vec!["name".into()]), ..wanted(10, 4) };
    let got = read(&connection(peer.port), wanted).await.unwrap();
    assert_eq!(got.rows(), 100);
    assert_eq!(got.batches[0].num_columns(), 1);
    let page = peer.requests().into_iter().find(|r| r.path == "/odata/Things").unwrap();
    assert_eq!(page.option("$select"), Some("name,ID"));
}

/// A service whose records change when the given window is first asked for.
async fn moving(rows: i32, at: &'static str, change: fn(&mut Vec<i32>)) -> Peer {
    let service = Service::new("4.0", rows);
    let done = AtomicUsize::new(0);
    Peer::start(move |request| {
        if request.option("$skip") == Some(at) && done.fetch_add(1, Ordering::Relaxed) == 0 {
            change(&mut service.ids.lock().unwrap());
        }
        service.answer(request)
    })
    .await
}

#[tokio::test]
async fn when_records_come_each_old_one_is_read_once_and_the_run_says_so() {
    // A new record sorts before all others, so every later window is shifted by one.
    let peer = moving(200, "100", |ids| ids.push(0)).await;
    let got = read(&connection(peer.port), wanted(10, 4)).await.unwrap();
    let old: Vec<i32> = got.ids().into_iter().filter(|id| *id > 0).collect();
    assert_eq!(old, (1..=200).collect::<Vec<_>>());
    let notes = got.progress.notes();
    assert!(notes.iter().any(|note| note.contains("moved from 200 to 201")), "{notes:?}");
}

#[tokio::test]
async fn when_records_go_no_other_is_skipped() {
    let peer = moving(200, "100", |ids| ids.retain(|id| *id > 3)).await;
    let got = read(&connection(peer.port), wanted(10, 4)).await.unwrap();
    let ids = got.ids();
    let kept: Vec<i32> = ids.iter().copied().filter(|id| *id > 3).collect();
    assert_eq!(kept, (4..=200).collect::<Vec<_>>());
    assert_eq!(got.progress.notes().len(), 1);
}

#[tokio::test]
async fn without_key_or_count_pages_are_read_in_turn_and_the_run_says_so() {
    for (has_key, has_count, why) in [(false, true, "no key"), (true, false, "does not count")] {
        let peer = Service { has_key, has_count, page: Some(10), ..Service::new("4.0", 95) }.start().await;
        let got = read(&connection(peer.port), wanted(10, 5)).await.unwrap();
        assert_eq!(got.ids(), (1..=95).collect::<Vec<_>>());
        let notes = got.progress.notes();
        assert!(notes.len() == 1 && notes[0].contains(why), "{notes:?}");
        assert_eq!(Progress::get(&got.progress.parallel_processes), 1);
    }
}

#[tokio::test]
async fn a_service_that_refuses_windows_is_read_in_turn() {
    let service = Service { page: Some(10), ..Service::new("4.0", 95) };
    let peer = Peer::start(move |request| match request.option("$skip") {
        Some(_) => Reply::new(400, r#"{"error":{"code":"1","message":"$skip is not supported"}}"#),
        None => service.answer(request),
    })
    .await;
    let open = connection(peer.port);
    let got = read(&open, ReadRequest { page_size: None, parallelism: Some(5), ..request("Things") }).await;
    assert_eq!(got.unwrap().rows(), 95, "fewer than a window need none");
}

#[tokio::test]
async fn ten_windows_in_flight_hide_a_slow_line() {
    let mut seconds = Vec::new();
    for width in [1, 10] {
        let service = Service::new("4.0", 1_500);
        let peer = Peer::slow(Duration::from_millis(50), move |request| service.answer(request)).await;
        let started = Instant::now();
        let got = read(&connection(peer.port), wanted(25, width)).await.unwrap();
        assert_eq!(got.rows(), 1_500);
        seconds.push(started.elapsed().as_secs_f64());
    }
    assert!(seconds[0] >= 4.0 * seconds[1], "{seconds:?}");
}
