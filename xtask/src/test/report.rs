//! What became of each step.

use std::time::{Duration, Instant};

use super::tools::say;

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub passed: usize,
    pub failed: usize,
    /// Why it counts as failed.
    pub reason: Option<String>,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads the last line of nextest (`3 tests run: 2 passed, 1 failed, 0 skipped`), of pytest
    /// (`1 failed, 2 passed, 1 error in 0.1s`) or of Vitest (`Tests  1 failed | 2 passed (3)`).
    pub(super) fn read(line: &str) -> Option<Self> {
        let plain = without_colour(line);
        let pytest = plain.contains(" in ")
            && plain.trim_matches(['=', ' ']).starts_with(|c: char| c.is_ascii_digit());
        let vitest = plain.trim_start().strip_prefix("Tests  ");
        if !plain.contains("run: ") && !pytest && vitest.is_none() {
            return None;
        }
        let counts =
            vitest.unwrap_or_else(|| plain.rsplit_once("run: ").map_or(&plain, |(_, counts)| counts));
        let mut count = Self::default();
        let mut known = false;
        for part in counts.trim_matches(['=', ' ']).split([',', '|']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next().and_then(|word| word.parse().ok()), words.next())
            else {
                continue;
            };
            let number: usize = number;
            match what {
                "passed" => count.passed += number,
                "failed" | "error" | "errors" | "timed" => count.failed += number,
                _ => continue,
            }
            known = true;
        }
        known.then_some(count)
    }
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

struct Line {
    name: &'static str,
    took: Duration,
    count: Count,
    counted: bool,
}

/// The steps so far.
#[derive(Default)]
pub(super) struct Report(Vec<Line>);

impl Report {
    /// A step that either passes or fails.
    pub(super) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<(), String>) {
        self.timed(name, false, || match work() {
            Ok(()) => Count { passed: 1, ..Count::default() },
            Err(reason) => Count { failed: 1, reason: Some(reason), ..Count::default() },
        });
    }

    /// A step that counts its tests.
    pub(super) fn count(&mut self, name: &'static str, work: impl FnOnce() -> Result<Count, String>) {
        self.timed(name, true, || {
            work().unwrap_or_else(|reason| Count { failed: 1, reason: Some(reason), ..Count::default() })
        });
    }

    /// A step that could not run, which is a failure.
    pub(super) fn skip(&mut self, name: &'static str) {
        self.step(name, || Err("not run: a step that it needs has failed".to_owned()));
    }

    pub(super) fn has_failed(&self, name: &str) -> bool {
        self.0.iter().any(|line| line.name == name && line.count.failed > 0)
    }

    fn timed(&mut self, name: &'static str, counted: bool, work: impl FnOnce() -> Count) {
        say(&format!("\n== {name}"));
        let started = Instant::now();
        let count = work();
        if let Some(reason) = &count.reason {
            say(&format!("{name} FAILED: {reason}"));
        }
        self.0.push(Line { name, took: started.elapsed(), count, counted });
    }

    /// Prints a line a step and gives the last one.
    pub(super) fn end(self) -> Result<String, String> {
        say("");
        let mut total = Count::default();
        for Line { name, took, count, counted } in self.0 {
            let result = match (count.failed, counted) {
                (0, true) => format!("ok, {} tests", count.passed),
                (0, false) => "ok".to_owned(),
                (failed, true) => format!("FAILED: {failed} of {}", failed + count.passed),
                (_, false) => "FAILED".to_owned(),
            };
            say(&format!("{name:<12} {:>7.1} s  {result}", took.as_secs_f64()));
            if let Some(reason) = &count.reason {
                say(&format!("{:<12} {}", "", reason.lines().next().unwrap_or_default()));
            }
            total.add(count);
        }
        let line = format!("{} passed, {} failed", total.passed, total.failed);
        if total.failed == 0 { Ok(line) } else { Err(line) }
    }
}

#[cfg(test)]
mod tests {
    //! The lines of the test runners, and what the report makes of failures.
    use super::*;

    fn counts(line: &str) -> Option<(usize, usize)> {
        Count::read(line).map(|count| (count.passed, count.failed))
    }

    #[test]
    fn the_last_lines_of_the_runners_are_read() {
        for (line, want) in [
            ("     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped", Some((3, 0))),
            (
                "\u{1b}[31m     Summary\u{1b}[0m [ 1.2s] 5 tests run: 2 passed (1 slow), 2 failed, 1 timed out, 0 skipped",
                Some((2, 3)),
            ),
            ("12 passed in 3.45s", Some((12, 0))),
            ("===== 2 failed, 10 passed, 1 skipped, 3 errors in 61.20s (0:01:01) =====", Some((10, 5))),
            ("1 error in 0.10s", Some((0, 1))),
            ("      Tests  12 passed (12)", Some((12, 0))),
            (
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m\u{1b}[2m | \u{1b}[22m\u{1b}[32m3 passed\u{1b}[39m | 2 skipped (6)",
                Some((3, 1)),
            ),
            (" Test Files  1 failed | 2 passed (3)", None),
            ("collected 5 items", None),
            ("3 passed the door", None),
            ("", None),
        ] {
            assert_eq!(counts(line), want, "{line}");
        }
    }

    #[test]
    fn a_failure_fails_the_whole_and_is_counted() {
        let mut report = Report::default();
        report.step("good", || Ok(()));
        assert!(!report.has_failed("good"));
        report.count("tests", || Ok(Count { passed: 5, failed: 2, reason: None }));
        report.step("bad", || Err("why".to_owned()));
        report.skip("later");
        assert!(report.has_failed("tests") && report.has_failed("bad") && report.has_failed("later"));
        assert_eq!(report.end(), Err("6 passed, 4 failed".to_owned()));
    }

    #[test]
    fn all_good_is_good() {
        let mut report = Report::default();
        report.step("a", || Ok(()));
        report.count("b", || Ok(Count { passed: 7, ..Count::default() }));
        assert_eq!(report.end(), Ok("8 passed, 0 failed".to_owned()));
    }
}
