//! Following an ODP entity set by delta tokens: everything first, then changes.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use futures::StreamExt as _;
use serde_json::json;
use tidegate_connectors::sapodata::changes::Tracking;
use tidegate_connectors::sapodata::metadata::Metadata;
use tidegate_core::connector::Progress;
use tidegate_core::plan::{Comparison, Filter, ReadRequest};
use tidegate_core::{ConnectorError, ConnectorErrorKind, OpenConnection};

use crate::odp_service::{Habits, Odp, SET};
use crate::peer::Peer;
use crate::service::{connection, connector, request, with};

/// What a run read, and its cursor.
pub struct Run {
    pub batches: Vec<RecordBatch>,
    pub cursor: Option<String>,
    pub progress: Arc<Progress>,
}

impl Run {
    /// The texts of a column; an empty one for null.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let columns = self.batches.iter().map(|batch| batch.column_by_name(name).unwrap());
        columns
            .flat_map(|column| {
                column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned())
            })
            .collect()
    }

    /// Order and change mode of each record.
    fn changes(&self) -> Vec<(u32, String)> {
        let orders = self.texts("ORDERNO").into_iter().map(|order| order.parse().unwrap());
        orders.zip(self.texts("ODQ_CHANGEMODE")).collect()
    }
}

/// One run of a flow: the records, or the error that ends it. A cursor must never
/// come of a run that fails.
pub async fn run(open: &OpenConnection, wanted: ReadRequest) -> Result<Run, ConnectorError> {
    let progress = Arc::new(Progress::default());
    let mut scan = connector().scan(open, wanted, Arc::clone(&progress)).await?;
    let mut batches = Vec::new();
    while let Some(batch) = scan.batches.next().await {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(error) => {
                assert_eq!(scan.next_cursor.get(), None, "a failed run has no cursor");
                return Err(error);
            }
        }
    }
    Ok(Run { batches, cursor: scan.next_cursor.get().map(str::to_owned), progress })
}

fn follow(cursor: Option<&str>) -> ReadRequest {
    ReadRequest { track_changes: true, cursor: cursor.map(str::to_owned), page_size: Some(4), ..request(SET) }
}

fn modes(changes: &[(u32, &str)]) -> Vec<(u32, String)> {
    changes.iter().map(|(order, mode)| (*order, (*mode).to_owned())).collect()
}

fn pages(peer: &Peer) -> Vec<String> {
    let all = peer.requests().into_iter().filter(|request| request.path == format!("/odata/{SET}"));
    all.map(|request| request.header("prefer").to_owned()).collect()
}

#[tokio::test]
async fn the_first_run_reads_everything_and_later_ones_what_changed() {
    for habits in [
        Habits::default(),
        Habits { hides_link: true, ..Habits::default() },
        Habits { link_as_next: true, ..Habits::default() },
    ] {
        let odp = Odp::new(10, habits);
        let peer = odp.start().await;
        let open = connection(peer.port);
        let full = run(&open, follow(None)).await.unwrap();
        assert_eq!(full.changes(), (1..=10).map(|order| (order, String::new())).collect::<Vec<_>>());
        assert_eq!(
            pages(&peer),
            ["odata.track-changes,odata.maxpagesize=4", "odata.maxpagesize=4", "odata.maxpagesize=4"]
        );
        assert_eq!(Progress::get(&full.progress.parallel_processes), 1);
        let first = full.cursor.expect("a cursor");

        let quiet = run(&open, follow(Some(&first))).await.unwrap();
        assert_eq!((quiet.changes().len(), quiet.cursor.as_deref()), (0, Some(first.as_str())));

        for order in 11..=15 {
            odp.put(order, "NEW", "1.50");
        }
        odp.put(3, "ODD", "99.99");
        odp.delete(4);
        let delta = run(&open, follow(Some(&first))).await.unwrap();
        let expected = modes(&[(11, "C"), (12, "C"), (13, "C"), (14, "C"), (15, "C"), (3, "U"), (4, "D")]);
        assert_eq!(delta.changes(), expected);
        assert_eq!(delta.texts("CUSTOMER")[6], "", "of a deleted record only the key is known");
        let second = delta.cursor.expect("a cursor");
        assert_ne!(first, second);

        odp.delete(11);
        odp.put(16, "NEW", "2.00");
        let delta = run(&open, follow(Some(&second))).await.unwrap();
        assert_eq!(delta.changes(), modes(&[(11, "D"), (16, "C")]));
        assert!(delta.cursor.is_some_and(|third| third != second));
        assert_eq!(odp.subscriptions(), 1);
    }
}

