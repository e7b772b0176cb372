//! The keys under which data keys are wrapped, and the file that holds them.
//!
//! A file of keys has one key a line, the newest first. A line is either ours
//! (`{"id":"…","key":"base64","created":milliseconds}`) or a bare key in
//! base64 or hex; a file of exactly 32 bytes is one raw key. Empty lines and
//! lines that start with `#` are skipped.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use tidegate_core::Secret;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::seal::KEY_LEN;
use crate::files;

/// The keyring's file name inside the data folder, when nothing else is said.
const BESIDE_THE_DATA: &str = "keyring";
/// The credential's name inside systemd's `$CREDENTIALS_DIRECTORY`.
const SYSTEMD_CREDENTIAL: &str = "tidegate-keyring";

/// One key of the keyring.
pub(crate) struct Key {
    id: String,
    bytes: Secret<[u8; KEY_LEN]>,
    created_at_ms: i64,
}

impl Key {
    fn new(bytes: [u8; KEY_LEN], created_at_ms: i64) -> Self {
        // The identifier is computed from the key, so that the same key has the
        // same name in every file, and a wrong key is recognised by its name.
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"tidegate key id");
        let mut id = hex::encode(tag.as_ref());
        id.truncate(16);
        id.insert(0, 'k');
        Self { id, bytes: Secret::new(bytes), created_at_ms }
    }

    fn generate(random: &SystemRandom, now_ms: i64) -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        random.fill(bytes.as_mut()).map_err(|_| VaultError::Random)?;
        Ok(Self::new(*bytes, now_ms))
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) const fn created_at_ms(&self) -> i64 {
        self.created_at_ms
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        self.bytes.expose()
    }
}

/// Where the keys of the vault come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `<data-dir>/keyring`, made on the first start. A copy of that folder is
    /// then the whole secret, which the server warns about.
    BesideTheData,
    /// A keyring of ours elsewhere, made on the first start.
    Keyring(PathBuf),
    /// A keyring that somebody else provides and that is never written, such
    /// as a systemd credential.
    ReadOnly(PathBuf),
    /// `TIDEGATE_MASTER_KEY_FILE`: one or more keys, the newest first, never written.
    MasterKeyFile(PathBuf),
}

impl KeySource {
    /// Chooses: an explicit keyring, then the master key file, then systemd's
    /// credential `tidegate-keyring` if it is there, then the data folder.
    pub fn choose(
        keyring: Option<PathBuf>,
        master_key_file: Option<PathBuf>,
        credentials_directory: Option<PathBuf>,
    ) -> Self {
        if let Some(path) = keyring {
            return Self::Keyring(path);
        }
        if let Some(path) = master_key_file {
            return Self::MasterKeyFile(path);
        }
        match credentials_directory.map(|folder| folder.join(SYSTEMD_CREDENTIAL)) {
            Some(path) if path.exists() => Self::ReadOnly(path),
            _ => Self::BesideTheData,
        }
    }

    /// The file of keys.
    pub fn path(&self, data_dir: &Path) -> PathBuf {
        match self {
            Self::BesideTheData => data_dir.join(BESIDE_THE_DATA),
            Self::Keyring(path) | Self::ReadOnly(path) | Self::MasterKeyFile(path) => path.clone(),
        }
    }

    /// Whether the file is ours to write.
    pub const fn writable(&self) -> bool {
        matches!(self, Self::BesideTheData | Self::Keyring(_))
    }
}

/// A file of keys.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    source: KeySource,
}

