//! Thousands of files.

use std::time::{Duration, Instant};

use tidegate_core::connector::Progress;
use tidegate_core::flow::{InputFormat, OutputFormat};
use tidegate_engine::SourceInput;

use crate::support::{Bench, flow, map_all, s3};

const FILES: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_files_are_one_table() {
    for format in [InputFormat::Csv, InputFormat::Json] {
        let bench = Bench::new();
        let (mut expected, mut bytes) = (String::from("id,late\r\n"), 0);
        for at in 0..FILES {
            // Only the thousandth file has the second column, and first in it.
            let is_late = at == 999;
            let content = match (format, is_late) {
                (InputFormat::Csv, false) => format!("id\n{at}\n"),
                (InputFormat::Csv, true) => format!("late,id\nL,{at}\n"),
                (InputFormat::Json, false) => format!("{{\"id\":{at}}}\n"),
                (InputFormat::Json, true) => format!("{{\"late\":\"L\",\"id\":{at}}}\n"),
            };
            bytes += content.len();
            bench.put(&format!("in/{:02}/{at:05}", at / 100), content);
            expected.push_str(&format!("{at},{}\r\n", if is_late { "L" } else { "" }));
        }
        let spec = flow(s3(format, "in"), OutputFormat::Csv, map_all());
        let began = Instant::now();
        let written = bench.content(&spec, SourceInput::Files).await.unwrap();
        let took = began.elapsed();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(Progress::get(&bench.progress.files_read), FILES as u64);
        assert_eq!(Progress::get(&bench.progress.bytes_read), bytes as u64);
        // Loose: a busy machine, a debug build, and each file twice.
        assert!(took < Duration::from_secs(60), "{took:?}");
    }
}
