//! Gzip files as a source.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tidegate_core::connector::Progress;
use tidegate_core::flow::{InputFormat, OutputFormat};
use tidegate_core::task::Task;
use tidegate_engine::SourceInput;

use crate::support::{Bench, flow, map, map_all, s3};

/// Names and contents.
type Files<'a> = &'a [(&'a str, Vec<u8>)];

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_files_read_like_others_and_beside_them() {
    // All fields means two passes, one field one.
    let cases: [(_, _, Files<'_>, _, &str); 4] = [
        (
            InputFormat::Csv,
            map_all(),
            &[
                ("a.csv.gz", gzip("\u{feff}x,y\r\n1,\"a\n\"\"b\"\r\n".as_bytes())),
                ("b.csv", b"y,z\nplain,3\n".to_vec()),
                // The name does not say it, the content does; two members.
                ("c", [gzip(b"x,q\n5,"), gzip(b"6\n")].concat()),
                ("D.CSV.GZ", gzip(b"z\n0\n")),
            ],
            4,
            "z,x,y,q\r\n0,,,\r\n,1,\"a\n\"\"b\",\r\n3,,plain,\r\n,5,,6\r\n",
        ),
        (
            InputFormat::Csv,
            vec![map("x")],
            &[("a.gz", gzip(b"x,y\n1,2\n")), ("b", b"x\n3\n".to_vec())],
            2,
            "x\r\n1\r\n3\r\n",
        ),
        (
            InputFormat::Json,
            map_all(),
            &[("a.jsonl.gz", gzip(b"{\"a\":{\"b\":[1, 2]}}\n")), ("b", gzip(b"{\"c\":\"x\"}"))],
            2,
            "a,c\r\n\"{\"\"b\"\":[1, 2]}\",\r\n,x\r\n",
        ),
        (
            InputFormat::Json,
            vec![Task::Passthrough],
            &[("a.gz", gzip(b"{\"a\": 1}\n{\"b\":2}\n"))],
            1,
            "data\r\n\"{\"\"a\"\": 1}\"\r\n\"{\"\"b\"\":2}\"\r\n",
        ),
    ];
    for (format, tasks, content, count, expected) in cases {
        let bench = Bench::new();
        content.iter().for_each(|(name, content)| bench.put(&format!("in/{name}"), content));
        let spec = flow(s3(format, "in"), OutputFormat::Csv, tasks);
        let written = bench.content(&spec, SourceInput::Files).await.unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(Progress::get(&bench.progress.files_read), count);
        let bytes: usize = content.iter().map(|(_, content)| content.len()).sum();
        assert_eq!(Progress::get(&bench.progress.bytes_read), bytes as u64, "as they came");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_compressed_file_is_told_with_its_name() {
    let whole = gzip(b"x\n1\n2\n");
    let cut = whole[..whole.len() - 3].to_vec();
    let mut damaged = whole.clone();
    // A kind of block that there is not.
    damaged[10] = 0xff;
    let mut wrong_sum = whole.clone();
    let sum = whole.len() - 8;
    wrong_sum[sum] ^= 1;
    let cases = [
        ("a.gz", cut.clone(), "it ends in the middle of its gzip data; was it cut off on its way here?"),
        ("a", cut, "it ends in the middle of its gzip data; was it cut off on its way here?"),
        ("a.gz", wrong_sum, "its gzip checksum is not that of its content; it is damaged"),
        ("a.gz", damaged, "its gzip data is damaged"),
        ("a.gz", b"x\n1\n".to_vec(), "its name ends in .gz, and it is no gzip file"),
        ("a.gz", gzip(&whole), "it is compressed twice"),
        (
            "a.gz",
            gzip(b"PAR1xxxxxxxxPAR1"),
            "it is a Parquet file in a gzip file; store the Parquet file itself",
        ),
        (
            "a.zip",
            b"PK\x03\x04xx".to_vec(),
            "it looks like a ZIP file, which is not read; store it uncompressed or as gzip",
        ),
        (
            "a.zst",
            b"\x28\xb5\x2f\xfdxx".to_vec(),
            "it looks like a Zstandard file, which is not read; store it uncompressed or as gzip",
        ),
        (
            "a.gz",
            [whole.clone(), b"more".to_vec()].concat(),
            "there is something after the end of its gzip data",
        ),
        ("a.gz", gzip(b"x\n1,2\n"), "line 2: the header names 1 fields, this record has more"),
    ];
    for (name, content, expected) in cases {
        for tasks in [vec![map("x")], map_all()] {
            let bench = Bench::new();
            bench.put(&format!("in/{name}"), &content);
            let spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Json, tasks);
            let error = bench.content(&spec, SourceInput::Files).await.unwrap_err().to_string();
            let expected = format!("The file in/{name} cannot be read: {expected}");
            assert!(error.starts_with(&expected), "{error}\n{expected}");
        }
    }
}
