//! What was acknowledged survives `kill -9`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::support::*;

/// Tells the child of this test binary which folder to write to.
const FOLDER: &str = "TIDEGATE_STORE_CRASH_FOLDER";
const CALLERS: usize = 8;
const ACKNOWLEDGED: usize = 150;

/// The child: writes with several callers and prints each acknowledgement,
/// until it is killed. Without the variable, in an ordinary run, it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(folder.as_ref()).await.expect("the store opens");
    let callers = (0..CALLERS).map(|caller| {
        let store = store.clone();
        async move {
            for number in 0.. {
                let name = format!("c-{caller}-{number}");
                create(&store, &name, &name).await;
                let mut out = std::io::stdout().lock();
                writeln!(out, "\nACK {name}").and_then(|()| out.flush()).expect("the parent listens");
            }
        }
    });
    futures::future::join_all(callers).await;
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, data.join(round.to_string()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let mut acknowledged = Vec::new();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        for line in lines {
            let line = line.expect("text");
            if let Some(name) = line.strip_prefix("ACK ") {
                acknowledged.push(name.to_owned());
            }
            if acknowledged.len() == ACKNOWLEDGED * round {
                // SIGKILL, in the middle of other writes. What is printed until
                // then is read to the end.
                child.kill().expect("killed");
            }
        }
        child.wait().expect("gone");
        assert!(acknowledged.len() >= ACKNOWLEDGED * round, "the child died early");
        let store = open(&data.join(round.to_string())).await.expect("the store opens again");
        for name in &acknowledged {
            assert_eq!(&password(&store, name).await.expect("it is there"), name);
        }
        store.integrity_check().await.expect("it is sound");
        store.close().await;
    }
}
