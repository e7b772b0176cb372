//! The control plane: signed reads and durable creates a second, with few and with many stored connections.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::{Server, profile};
use crate::load::{self, Call, Measured};
use crate::report::{Goal, Report, number};
use crate::stats::percentile;
use crate::{Outcome, Setting};

const PART: &str = "control plane";

/// Clients that call at the same time, each on one kept connection.
const CLIENTS: usize = 16;

/// Connections stored for the first of the two measurements.
const FEW: usize = 10;

/// Calls before the clock runs.
const WARM_UP: usize = 500;

/// The values of every round.
#[derive(Default)]
struct Rounds {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, measured: &Measured) {
        self.rate.push(measured.rate);
        self.p50.push(f64::from(percentile(&measured.micros, 50.0)) / 1000.0);
        self.p99.push(f64::from(percentile(&measured.micros, 99.0)) / 1000.0);
        self.ours.push(measured.ours);
        self.theirs.push(measured.theirs);
    }

    /// Reports them; `calls` is what was called.
    fn report(self, report: &mut Report, calls: &str, goal: f64) {
        report.add(calls, "/s", self.rate, Goal::AtLeast(goal));
        report.add(&format!("{calls}: median time"), "ms", self.p50, Goal::None);
        report.add(&format!("{calls}: 99th percentile"), "ms", self.p99, Goal::None);
        report.add(&format!("{calls}: processor use of the server"), "%", self.theirs, Goal::None);
        report.add(&format!("{calls}: processor use of the clients"), "%", self.ours, Goal::None);
    }
}

/// A server whose connections are named by their number.
struct Store {
    server: Server,
    stored: usize,
    random: u64,
}

/// Measures it.
pub async fn run(setting: &Setting, report: &mut Report) -> Outcome<()> {
    let size = setting.size();
    let mut large = Store::start(setting, "control-many").await?;
    crate::tell(&format!("{PART}: storing {} connections", size.many));
    large.create(size.many).await?;

    let (mut reads, mut creates) =
        ([Rounds::default(), Rounds::default()], [Rounds::default(), Rounds::default()]);
    let (mut ratio, mut create_ratio) = (Vec::new(), Vec::new());
    let mut syncs = Vec::new();
    for round in 1..=setting.rounds() {
        // A new server with few connections a round: creates would make them many.
        let mut small = Store::start(setting, &format!("control-few-{round}")).await?;
        small.create(FEW).await?;
        let few = small.read(size.reads).await?;
        let many = large.read(size.reads).await?;
        ratio.push(few.rate / many.rate);
        reads[0].add(&few);
        reads[1].add(&many);

        syncs.push(sync_millis(&setting.work, size.syncs)?);
        let few = small.create(size.creates).await?;
        let many = large.create(size.creates).await?;
        create_ratio.push(few.rate / many.rate);
        creates[0].add(&few);
        creates[1].add(&many);
        small.count().await?;
        small.server.stop().await?;
        crate::tell(&format!("{PART}: round {round} of {} done", setting.rounds()));
    }
    large.count().await?;
    large.server.stop().await?;

    report.part(PART);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let stored = [FEW, size.many].map(|stored| format!("{} connections", number(stored as f64)));
    for (rounds, stored) in reads.into_iter().zip(&stored) {
        rounds.report(report, &format!("DescribeConnectorProfiles, {stored}"), 5_000.0);
    }
    report.add(&format!("reads with {} to {}", stored[0], stored[1]), "×", ratio, Goal::AtMost(1.3));
    for (rounds, stored) in creates.into_iter().zip(&stored) {
        rounds.report(report, &format!("CreateConnectorProfile, {stored}"), 1_000.0);
    }
    report.add(&format!("creates with {} to {}", stored[0], stored[1]), "×", create_ratio, Goal::AtMost(1.3));
    report.add("the disk: 4 KiB appended, fdatasync", "ms", syncs, Goal::None);
    Ok(())
}

impl Store {
    async fn start(setting: &Setting, folder: &str) -> Outcome<Self> {
        let server = Server::start(setting, &setting.work.join(folder), "off").await?;
        Ok(Self { server, stored: 0, random: 1 })
    }

    /// Creates `count` more connections.
    async fn create(&mut self, count: usize) -> Outcome<Measured> {
        let signer = self.server.signer();
        let calls = (self.stored..self.stored + count)
            .map(|number| {
                let name = name(number);
                let path = "/sap/opu/odata/iwfnd/catalogservice;v=2";
                let user = ("ALICE", "correct horse battery staple");
                let mut input = profile(&name, "https://sap.example.com", 443, path, user);
                input["clientToken"] = json!(format!("token-{number:08}"));
                let body = input.to_string();
                let request = signer.post("/create-connector-profile", &body, &format!("create-{number}"));
                Call { request, expect: format!(":connectorprofile/{name}\"").into_bytes() }
            })
            .collect();
        let measured = load::run(&self.server, calls, CLIENTS).await?;
        self.stored += count;
        Ok(measured)
    }

    /// Reads `count` times one connection by its name, after a warm-up.
    async fn read(&mut self, count: usize) -> Outcome<Measured> {
        let calls = self.reads(WARM_UP);
        load::run(&self.server, calls, CLIENTS).await?;
        let calls = self.reads(count);
        load::run(&self.server, calls, CLIENTS).await
    }

    fn reads(&mut self, count: usize) -> Vec<Call> {
        let signer = self.server.signer();
        let mut calls = Vec::with_capacity(count);
        for _ in 0..count {
            let random = next(&mut self.random);
            #[expect(clippy::cast_possible_truncation, reason = "the remainder is one of the numbers stored")]
            let name = name((random % self.stored as u64) as usize);
            let body = json!({"connectorProfileNames": [name]}).to_string();
            let request = signer.post("/describe-connector-profiles", &body, &format!("read-{random:016x}"));
            calls.push(Call { request, expect: format!("\"connectorProfileName\":\"{name}\"").into_bytes() });
        }
        calls
    }

    /// Pages through all connections: every one that was created is there once.
    async fn count(&self) -> Outcome<()> {
        let mut client = self.server.client().await?;
        let mut names = Vec::with_capacity(self.stored);
        let mut input = json!({"maxResults": 100});
        loop {
            let page = client.call("/describe-connector-profiles", &input).await?;
            let profiles = page["connectorProfileDetails"].as_array().ok_or("a page without its list")?;
            names.extend(
                profiles.iter().filter_map(|one| one["connectorProfileName"].as_str()).map(str::to_owned),
            );
            match &page["nextToken"] {
                token if token.is_string() => input["nextToken"] = token.clone(),
                _ => break,
            }
        }
        names.sort_unstable();
        let wanted = (0..self.stored).map(name);
        if !names.iter().map(String::as_str).eq(wanted.collect::<Vec<_>>().iter().map(String::as_str)) {
            let text =
                format!("{} connections were created, and the list holds {}", self.stored, names.len());
            return Err(text.into());
        }
        Ok(())
    }
}

fn name(number: usize) -> String {
    format!("bench-{number:08}")
}

/// The next number of a sequence that looks random (SplitMix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The median time of one synced append to a file in the folder, in ms.
fn sync_millis(folder: &Path, count: usize) -> Outcome<f64> {
    let path = folder.join("sync-probe");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    times.sort_unstable();
    let median: Duration = percentile(&times, 50.0);
    Ok(median.as_secs_f64() * 1000.0)
}
