//! Sends many calls at once over kept connections and measures them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Outcome;
use crate::api::Server;
use crate::child::processor_time;
use crate::wire::Connection;

/// No batch of calls may take longer.
const PATIENCE: Duration = Duration::from_secs(180);

/// A call and what its answer must hold.
pub struct Call {
    /// The whole request.
    pub request: Vec<u8>,
    /// Bytes that a right answer holds.
    pub expect: Vec<u8>,
}

/// What was measured.
pub struct Measured {
    /// Calls a second, from the first call sent to the last answer read.
    pub rate: f64,
    /// The time of each call in µs, sorted.
    pub micros: Vec<u32>,
    /// How much of one core the load generator used meanwhile, in percent.
    pub ours: f64,
    /// How much of one core the server used meanwhile, in percent.
    pub theirs: f64,
}

/// Sends every call once, over `clients` connections; an answer that is not 200 or not the expected one fails all.
pub async fn run(server: &Server, calls: Vec<Call>, clients: usize) -> Outcome<Measured> {
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    let ready = Arc::new(Barrier::new(clients + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let mut connection = Connection::open(server.address).await?;
        let (calls, next, ready) = (Arc::clone(&calls), Arc::clone(&next), Arc::clone(&ready));
        tasks.spawn(async move {
            ready.wait().await;
            let mut micros = Vec::with_capacity(calls.len() / 8);
            while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                let answer = connection.call(&call.request).await?;
                micros.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                if answer.status != 200 || memchr::memmem::find(answer.body, &call.expect).is_none() {
                    return Err(unexpected(call, answer.status, answer.body).into());
                }
            }
            Outcome::Ok(micros)
        });
    }
    let used = (processor_time("self")?, server.child.processor_time()?);
    let begun = Instant::now();
    ready.wait().await;
    let mut micros = Vec::with_capacity(calls.len());
    let all = async {
        while let Some(done) = tasks.join_next().await {
            micros.extend(done??);
        }
        Outcome::Ok(())
    };
    timeout(PATIENCE, all).await.map_err(|_| format!("{} calls take over {PATIENCE:?}", calls.len()))??;
    let seconds = begun.elapsed().as_secs_f64();
    let share = |before: Duration, after: Duration| (after - before).as_secs_f64() / seconds * 100.0;
    let ours = share(used.0, processor_time("self")?);
    let theirs = share(used.1, server.child.processor_time()?);
    micros.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    Ok(Measured { rate: calls.len() as f64 / seconds, micros, ours, theirs })
}

fn unexpected(call: &Call, status: u16, body: &[u8]) -> String {
    format!(
        "an answer is {status} {}, and should hold {}",
        String::from_utf8_lossy(&body[..body.len().min(500)]),
        String::from_utf8_lossy(&call.expect)
    )
}