#[tokio::test]
async fn later_changes_are_not_asked_for_ahead() {
    // The page is long enough that the next request would be on its way while it is decoded.
    let odp = Odp::new(10_000, Habits { link_as_next: true, ..Habits::default() });
    let peer = odp.start().await;
    let full = run(&connection(peer.port), ReadRequest { page_size: None, ..follow(None) }).await.unwrap();
    assert_eq!((full.changes().len(), pages(&peer).len()), (10_000, 1));
    let asks = |request: &crate::peer::Request| request.option("!deltatoken").is_some();
    assert!(!peer.requests().iter().any(asks), "that would confirm what nobody has kept yet");
}

#[tokio::test]
async fn a_run_that_breaks_between_pages_is_read_again_whole() {
    let odp = Odp::new(10, Habits::default());
    let peer = odp.start().await;
    let open = connection(peer.port);
    odp.tear(2, u32::MAX);
    run(&open, follow(None)).await.err().expect("the third page is torn for good");
    odp.tear(0, 0);
    let cursor = run(&open, follow(None)).await.unwrap().cursor.unwrap();

    for order in 1..=9 {
        odp.put(order, "CHANGED", "5.00");
    }
    odp.tear(1, u32::MAX);
    run(&open, follow(Some(&cursor))).await.err().expect("the second page is torn for good");
    odp.tear(0, 0);
    // What changes meanwhile comes with the run after the repeated one.
    odp.delete(1);
    let again = run(&open, follow(Some(&cursor))).await.unwrap();
    let expected: Vec<_> = (1..=9).map(|order| (order, "U".to_owned())).collect();
    assert_eq!(again.changes(), expected);
    let twice = run(&open, follow(Some(&cursor))).await.unwrap();
    assert_eq!(twice.changes(), expected, "a cursor may be used again");
    assert_eq!(twice.cursor, again.cursor);
    let next = run(&open, follow(again.cursor.as_deref())).await.unwrap();
    assert_eq!(next.changes(), modes(&[(1, "D")]));
}

#[tokio::test]
async fn a_stream_that_nobody_reads_to_its_end_has_no_cursor() {
    let odp = Odp::new(40, Habits::default());
    let peer = odp.start().await;
    let open = connection(peer.port);
    let mut scan = connector().scan(&open, follow(None), Arc::default()).await.unwrap();
    scan.batches.next().await.unwrap().unwrap();
    let cell = scan.next_cursor.clone();
    drop(scan);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(cell.get(), None);
}

#[tokio::test]
async fn a_token_that_is_no_longer_known_asks_for_a_full_load() {
    let odp = Odp::new(5, Habits::default());
    let peer = odp.start().await;
    let open = connection(peer.port);
    let first = run(&open, follow(None)).await.unwrap().cursor.unwrap();
    odp.put(1, "ODD", "2.00");
    let second = run(&open, follow(Some(&first))).await.unwrap().cursor.unwrap();
    odp.forget_delivered();
    let error = run(&open, follow(Some(&first))).await.err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Expired);
    for part in ["no longer knows", "is not available (any more)", "full load", "ODQMON"] {
        assert!(error.message.contains(part), "{part}: {error}");
    }
    // The last one still leads on, and a full load begins anew.
    assert!(run(&open, follow(Some(&second))).await.unwrap().changes().is_empty());
    let anew = run(&open, follow(None)).await.unwrap();
    assert_eq!(anew.changes().len(), 5);
    let error = run(&open, follow(Some(&second))).await.err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Expired, "a subscription takes the place of the last one");
}

