//! Memory does not grow with the data.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt as _;
use tidegate_core::connector::{CursorCell, Progress, Scan};
use tidegate_core::flow::OutputFormat;
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::task::{MaskPart, Task};
use tidegate_engine::SourceInput;

use crate::support::{Bench, flow, sap};

/// Set in the child process, to the format that it shall write.
const CHILD: &str = "TIDEGATE_ENGINE_MEMORY_CHILD";
const ROWS: i64 = 2_000_000;
const BATCH: i64 = 5_000;
/// All memory of the test process but that which maps its program file, whose
/// size says more about debug builds than about runs.
const LIMIT_KIB: u64 = 40 * 1024;
/// The same with 5,000 partitions in Parquet, of which 64 are open at once.
const PARTITIONS_LIMIT_KIB: u64 = 100 * 1024;
const PARTITIONS: i64 = 5_000;

#[test]
fn two_million_rows_fit_in_little_memory() {
    for (format, limit) in [
        ("json", LIMIT_KIB),
        ("csv", LIMIT_KIB),
        ("parquet", LIMIT_KIB),
        ("5000 partitions", PARTITIONS_LIMIT_KIB),
    ] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::child", "--nocapture"])
            .env(CHILD, format)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let peak: u64 = text
            .lines()
            .find_map(|line| line.split_once("peak KiB: "))
            .and_then(|(_, number)| number.trim().parse().ok())
            .unwrap_or_else(|| panic!("the child told no peak: {text}"));
        writeln!(std::io::stderr(), "{format}: {peak} KiB at the peak").unwrap();
        assert!(peak < limit, "{format}: the peak was {peak} KiB");
    }
}

/// Does nothing unless it is started by the test above.
#[test]
fn child() {
    let Ok(format) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let watch = std::thread::spawn({
        let ended = ended.clone();
        move || {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(resident());
                std::thread::sleep(Duration::from_millis(5));
            }
            peak
        }
    });
    runtime.block_on(run_flow(&format));
    ended.store(true, Ordering::Relaxed);
    writeln!(std::io::stdout(), "\npeak KiB: {}", watch.join().unwrap()).unwrap();
}

/// The process's own memory now, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn run_flow(format: &str) {
    let bench = Bench::new();
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("note", DataType::Utf8, false),
        Field::new("group", DataType::Int64, false),
    ]));
    let of_batch = schema.clone();
    let rows = if format == "5000 partitions" { ROWS / 5 } else { ROWS };
    let batches = futures::stream::iter(0..rows / BATCH).map(move |batch| {
        let ids = batch * BATCH..(batch + 1) * BATCH;
        let groups = ids.clone().map(|id| id.wrapping_mul(7_919) % PARTITIONS);
        let names = StringArray::from_iter_values(ids.clone().map(|id| format!("customer {id}")));
        // Hardly two alike, so that nothing compresses away.
        let notes = ids.clone().map(|id| format!("{:x}", id.wrapping_mul(0x1e37_79b9_7f4a_7c15)));
        let columns: Vec<Arc<dyn datafusion::arrow::array::Array>> = vec![
            Arc::new(Int64Array::from_iter_values(ids)),
            Arc::new(names),
            Arc::new(StringArray::from_iter_values(notes)),
            Arc::new(Int64Array::from_iter_values(groups)),
        ];
        Ok(RecordBatch::try_new(of_batch.clone(), columns).unwrap())
    });
    let filter = Filter {
        field: "id".to_owned(),
        comparison: Comparison::GreaterOrEqual,
        data_type: None,
        values: vec!["1000".to_owned()],
    };
    let is_partitioned = format == "5000 partitions";
    let mut tasks = vec![
        Task::MapAll { exclude: vec![], include_new: false },
        Task::Filter(filter),
        Task::Mask { field: "name".to_owned(), part: MaskPart::Last(3), character: '*' },
    ];
    if is_partitioned {
        tasks.push(Task::Partition { keys: vec!["group".to_owned()] });
    }
    let format = match format {
        "csv" => OutputFormat::Csv,
        "parquet" | "5000 partitions" => OutputFormat::Parquet,
        _ => OutputFormat::Json,
    };
    let mut spec = flow(sap(), format, tasks);
    spec.destination.preserve_source_data_typing = Some(true);
    let source = SourceInput::Scan(Scan {
        schema,
        pushed: vec![false],
        batches: batches.boxed(),
        next_cursor: CursorCell::default(),
    });
    bench.stage(&spec, source).await.unwrap();
    assert_eq!(Progress::get(&bench.progress.records_processed), rows as u64 - 1_000);
}
