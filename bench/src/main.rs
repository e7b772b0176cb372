//! Measures the built `tidegate` binary from outside; `cargo xtask bench` builds and runs it.

mod api;
mod child;
mod control;
mod csv;
mod files;
mod flow;
mod load;
mod pages;
mod proxy;
mod report;
mod sign;
mod source;
mod start;
mod stats;
mod wire;

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use jiff::Timestamp;

use report::Report;

/// What a step of the bench gives, or why there are no figures.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The whole bench may not take longer.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What to measure, and with what.
#[derive(Debug, Parser)]
#[command(name = "tidegate-bench", version)]
pub struct Setting {
    /// The binary to measure
    #[arg(long, default_value = "target/release/tidegate")]
    tidegate: PathBuf,
    /// A Python with pyarrow, which checks what flows wrote
    #[arg(long, default_value = "target/venv/bin/python")]
    python: PathBuf,
    /// The folder of SAP's server
    #[arg(long, default_value = "conformance/peers/sap")]
    sap: PathBuf,
    /// The bare DataFusion program, an example of the engine's
    #[arg(long, default_value = "target/release/examples/bare_datafusion")]
    bare: PathBuf,
    /// s3s-fs, an S3 endpoint over a folder; looked for in PATH
    #[arg(long, default_value = "s3s-fs")]
    s3: PathBuf,
    /// A folder on the disk to measure; what the bench puts there, it removes
    #[arg(long, default_value = "target/bench")]
    work: PathBuf,
    /// Where results.json and results.md go
    #[arg(long)]
    out: Option<PathBuf>,
    /// The workspace
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Rows that a flow moves, at most 336,776 [default: 200000]
    #[arg(long)]
    rows: Option<u64>,
    /// Rows of the larger and of the smaller CSV file [default: 20000000 2000000]
    #[arg(long, num_args = 2)]
    csv: Vec<u64>,
    /// Small counts and two rounds, to see whether it works
    #[arg(long)]
    quick: bool,
}

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Time to the first answer, idle memory
    Start,
    /// Reads and creates a second
    Control,
    /// A flow against reading its pages
    Flow,
    /// Pages in flight on a slow line
    Delay,
    /// A flow from CSV to Parquet against other engines
    Files,
    /// A run that has nothing to move
    Empty,
}

/// How much is measured.
pub struct Size {
    /// Reads a round.
    pub reads: usize,
    /// Creates a round.
    pub creates: usize,
    /// Stored connections of the second measurement.
    pub many: usize,
    /// Synced appends a round.
    pub syncs: usize,
    /// Rows that a flow moves.
    pub rows: u64,
    /// Rows of the larger and of the smaller CSV file.
    pub csv: [u64; 2],
}

impl Setting {
    /// The counts.
    pub fn size(&self) -> Size {
        let mut size = if self.quick {
            Size { reads: 1_000, creates: 100, many: 200, syncs: 50, rows: 20_000, csv: [200_000, 20_000] }
        } else {
            Size {
                reads: 20_000,
                creates: 1_000,
                many: 10_000,
                syncs: 200,
                rows: 200_000,
                csv: [20_000_000, 2_000_000],
            }
        };
        size.rows = self.rows.unwrap_or(size.rows);
        if let [many, few] = self.csv[..] {
            size.csv = [many, few];
        }
        size
    }

    /// How often each figure is measured.
    pub fn rounds(&self) -> usize {
        if self.quick { 2 } else { 5 }
    }

    /// Makes every path whole, since programs are started in other folders.
    fn absolute(&mut self) -> Outcome<()> {
        self.work = self.work.join(std::process::id().to_string());
        let Self { tidegate, python, sap, bare, work, root, .. } = self;
        for path in [tidegate, python, sap, bare, work, root] {
            *path = std::path::absolute(&*path)?;
        }
        Ok(())
    }

    fn measures(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Says on stderr what is going on.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

// The load generator shares the machine with the server: two threads, as many as the smallest machine has cores.
#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let mut setting = Setting::parse();
    let done = async {
        setting.absolute()?;
        std::fs::create_dir_all(&setting.work)?;
        let done = tokio::time::timeout(PATIENCE, measure(&setting)).await;
        // Everything that was started has ended by now, or is killed with the future above.
        std::fs::remove_dir_all(&setting.work)?;
        done.map_err(|_| format!("the bench takes over {PATIENCE:?}"))?
    };
    match done.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("no figures: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(setting: &Setting) -> Outcome<()> {
    let begun = Instant::now();
    let mut report = Report::default();
    report.about = about(setting)?;
    if setting.measures(Part::Start) {
        start::run(setting, &mut report).await?;
    }
    if setting.measures(Part::Control) {
        control::run(setting, &mut report).await?;
    }
    if setting.measures(Part::Flow) {
        flow::plain(setting, &mut report).await?;
    }
    if setting.measures(Part::Delay) {
        flow::delayed(setting, &mut report).await?;
    }
    if setting.measures(Part::Empty) {
        files::empty(setting, &mut report).await?;
    }
    if setting.measures(Part::Files) {
        files::run(setting, &mut report).await?;
    }
    report.about.push(("took", format!("{} s", begun.elapsed().as_secs())));
    let table = report.markdown();
    let (met, goals) = report.goals();
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{table}\n{met} of {goals} goals are met")?;
    if let Some(out) = &setting.out {
        let note = "<!-- Written by `cargo xtask bench`. -->\n\n";
        std::fs::write(out.join("results.md"), format!("{note}{table}"))?;
        std::fs::write(out.join("results.json"), format!("{:#}\n", report.json()))?;
        writeln!(stdout, "written to {}", out.display())?;
    }
    Ok(())
}

/// Where and with what the figures are made.
fn about(setting: &Setting) -> Outcome<Vec<(&'static str, String)>> {
    let version = Command::new(&setting.tidegate).arg("--version").output();
    let version = version.map_err(|error| format!("{}: {error}", setting.tidegate.display()))?;
    let processor = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut about = vec![
        ("version", String::from_utf8_lossy(&version.stdout).trim().to_owned()),
        ("date", Timestamp::now().strftime("%Y-%m-%d").to_string()),
        ("machine", format!("{cores} cores of {}", model.map_or("an unnamed processor", |(_, name)| name))),
        ("system", format!("Linux {}, {}", kernel.trim(), filesystem(&setting.work)?)),
        ("rounds", format!("{}, the median counts", setting.rounds())),
    ];
    if setting.quick {
        about.push(("note", "made with --quick: too few counts for a judgement".to_owned()));
    }
    Ok(about)
}

/// The kind of file system that a folder lies on: a memory disk would make syncs look cheap.
fn filesystem(folder: &Path) -> Outcome<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let kinds = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(place).then_some((place.len(), kind))
    });
    Ok(kinds.max().map_or("an unknown file system", |(_, kind)| kind).to_owned())
}
