//! What can go wrong in the vault. No text holds a key or a secret.

use std::path::PathBuf;

/// A failure of the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The sealed data is not what was sealed for this place: a byte changed,
    /// it comes from another row or version, it was given for another
    /// destination, or its key is unknown.
    #[error("the sealed data does not belong here or has been changed")]
    NotAuthentic,
    /// There is no keyring although one is needed.
    #[error("there is no keyring at {}; restore it from your copy, the sealed credentials cannot be read without it", path.display())]
    KeyringMissing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The keyring lacks keys that sealed rows name.
    #[error("the keyring {} does not hold the key(s) {} that sealed this database; restore the keyring that belongs to it", path.display(), missing.join(", "))]
    NoMatchingKey {
        /// The keyring.
        path: PathBuf,
        /// The identifiers of the keys that are missing.
        missing: Vec<String>,
    },
    /// Others than the owner may read the keyring.
    #[error("the keyring {0} can be read by others than its owner; run: chmod 600 {0}", path.display())]
    KeyringMode {
        /// The keyring.
        path: PathBuf,
    },
    /// The keyring could not be read or written.
    #[error("cannot {action} the keyring {}", path.display())]
    KeyringFile {
        /// What was tried, as a verb.
        action: &'static str,
        /// The keyring.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A line of the keyring is not a key.
    #[error("line {line} of the keyring {} is not a 32-byte key", path.display())]
    KeyringLine {
        /// The keyring.
        path: PathBuf,
        /// From 1; 0 when the file holds no key at all.
        line: usize,
    },
    /// A rotation needs a new key, and this source of keys is not ours to write.
    #[error("put the new key on the first line of {}, leave the old key below it, and rotate again", path.display())]
    NoNewKey {
        /// The file of keys.
        path: PathBuf,
    },
    /// The secret is too large or not of the form that its place needs.
    #[error("the secret does not have the form that its place needs")]
    BadSecret,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random,
}
