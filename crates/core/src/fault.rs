//! Named points at which a test ends or stops the process, and numbers that a
//! test may want otherwise, to prove what becomes of a run when that happens there.
//!
//! They exist only with the feature `failpoints`, which no default names and
//! no release build asks for: without it each function here is empty. With
//! it, the variable `FAILPOINTS` says what happens where, in the language of
//! the crate `fail`: `run.claimed=2*off->return(end)` ends the process when
//! the point is reached for the third time.

#[cfg(feature = "failpoints")]
mod live {
    /// Reads `FAILPOINTS`; once, at the start of the process.
    pub fn setup() {
        // Dropping the scenario would take the points away again.
        std::mem::forget(fail::FailScenario::setup());
    }

    /// A point at which the process may end.
    pub fn point(name: &str) {
        let _ = told(name);
    }

    /// A number that a test may want to be another one.
    pub fn number(name: &str) -> Option<u64> {
        told(name).and_then(|text| text.parse().ok())
    }

    /// What the point says, if it says anything and lets the process live.
    fn told(name: &str) -> Option<String> {
        let text = fail::eval(name, Option::unwrap_or_default)?;
        match text.as_str() {
            // As `kill -9`: nothing is flushed, dropped or told.
            "end" => std::process::abort(),
            // As a machine that is paused: every thread stands still until somebody sends SIGCONT.
            "stop" => {
                let me = std::process::id().to_string();
                let _ = std::process::Command::new("kill").args(["-STOP", &me]).status();
                // The signal is another thread's to take, which may come to it later than this one goes on.
                std::thread::sleep(std::time::Duration::from_millis(200));
                None
            }
            _ => Some(text),
        }
    }
}

#[cfg(feature = "failpoints")]
pub use live::{number, point, setup};

/// Reads `FAILPOINTS`; once, at the start of the process.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn setup() {}

/// A point at which the process may end.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn point(_name: &str) {}

/// A number that a test may want to be another one.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn number(_name: &str) -> Option<u64> {
    None
}
