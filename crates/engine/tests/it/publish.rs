//! Promise 3: nothing is visible before it is published, publishing survives
//! a crash at any point, and what is discarded leaves nothing.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tidegate_core::connector::{CursorCell, Scan};
use tidegate_core::flow::{FlowSpec, OutputFormat, PrefixType};
use tidegate_core::run::{CommitList, CommitStep};
use tidegate_core::{ConnectorError, ConnectorErrorKind};
use tidegate_engine::{RunError, RunIdentity, SourceInput};
use tokio_util::sync::CancellationToken;

use crate::formats::orders;
use crate::support::{Bench, counted, engine, files, flow, map_all, run, sap, scan};

/// Five batches into five files, in a folder of the run's own or not.
fn five_files(own_folder: bool) -> (FlowSpec, SourceInput) {
    let mut spec = flow(sap(), OutputFormat::Json, map_all());
    spec.destination.aggregation.target_file_size_mb = Some(0);
    if !own_folder {
        spec.destination.layout.prefix_type = Some(PrefixType::Path);
    }
    (spec, scan(&orders().schema(), vec![Ok(orders()); 5]))
}

#[tokio::test]
async fn nothing_is_visible_before_and_everything_after() {
    let bench = Bench::new();
    let (spec, source) = five_files(true);
    let list = bench.stage(&spec, source).await.unwrap();
    assert_eq!(files(&bench.out()), []);
    assert_eq!(bench.engine.buckets().list("out-bucket", "").await.unwrap(), []);
    assert_eq!(list.steps.len(), 1, "a folder of its own becomes visible at once: {list:?}");
    bench.engine.publish(&run().execution, &list).await.unwrap();
    let names: Vec<_> = files(&bench.out()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [1, 2, 3, 4, 5].map(|n| format!("flow/run-1/run-1-0000{n}")));
    assert_eq!(fs::read_dir(bench.staging()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_crash_at_any_step_is_repaired_by_publishing_again() {
    for own_folder in [true, false] {
        let reference = Bench::new();
        let (spec, source) = five_files(own_folder);
        let list = reference.stage(&spec, source).await.unwrap();
        let count = list.steps.len();
        assert_eq!(count, if own_folder { 1 } else { 5 });
        reference.engine.publish(&run().execution, &list).await.unwrap();
        let expected = files(&reference.out());
        assert_eq!(expected.len(), 5);
        for done in 0..=count {
            let bench = Bench::new();
            let list = bench.stage(&spec, five_files(own_folder).1).await.unwrap();
            // The work of a process that died after some steps, before it
            // could clear the staging area: nothing but its renames remains.
            for step in &list.steps[..done] {
                let CommitStep::Rename { from, to, .. } = step else { panic!("{step:?}") };
                let target = bench.out().join(to);
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::rename(bench.staging().join(from), target).unwrap();
            }
            // The list comes back from the store, to another process.
            let stored = serde_json::to_string(&list).unwrap();
            let list: CommitList = serde_json::from_str(&stored).unwrap();
            let next = engine(bench.folder.path(), tidegate_engine::Buckets::local(bench.folder.path()));
            next.publish(&run().execution, &list).await.unwrap();
            assert_eq!(files(&bench.out()), expected, "after {done} of {count} steps");
            next.publish(&run().execution, &list).await.unwrap();
            assert_eq!(files(&bench.out()), expected, "published twice");
        }
    }
}

#[tokio::test]
async fn a_bucket_on_another_file_system_is_filled_by_copies() {
    // Memory-backed on every Linux; elsewhere there is nothing to cross.
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return };
    for own_folder in [true, false] {
        let bench = Bench::new();
        fs::remove_dir(bench.out()).unwrap();
        let bucket = elsewhere.path().join(own_folder.to_string());
        fs::create_dir(&bucket).unwrap();
        std::os::unix::fs::symlink(&bucket, bench.out()).unwrap();
        let (spec, source) = five_files(own_folder);
        let list = bench.stage(&spec, source).await.unwrap();
        // A copy that an earlier try has not ended.
        fs::create_dir(bucket.join("flow")).unwrap();
        fs::write(bucket.join("flow/.tidegate-unfinished-run-1"), "half").unwrap();
        bench.engine.publish(&run().execution, &list).await.unwrap();
        bench.engine.publish(&run().execution, &list).await.unwrap();
        let found = bench.engine.buckets().list("out-bucket", "flow").await.unwrap();
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(files(&bucket).iter().filter(|(_, content)| content.len() > 100).count(), 5);
    }
}

#[tokio::test]
async fn a_link_does_not_lead_the_output_out_of_its_bucket() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), bench.out().join("flow")).unwrap();
    let (spec, source) = five_files(true);
    let list = bench.stage(&spec, source).await.unwrap();
    let error = bench.engine.publish(&run().execution, &list).await.unwrap_err();
    assert!(error.to_string().contains("leads out of its bucket"), "{error}");
    assert_eq!(files(outside.path()), []);
}

