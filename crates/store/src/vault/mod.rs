//! The vault: what seals secrets, opens them, and knows the keys.
//!
//! `keyring` reads and writes the file of keys, `seal` is the
//! cryptography of one secret. Rows are the business of `secrets.rs` and
//! `rotation.rs`; this module does no SQL.

mod error;
pub(crate) mod keyring;
mod seal;

use std::sync::Arc;

use parking_lot::RwLock;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_core::Secret;
use zeroize::Zeroizing;

pub use error::VaultError;
pub use keyring::KeySource;
pub(crate) use keyring::{Key, KeyFile};
pub use seal::{Destination, Purpose, SealContext, Sealed};

/// Seals and opens secrets with the keys of one keyring.
pub struct Vault {
    file: KeyFile,
    random: SystemRandom,
    /// The first is the one that seals. Keys that a rotation has retired stay
    /// until the process ends, for readers that hold a row from before.
    keys: RwLock<Vec<Arc<Key>>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("keyring", &self.file.path()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens the keyring, or makes one when nothing was ever sealed (`used` is
    /// empty) and the file is ours to make. Tells whether it made one.
    pub(crate) fn start(file: KeyFile, used: &[String], now_ms: i64) -> Result<(Self, bool), VaultError> {
        let random = SystemRandom::new();
        let (keys, created) = match file.load()? {
            Some(keys) => (keys, false),
            None if used.is_empty() && file.source().writable() => (file.create(&random, now_ms)?, true),
            None => return Err(VaultError::KeyringMissing { path: file.path().to_owned() }),
        };
        let missing: Vec<String> =
            used.iter().filter(|id| keys.iter().all(|key| key.id() != *id)).cloned().collect();
        if !missing.is_empty() {
            return Err(VaultError::NoMatchingKey { path: file.path().to_owned(), missing });
        }
        Ok((Self { file, random, keys: RwLock::new(keys) }, created))
    }

    pub(crate) const fn file(&self) -> &KeyFile {
        &self.file
    }

    pub(crate) const fn random(&self) -> &SystemRandom {
        &self.random
    }

    /// The key that seals from now on.
    pub(crate) fn current(&self) -> Arc<Key> {
        Arc::clone(self.keys.read().first().expect("a keyring without keys is refused when it is read"))
    }

    /// Takes the keys of the file as they are now; the first of them seals.
    pub(crate) fn adopt(&self, keys: Vec<Arc<Key>>) {
        let mut known = self.keys.write();
        let retired = std::mem::replace(&mut *known, keys);
        for key in retired {
            if known.iter().all(|kept| kept.id() != key.id()) {
                known.push(key);
            }
        }
    }

    fn find(&self, id: &str) -> Option<Arc<Key>> {
        self.keys.read().iter().find(|key| key.id() == id).cloned()
    }

    /// The key of this name. Another process may have rotated since we read
    /// the file, so an unknown name is looked up there once more; what seals
    /// stays as it is.
    fn key(&self, id: &str) -> Result<Arc<Key>, VaultError> {
        if let Some(key) = self.find(id) {
            return Ok(key);
        }
        let keys = self.file.load().ok().flatten().unwrap_or_default();
        let key = keys.into_iter().find(|key| key.id() == id).ok_or(VaultError::NotAuthentic)?;
        self.keys.write().push(Arc::clone(&key));
        Ok(key)
    }

    /// Seals a secret for its place; also tells the key that was used.
    pub fn seal(
        &self,
        context: &SealContext<'_>,
        secret: &Secret<Vec<u8>>,
    ) -> Result<(String, Sealed), VaultError> {
        let key = self.current();
        let sealed = seal::seal(&self.random, &key, context, secret.expose())?;
        Ok((key.id().to_owned(), sealed))
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, context: &SealContext<'_>, sealed: &Sealed) -> Result<Secret<Vec<u8>>, VaultError> {
        let key = self.key(seal::key_id_of(&sealed.wrapped_key)?)?;
        seal::open(&key, context, sealed)
    }

    /// Wraps a sealed secret's data key under another key of the keyring.
    pub(crate) fn rewrap(
        &self,
        context: &SealContext<'_>,
        wrapped_key: &[u8],
        new: &Key,
    ) -> Result<Vec<u8>, VaultError> {
        let old = self.key(seal::key_id_of(wrapped_key)?)?;
        seal::rewrap(&self.random, &old, new, context, wrapped_key)
    }
}

/// The key under which inputs of idempotent calls are fingerprinted, and from
/// which the keys of waiting events are derived. It is sealed itself, so that a
/// rotation changes what protects them.
#[derive(Clone)]
pub(crate) struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// Random bytes for a new key, to be sealed.
    pub(crate) fn generate(random: &SystemRandom) -> Result<Secret<Vec<u8>>, VaultError> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        random.fill(&mut bytes).map_err(|_| VaultError::Random)?;
        Ok(Secret::new(std::mem::take(&mut *bytes)))
    }

    pub(crate) fn new(bytes: &Secret<Vec<u8>>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()))
    }

    /// HMAC-SHA256 over the parts, each with its length before it.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }

    /// Seals a text for a place. Each place has a key of its own, derived from
    /// this one, so that no key is ever used so often that nonces could meet.
    pub(crate) fn seal(&self, place: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (key, data) = self.derive(place);
        seal::seal_with(&SystemRandom::new(), &key, data, plain)
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (key, data) = self.derive(place);
        seal::open_with(&key, data, sealed)
    }

    /// The key of a place, and the additional data that names it: a digest too,
    /// under another word, so that it tells nothing of the key.
    fn derive(&self, place: &[&[u8]]) -> (Zeroizing<[u8; 32]>, Vec<u8>) {
        let of = |word: &[u8]| {
            let parts: Vec<&[u8]> = std::iter::once(word).chain(place.iter().copied()).collect();
            self.sign(&parts)
        };
        let mut key = Zeroizing::new([0; 32]);
        let derived = Zeroizing::new(of(b"derived key"));
        key.copy_from_slice(&derived);
        (key, of(b"derived place"))
    }
}
