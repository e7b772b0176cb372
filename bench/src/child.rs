//! Programs that the bench starts, and what the kernel says about them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::Outcome;

/// How long a program may take until it is ready, and until it has ended.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to start.
pub struct Program<'a> {
    /// The program.
    pub path: &'a Path,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment, but for `PATH` and `HOME`.
    pub env: Vec<(&'static str, OsString)>,
    /// Its working folder.
    pub folder: &'a Path,
    /// Where its stderr goes.
    pub log: &'a Path,
    /// What its ready line begins with; the rest of the line is its address.
    pub ready: &'static str,
}

/// A running program. It is killed when this value is dropped.
pub struct Child {
    child: std::process::Child,
    /// What followed the ready word: its URL.
    pub url: String,
    /// Its process id.
    pub pid: u32,
    /// When it was started.
    pub started: Instant,
}

impl Child {
    /// Starts a program and waits for its ready line.
    pub async fn start(program: &Program<'_>) -> Outcome<Self> {
        let name = program.path.display();
        let mut command = Command::new(program.path);
        command.args(&program.arguments).current_dir(program.folder).env_clear();
        for kept in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.envs(program.env.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(program.log)?);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{name} does not start: {error}"))?;
        let pid = child.id();
        let mut this = Self { child, url: String::new(), pid, started };
        let stdout = this.child.stdout.take().ok_or("it has no stdout")?;
        let (sender, url) = oneshot::channel();
        let ready = program.ready;
        // The thread reads on to the end, so that the program never writes into a closed or a full pipe.
        std::thread::spawn(move || {
            let mut sender = Some(sender);
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix(ready)
                    && let Some(sender) = sender.take()
                {
                    // Nobody waits any more once the time is up.
                    let _ = sender.send(url.trim().to_owned());
                }
            }
        });
        let url =
            timeout(PATIENCE, url).await.map_err(|_| format!("{name} is not ready after {PATIENCE:?}"))?;
        this.url = url.map_err(|_| format!("{name} has ended:\n{}", tail(program.log)))?;
        Ok(this)
    }

    /// Host and port of its address.
    pub fn authority(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// The port of its address.
    pub fn port(&self) -> Outcome<u16> {
        let port = self.authority().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(port.ok_or_else(|| format!("{} names no port", self.url))?)
    }

    /// A figure of `/proc/PID/status` in MiB: `VmRSS` is the memory now, `VmHWM` the most there was.
    pub fn memory(&self, name: &str) -> Outcome<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        Ok(memory(&text, name).ok_or_else(|| format!("no {name} in /proc/{}/status", self.pid))?)
    }

    /// The processor time it has used.
    pub fn processor_time(&self) -> Outcome<Duration> {
        processor_time(&self.pid.to_string())
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) -> Outcome<()> {
        // The standard library can only kill; SIGTERM lets the server end in order.
        let asked = Command::new("kill").arg(self.pid.to_string()).status()?;
        if !asked.success() {
            return Err(format!("process {} could not be told to end", self.pid).into());
        }
        let told = Instant::now();
        while self.child.try_wait()?.is_none() {
            if told.elapsed() > PATIENCE {
                return Err(format!("process {} does not end", self.pid).into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It has ended already, or the bench has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time that a process has used; `self` is this one.
pub fn processor_time(process: &str) -> Outcome<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    Ok(ticks(&text).ok_or("/proc tells no processor time")?)
}

/// Linux counts 100 ticks a second towards programs, whatever it does inside.
fn ticks(stat: &str) -> Option<Duration> {
    // The name, which may hold anything, ends at the last parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

fn memory(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// The end of a log.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_an_awkward_name() {
        let stat = "42 (a (b) 1 2) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 9";
        assert_eq!(ticks(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn memory_is_read_by_its_whole_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1536 kB\n";
        assert_eq!(memory(status, "VmHWM"), Some(2.0));
        assert_eq!(memory(status, "VmRSS"), Some(1.5));
        assert_eq!(memory(status, "Vm"), None);
    }
}
