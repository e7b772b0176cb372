//! Files and folders that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// The database's file name inside the data folder.
pub(crate) const DATABASE: &str = "tidegate.db";

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { action, path, source }
}

/// Makes the data folder, or closes an existing one of ours to others.
///
/// A folder that holds other people's files and no database of ours keeps its
/// mode: a mistyped `--data-dir` must not lock a home or a temporary folder.
pub(crate) fn private_folder(folder: &Path) -> Result<(), StoreError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|part| !part.exists()).collect();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed("create the data folder", folder))?;
    // A folder that was just made is lost with the power unless the one above
    // it is synced.
    for parent in missing.into_iter().filter_map(Path::parent) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        sync_folder(parent).map_err(failed("sync", parent))?;
    }
    let mode = fs::metadata(folder).map_err(failed("read the data folder", folder))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder).map_err(failed("read the data folder", folder))?;
    if folder.join(DATABASE).exists() || entries.next().is_none() {
        let closed = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder, closed).map_err(failed("set the mode of the data folder", folder))?;
    } else {
        tracing::warn!(folder = %folder.display(), "the data folder holds other files and may be read by others; its mode is left as it is");
    }
    Ok(())
}

/// Makes the database's file with mode 0600 before SQLite opens it; SQLite
/// gives the same mode to the files that it puts beside it.
pub(crate) fn private_database(folder: &Path) -> Result<PathBuf, StoreError> {
    let path = folder.join(DATABASE);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed("open the database", &path))?;
    let mode = file.metadata().map_err(failed("read the mode of", &path))?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed("set the mode of", &path))?;
    }
    for suffix in ["-wal", "-shm"] {
        let beside = folder.join(format!("{DATABASE}{suffix}"));
        if beside.exists() {
            fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))
                .map_err(failed("set the mode of", &beside))?;
        }
    }
    sync_folder(folder).map_err(failed("sync the data folder", folder))?;
    Ok(path)
}

/// Makes a folder's entries durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a private file so that, after a crash at any point, the path holds
/// either what it held before or all of the new content.
///
/// With `replace` unset an existing file wins, and the error kind is `AlreadyExists`.
pub(crate) fn write_private(path: &Path, content: &[u8], replace: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::new_v4().simple()));
    let draft = folder.join(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        io::Write::write_all(&mut file, content)?;
        file.sync_all()?;
        if replace { fs::rename(&draft, path) } else { fs::hard_link(&draft, path) }
    })();
    if !replace || written.is_err() {
        // The draft holds the content too; a failure to remove it is worth no
        // error of its own, because the write has already been decided.
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_folder(folder)
}
