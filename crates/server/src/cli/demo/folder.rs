//! The demo's folder: made anew each time, and never somebody else's.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cli::Failure;

/// Says that a folder is a demo's, and may be removed by the next one.
const MARK: &str = ".made-by-tidegate-demo";

/// The bucket of the demo.
pub const BUCKET: &str = "demo-bucket";

/// The folder that everything of the demo lies in.
pub struct Folder(PathBuf);

impl Folder {
    /// Removes what an earlier demo left, and makes the folder with an empty bucket.
    ///
    /// # Errors
    /// A folder of that name that no demo has made is left alone.
    pub fn fresh(path: &Path) -> Result<Self, Failure> {
        if path.exists() {
            if !path.join(MARK).exists() {
                return Err(Failure::new(format!(
                    "{} exists, and no demo has made it: move it away, or run the demo elsewhere",
                    path.display()
                )));
            }
            std::fs::remove_dir_all(path).map_err(|error| {
                Failure::new(format!("cannot remove the old {}: {error}", path.display()))
            })?;
        }
        let make = || -> std::io::Result<PathBuf> {
            std::fs::create_dir_all(path)?;
            std::fs::write(path.join(MARK), "")?;
            std::fs::DirBuilder::new().mode(0o700).create(path.join("data"))?;
            std::fs::create_dir_all(path.join("data/s3").join(BUCKET))?;
            path.canonicalize()
        };
        let path =
            make().map_err(|error| Failure::new(format!("cannot make {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of the demo's bucket.
    pub fn bucket(&self) -> PathBuf {
        self.0.join("data/s3").join(BUCKET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demos_own_folder_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tidegate-demo");
        std::fs::create_dir(&path).expect("made");
        std::fs::write(path.join("thesis.txt"), "years of work").expect("written");
        assert!(Folder::fresh(&path).is_err());
        assert!(path.join("thesis.txt").exists());

        std::fs::write(path.join(MARK), "").expect("written");
        let folder = Folder::fresh(&path).expect("a demo's own folder");
        assert!(!path.join("thesis.txt").exists() && folder.bucket().is_dir());
    }
}