impl KeyFile {
    pub(crate) fn new(source: KeySource, data_dir: &Path) -> Self {
        Self { path: source.path(data_dir), source }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn source(&self) -> &KeySource {
        &self.source
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> VaultError {
        let path = self.path.clone();
        move |source| VaultError::KeyringFile { action, path, source }
    }

    /// Reads the keys, the newest first; `None` when there is no such file.
    pub(crate) fn load(&self) -> Result<Option<Vec<Arc<Key>>>, VaultError> {
        let content = match fs::read(&self.path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read")(error)),
        };
        let mode = fs::metadata(&self.path).map_err(self.failed("read the mode of"))?.permissions().mode();
        if mode & 0o077 != 0 {
            match self.source {
                KeySource::BesideTheData | KeySource::Keyring(_) => {
                    return Err(VaultError::KeyringMode { path: self.path.clone() });
                }
                // Orchestrators mount secrets with modes of their own.
                KeySource::MasterKeyFile(_) => {
                    tracing::warn!(path = %self.path.display(), "the master key file can be read by others than its owner");
                }
                // systemd guards its credentials with access lists, which look like group rights.
                KeySource::ReadOnly(_) => {}
            }
        }
        self.parse(&content).map(Some)
    }

    fn parse(&self, content: &[u8]) -> Result<Vec<Arc<Key>>, VaultError> {
        if let Ok(raw) = <[u8; KEY_LEN]>::try_from(content) {
            return Ok(vec![Arc::new(Key::new(raw, 0))]);
        }
        let bad = |line| VaultError::KeyringLine { path: self.path.clone(), line };
        let text = std::str::from_utf8(content).map_err(|_| bad(1))?;
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = parse_line(line).ok_or_else(|| bad(index + 1))?;
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(Arc::new(key));
            }
        }
        if keys.is_empty() { Err(bad(0)) } else { Ok(keys) }
    }

    /// Makes a keyring with one new key. When another process made one in the
    /// meantime, that one is read instead.
    pub(crate) fn create(&self, random: &SystemRandom, now_ms: i64) -> Result<Vec<Arc<Key>>, VaultError> {
        let keys = vec![Arc::new(Key::generate(random, now_ms)?)];
        match files::write_private(&self.path, &print(&keys), false) {
            Ok(()) => Ok(keys),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.load()?.ok_or_else(|| VaultError::KeyringMissing { path: self.path.clone() })
            }
            Err(error) => Err(self.failed("create")(error)),
        }
    }

    /// Puts a new key before the others, durably, before anything is sealed with it.
    pub(crate) fn add(&self, random: &SystemRandom, now_ms: i64) -> Result<Vec<Arc<Key>>, VaultError> {
        let mut keys = self.load()?.ok_or_else(|| VaultError::KeyringMissing { path: self.path.clone() })?;
        keys.insert(0, Arc::new(Key::generate(random, now_ms)?));
        self.save(&keys)?;
        Ok(keys)
    }

    /// Replaces the keyring by these keys.
    pub(crate) fn save(&self, keys: &[Arc<Key>]) -> Result<(), VaultError> {
        files::write_private(&self.path, &print(keys), true).map_err(self.failed("write"))
    }
}

#[derive(Deserialize)]
struct Line {
    id: String,
    key: Secret<String>,
    #[serde(default)]
    created: i64,
}

fn parse_line(line: &str) -> Option<Key> {
    if !line.starts_with('{') {
        return Some(Key::new(*decode(line)?, 0));
    }
    let line: Line = serde_json::from_str(line).ok()?;
    let key = Key::new(*decode(line.key.expose())?, line.created);
    // A name that is not the key's own means that the line was mangled.
    (key.id == line.id).then_some(key)
}

fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let bytes = if text.len() == 2 * KEY_LEN {
        Zeroizing::new(hex::decode(text).ok()?)
    } else {
        let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
        Zeroizing::new(engines.iter().find_map(|engine| engine.decode(text).ok())?)
    };
    let bytes: &[u8; KEY_LEN] = bytes.as_slice().try_into().ok()?;
    Some(Zeroizing::new(*bytes))
}

fn print(keys: &[Arc<Key>]) -> Zeroizing<Vec<u8>> {
    const HEAD: &str = "# The keys that seal this installation's credentials, the newest first.\n\
                        # Without this file they cannot be read: keep a copy, apart from the data.\n";
    // Reserved in full at once, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(HEAD.len() + 256 * keys.len()));
    text.extend_from_slice(HEAD.as_bytes());
    for key in keys {
        let encoded = Zeroizing::new(STANDARD.encode(key.bytes()));
        for part in [
            r#"{"id":""#,
            &key.id,
            r#"","key":""#,
            encoded.as_str(),
            r#"","created":"#,
            &key.created_at_ms.to_string(),
            "}\n",
        ] {
            text.extend_from_slice(part.as_bytes());
        }
    }
    text
}

#[cfg(test)]
mod tests;