#[tokio::test]
async fn filters_and_fields_belong_to_the_subscription() {
    let odp = Odp::new(6, Habits::default());
    let peer = odp.start().await;
    let open = connection(peer.port);
    let filter = |field: &str, comparison, value: &str| Filter {
        field: field.into(),
        comparison,
        data_type: None,
        values: vec![value.into()],
    };
    let wanted = |cursor: Option<&str>, fields: &[&str]| ReadRequest {
        filters: vec![
            filter("CUSTOMER", Comparison::Equal, "EVEN"),
            filter("ODQ_CHANGEMODE", Comparison::NotEqual, "D"),
        ],
        fields: Some(fields.iter().map(ToString::to_string).collect()),
        parallelism: Some(5),
        ..follow(cursor)
    };
    let full = run(&open, wanted(None, &["AMOUNT", "ODQ_CHANGEMODE", "ORDERNO"])).await.unwrap();
    assert_eq!(full.texts("ORDERNO"), ["00002", "00004", "00006"]);
    assert!(full.progress.notes()[0].contains("one after the other"), "{:?}", full.progress.notes());
    let asked = peer.requests().into_iter().find(|request| request.path.ends_with(SET)).unwrap();
    assert_eq!(asked.option("$filter"), Some("CUSTOMER eq 'EVEN'"), "and nothing of the change mode");
    assert_eq!(asked.option("$select"), Some("AMOUNT,ODQ_CHANGEMODE,ORDERNO,ODQ_ENTITYCNTR"));
    let cursor = full.cursor.unwrap();
    odp.put(1, "ODD", "7.00");
    odp.put(2, "EVEN", "7.00");
    let delta = run(&open, wanted(Some(&cursor), &["ORDERNO"])).await.unwrap();
    assert_eq!(delta.texts("ORDERNO"), ["00002"]);
    let notes = delta.progress.notes().join(" ");
    assert!(notes.contains("ODQ_CHANGEMODE") && notes.contains("filter on CUSTOMER"), "{notes}");

    let error = run(&open, wanted(Some(&cursor), &["ORDERNO", "CUSTOMER"])).await.err().unwrap();
    assert!(error.message.contains("the field CUSTOMER") && error.message.contains("full load"), "{error}");
    let unfiltered = ReadRequest { filters: vec![], ..wanted(Some(&cursor), &["ORDERNO"]) };
    let error = run(&open, unfiltered).await.err().unwrap();
    assert!(error.message.contains("filters"), "{error}");
}

#[tokio::test]
async fn what_tracks_no_changes_says_what_to_do_instead() {
    let odp = Odp::new(3, Habits { is_plain: true, ..Habits::default() });
    let peer = odp.start().await;
    let open = connection(peer.port);
    let error = run(&open, follow(None)).await.err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Unsupported);
    assert!(error.message.contains("datetimeTypeFieldName"), "{error}");
    assert!(pages(&peer).is_empty(), "nothing is read for nothing");

    let odp = Odp::new(3, Habits { ignores_wish: true, ..Habits::default() });
    let peer = odp.start().await;
    let error = run(&connection(peer.port), follow(None)).await.err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Unsupported);
    assert!(error.message.contains("Preference-Applied"), "{error}");
    // The links of an earlier subscription tell nothing of what was just read.
    let odp = Odp::new(3, Habits::default());
    run(&connection(odp.start().await.port), follow(None)).await.unwrap();
    let peer = odp.with(Habits { ignores_wish: true, ..Habits::default() }).start().await;
    let error = run(&connection(peer.port), follow(None)).await.err().unwrap();
    assert!(error.message.contains("Preference-Applied"), "{error}");

    let odp = Odp::new(3, Habits::default());
    let peer = odp.start().await;
    let error = run(&connection(peer.port), follow(Some("rubbish"))).await.err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Invalid);
}