#[tokio::test]
async fn staged_output_that_is_gone_is_an_error_and_not_a_success() {
    let bench = Bench::new();
    let (spec, source) = five_files(false);
    let list = bench.stage(&spec, source).await.unwrap();
    fs::remove_dir_all(bench.staging()).unwrap();
    let error = bench.engine.publish(&run().execution, &list).await.unwrap_err();
    assert!(error.to_string().contains("is gone"), "{error}");
}

#[tokio::test]
async fn a_source_that_breaks_leaves_nothing_and_its_own_words() {
    let bench = Bench::new();
    let torn = ConnectorError::new(ConnectorErrorKind::BadAnswer, "SAP said: RFC error, page 3");
    let mut batches = vec![Ok(orders()); 40];
    batches.push(Err(torn.clone()));
    let spec = flow(sap(), OutputFormat::Parquet, map_all());
    let result = bench.stage(&spec, scan(&orders().schema(), batches)).await;
    assert_eq!(result, Err(RunError::Connector(torn)));
    assert_eq!(files(&bench.out()), []);
    assert_eq!(fs::read_dir(bench.staging()).unwrap().count(), 0);
}

#[tokio::test]
async fn discarding_leaves_nothing_and_later_attempts_clear_earlier_ones() {
    let bench = Bench::new();
    let stage = async |attempt, execution: &str| {
        let run = RunIdentity { execution: execution.into(), attempt, started_at_ms: 0 };
        let ((spec, source), progress) = (five_files(true), Arc::default());
        let source = counted(source, &progress);
        let list = bench.engine.stage(&spec, source, &run, progress, CancellationToken::new()).await.unwrap();
        (run, list)
    };
    let staged = || {
        let mut names: Vec<_> = fs::read_dir(bench.staging())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let (first, _) = stage(1, "run-1").await;
    // Another execution whose name begins alike is not touched.
    let (other, _) = stage(1, "run-1-2").await;
    let (second, _) = stage(2, "run-1").await;
    assert_eq!(staged(), ["run-1-2", "run-1-2-1"]);
    bench.engine.discard(&first).await.unwrap();
    assert_eq!(staged(), ["run-1-2", "run-1-2-1"]);
    // What an earlier attempt left, because it was killed, goes too; a later one may be at work elsewhere.
    for attempt in [1, 3] {
        fs::create_dir(bench.staging().join(format!("run-1-{attempt}"))).unwrap();
    }
    bench.engine.discard(&second).await.unwrap();
    assert_eq!(staged(), ["run-1-2-1", "run-1-3"]);
    fs::remove_dir(bench.staging().join("run-1-3")).unwrap();
    bench.engine.sweep(std::slice::from_ref(&other.execution)).await.unwrap();
    assert_eq!(staged(), ["run-1-2-1"]);
    bench.engine.sweep(&[]).await.unwrap();
    assert!(staged().is_empty());
    assert_eq!(files(&bench.out()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_ends_the_run_within_a_second() {
    // Once while records flow, once while the source says nothing at all.
    for silent in [false, true] {
        let bench = Bench::new();
        let endless = futures::stream::repeat_with(|| Ok(orders()));
        let batches = if silent { futures::stream::pending().boxed() } else { endless.boxed() };
        let source = SourceInput::Scan(Scan {
            schema: orders().schema(),
            pushed: vec![],
            batches,
            next_cursor: CursorCell::default(),
        });
        let cancel = CancellationToken::new();
        let spec = flow(sap(), OutputFormat::Json, map_all());
        let identity = run();
        let running = bench.engine.stage(&spec, source, &identity, bench.progress.clone(), cancel.clone());
        let stop = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            cancel.cancel();
            Instant::now()
        };
        let (result, cancelled_at) = tokio::join!(running, stop);
        assert_eq!(result, Err(RunError::Cancelled));
        assert!(cancelled_at.elapsed() < Duration::from_secs(1));
        assert_eq!(files(bench.folder.path()), []);
    }
}

#[tokio::test]
async fn a_run_whose_counts_do_not_add_up_shows_nothing() {
    let bench = Bench::new();
    let (spec, source) = five_files(true);
    // Nobody counts what this scan delivers.
    let result = bench.engine.stage(&spec, source, &run(), Arc::default(), CancellationToken::new()).await;
    assert!(matches!(&result, Err(RunError::Internal(text)) if text.contains("do not add up")), "{result:?}");
    assert_eq!(fs::read_dir(bench.staging()).unwrap().count(), 0);
}
