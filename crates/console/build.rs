//! Builds the npm project in `console/`, compresses its files, and writes the table of them.
//!
//! `TIDEGATE_CONSOLE=off` embeds a page that says how to get the console; `on` ends the build where
//! the console cannot be made; without the variable the page is taken then, with a warning.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

/// The oldest Node that builds the console.
const NODE: u32 = 20;

/// What the console is built from, in its folder.
const INPUTS: [&str; 8] = [
    "src",
    "build",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
];

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The forms of one file, each one as a path to embed.
#[derive(Default)]
struct Forms {
    content_type: &'static str,
    etag: String,
    plain: Option<PathBuf>,
    brotli: Option<PathBuf>,
    gzip: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let own = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let console = own.join("../../console");
    let inputs = INPUTS.iter().map(|name| console.join(name)).filter(|path| path.exists());
    for path in inputs.chain([own.join("build.rs"), own.join("compress.mjs"), own.join("static")]) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-env-changed=TIDEGATE_CONSOLE");

    let mut table = own_files(&own.join("static"), &console)?;
    let built = match std::env::var("TIDEGATE_CONSOLE").as_deref() {
        Ok("off") => false,
        Ok("on") => {
            build(&console, &out, &own).map_err(|error| format!("TIDEGATE_CONSOLE=on, but {error}"))?;
            true
        }
        Ok("" | "auto") | Err(_) => match build(&console, &out, &own) {
            Ok(()) => true,
            Err(error) => {
                let text = error.to_string().replace('\n', " | ");
                println!("cargo::warning=This build has no console: {text}");
                println!("cargo::warning=TIDEGATE_CONSOLE=on builds it or says why not, off is quiet.");
                false
            }
        },
        Ok(other) => return Err(format!("TIDEGATE_CONSOLE is on, off or auto, not '{other}'").into()),
    };
    if built {
        add_built(&mut table, &out.join("dist"), &out.join("compressed"))?;
    } else {
        table.insert("/".to_owned(), plain(&own.join("static/missing.html"))?);
    }
    if !table.contains_key("/") {
        return Err("the console was built, but has no index.html".into());
    }
    fs::write(out.join("table.rs"), source(built, &table))?;
    Ok(())
}

/// The files that are there with or without the console.
fn own_files(folder: &Path, console: &Path) -> Result<BTreeMap<String, Forms>> {
    let icon = console.join("src/icon.svg");
    let files = [
        ("/oauth/callback", folder.join("callback.html")),
        ("/oauth/callback.js", folder.join("callback.js")),
        ("/pages.css", folder.join("pages.css")),
        ("/icon.svg", icon.clone()),
        // Some programs ask for this name whatever the page says.
        ("/favicon.ico", icon),
    ];
    files.into_iter().map(|(path, file)| Ok((path.to_owned(), plain(&file)?))).collect()
}

fn plain(file: &Path) -> Result<Forms> {
    let file = file.canonicalize().map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Forms {
        content_type: content_type(&file)?,
        etag: etag(&fs::read(&file)?),
        plain: Some(file),
        ..Forms::default()
    })
}

/// Makes `dist` and `compressed` in the output folder.
fn build(console: &Path, out: &Path, own: &Path) -> Result<()> {
    check_tools()?;
    // Builds of other target folders at the same time share node_modules.
    let lock = fs::File::create(console.join(".build.lock"))?;
    lock.lock()?;
    install(console)?;
    let vite = console.join("node_modules/vite/bin/vite.js");
    let (dist, compressed) = (out.join("dist"), out.join("compressed"));
    let mut command = Command::new("node");
    command.arg(vite).arg("build").arg("--outDir").arg(&dist).args(["--emptyOutDir", "--logLevel", "warn"]);
    succeed(command.current_dir(console).env("NODE_ENV", "production"), "building the console")?;
    drop(lock);
    if compressed.exists() {
        fs::remove_dir_all(&compressed)?;
    }
    let mut command = Command::new("node");
    succeed(command.arg(own.join("compress.mjs")).args([&dist, &compressed]), "compressing the console")?;
    Ok(())
}

fn check_tools() -> Result<()> {
    let needed = format!("the console needs Node {NODE} or newer with npm");
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let node = version("node").ok_or_else(|| format!("{needed}, and there is no node"))?;
    let major = node.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) {
        return Err(format!("{needed}, and node is {node}").into());
    }
    version("npm").ok_or_else(|| format!("{needed}, and there is no npm"))?;
    Ok(())
}

/// Installs the packages of `package-lock.json`, unless they are there already: a stamp says so, or
/// npm's own record of what it installed is younger than the lock file.
fn install(console: &Path) -> Result<()> {
    let (lock, modules) = (console.join("package-lock.json"), console.join("node_modules"));
    let stamp = modules.join(".tidegate-stamp");
    let wanted = etag(&fs::read(&lock)?);
    let time = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    let by_hand = time(&modules.join(".package-lock.json")) > time(&lock);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) || by_hand {
        return Ok(());
    }
    let options =
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    // The packages that build it are development packages, whatever NODE_ENV says outside.
    let mut command = Command::new("npm");
    command.args(options).arg("--include=dev").current_dir(console);
    succeed(&mut command, "installing the console's packages")?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Runs a command; what it said is the error if it fails.
fn succeed(command: &mut Command, doing: &str) -> Result<Output> {
    let output = command.output().map_err(|error| format!("{doing} failed: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = last[last.len().saturating_sub(12)..].join("\n");
    Err(format!("{doing} failed ({}):\n{last}", output.status).into())
}

fn add_built(table: &mut BTreeMap<String, Forms>, dist: &Path, compressed: &Path) -> Result<()> {
    let mut folders = vec![dist.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let file = entry?.path();
            if file.is_dir() {
                folders.push(file);
                continue;
            }
            let name = file.strip_prefix(dist)?.to_str().ok_or("a file's name is not UTF-8")?;
            let form = |ending: &str| Some(compressed.join(format!("{name}.{ending}")));
            let forms = Forms {
                content_type: content_type(&file)?,
                etag: etag(&fs::read(&file)?),
                plain: None,
                brotli: form("br"),
                gzip: form("gz"),
            };
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            table.insert(path, forms);
        }
    }
    Ok(())
}

fn content_type(file: &Path) -> Result<&'static str> {
    Ok(match file.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => return Err(format!("build.rs knows no content type for {}: add it", file.display()).into()),
    })
}

/// Tells one content from another; nobody gains from two that look the same.
fn etag(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    format!("{:016x}", hasher.finish())
}

/// The Rust source of the table, in the order of the paths.
fn source(built: bool, table: &BTreeMap<String, Forms>) -> String {
    let mut text = format!("const AVAILABLE: bool = {built};\nstatic ASSETS: &[Asset] = &[\n");
    for (path, forms) in table {
        let etag = format!("\"{}\"", forms.etag);
        let bytes = |path: &Option<PathBuf>| match path {
            Some(path) => format!("Some(include_bytes!({:?}))", path.display().to_string()),
            None => "None".to_owned(),
        };
        let _ = writeln!(
            text,
            "    Asset {{ path: {path:?}, content_type: {:?}, etag: {etag:?}, immutable: {}, plain: {}, brotli: {}, gzip: {} }},",
            forms.content_type,
            path.starts_with("/assets/"),
            bytes(&forms.plain),
            bytes(&forms.brotli),
            bytes(&forms.gzip),
        );
    }
    text.push_str("];\n");
    text
}