#[tokio::test]
async fn a_subscription_ends_with_its_flow() {
    for ends_by_post in [false, true] {
        let odp = Odp::new(3, Habits { ends_by_post, ..Habits::default() });
        let peer = odp.start().await;
        let open = connection(peer.port);
        let bob =
            with(peer.port, json!({}), json!({"basicAuthCredentials": {"username": "BOB", "password": "x"}}));
        let first = run(&open, follow(None)).await.unwrap().cursor.unwrap();
        run(&bob, follow(None)).await.unwrap();
        assert_eq!(odp.subscriptions(), 2, "one for each user");
        let second = run(&open, follow(None)).await.unwrap().cursor.unwrap();

        connector().end_subscription(&open, SET, Some(&first)).await.unwrap();
        assert_eq!(odp.subscriptions(), 2, "a later flow's subscription is not its own");
        connector().end_subscription(&open, SET, Some(&second)).await.unwrap();
        assert_eq!(odp.subscriptions(), 1);
        connector().end_subscription(&open, SET, None).await.expect("nothing to end is no error");
        let error = run(&open, follow(Some(&second))).await.err().unwrap();
        assert_eq!(error.kind, ConnectorErrorKind::Expired);
    }
    let odp = Odp::new(3, Habits { never_ends: true, ..Habits::default() });
    let peer = odp.start().await;
    let open = connection(peer.port);
    connector().end_subscription(&open, SET, None).await.expect("there was none");
    let cursor = run(&open, follow(None)).await.unwrap().cursor.unwrap();
    let error = connector().end_subscription(&open, SET, Some(&cursor)).await.unwrap_err();
    assert!(error.message.contains("ODQMON"), "{error}");
    let plain = Odp::new(3, Habits { is_plain: true, ..Habits::default() }).start().await;
    connector().end_subscription(&connection(plain.port), SET, None).await.unwrap();
}

#[tokio::test]
async fn a_set_with_changes_is_told_by_its_key() {
    for (is_plain, expected) in [(false, true), (true, false)] {
        let peer = Odp::new(1, Habits { is_plain, ..Habits::default() }).start().await;
        let fields = connector().describe_entity(&connection(peer.port), SET).await.unwrap();
        let key = fields.iter().find(|field| field.primary_key).unwrap();
        assert_eq!(key.custom.contains(&("changeTracking".to_owned(), "odp".to_owned())), expected);
    }
}

#[tokio::test]
async fn changes_without_a_link_come_once_more() {
    let odp = Odp::new(3, Habits::default());
    let peer = odp.start().await;
    let cursor = run(&connection(peer.port), follow(None)).await.unwrap().cursor.unwrap();
    odp.put(1, "ODD", "2.00");
    let silent =
        odp.with(Habits { hides_link: true, lists_nothing: true, ..Habits::default() }).start().await;
    for peer in [&silent, &silent, &peer] {
        let delta = run(&connection(peer.port), follow(Some(&cursor))).await.unwrap();
        assert_eq!(delta.changes(), modes(&[(1, "U")]));
        let repeats = delta.progress.notes().iter().any(|note| note.contains("once more"));
        assert_eq!(repeats, delta.cursor.as_deref() == Some(&cursor));
        assert_eq!(repeats, peer.port == silent.port);
    }
}

#[test]
fn any_sign_of_a_delta_queue_will_do() {
    let signs = [" sap:change-tracking=\"true\"", "SubscribedTo", "TerminateDeltasFor", "DeltaLinksOf"];
    let whole = Odp::new(0, Habits::default()).metadata();
    let tracking = |hidden: &dyn Fn(&str) -> bool| {
        let text = signs.iter().filter(|sign| hidden(sign)).fold(whole.clone(), |text, sign| {
            text.replace(sign, if sign.starts_with(' ') { "" } else { "Other" })
        });
        let metadata = Metadata::parse(&text).unwrap();
        Tracking::of(&metadata, metadata.set(SET))
    };
    for sign in signs {
        assert_eq!(tracking(&|other| other != sign), Some(Tracking::Odp), "{sign}");
    }
    assert_eq!(tracking(&|_| true), None);
}
