//! Signing keys: derived from a secret access key for one day, region and
//! service, and kept so that the next request of that day is cheap.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::canonical::TERMINATOR;

/// Keys kept for one access key: around midnight, clients whose clocks differ
/// sign for two days at once.
const KEPT_PER_ACCESS_KEY: usize = 2;

/// What a signing key is derived for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    /// The day, `YYYYMMDD` in UTC.
    pub date: &'a str,
    /// The region, such as `us-east-1`.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, region, service } = self;
        write!(f, "{date}/{region}/{service}/{TERMINATOR}")
    }
}

/// The key that signs requests of one access key within one scope.
pub(super) struct SigningKey(hmac::Key);

impl SigningKey {
    /// Derives the key: four HMACs, each one keyed with the one before.
    pub(super) fn derive(secret: &str, scope: &Scope<'_>) -> Self {
        let seed = Zeroizing::new([b"AWS4", secret.as_bytes()].concat());
        let steps = [scope.date, scope.region, scope.service, TERMINATOR];
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
        for step in steps {
            let tag = hmac::sign(&key, step.as_bytes());
            key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
        }
        Self(key)
    }

    /// Signs a string to sign; the result is the signature in hex.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(hmac::sign(&self.0, string_to_sign.as_bytes()))
    }

    /// Tells in constant time whether `signature` is the right one.
    pub(super) fn verify(&self, string_to_sign: &str, signature: &[u8]) -> bool {
        hmac::verify(&self.0, string_to_sign.as_bytes(), signature).is_ok()
    }
}

/// Derived keys by access key id and day.
///
/// It holds keys that have verified a signature only, at most two for an
/// access key, so strangers cannot make it grow. An entry answers only for the
/// secret it was derived from: after a change of the secret the old one is
/// useless even if nobody called [`SigningKeyCache::forget`].
#[derive(Default)]
pub struct SigningKeyCache {
    entries: RwLock<HashMap<Box<str>, Vec<Entry>>>,
}

struct Entry {
    date: Box<str>,
    region: Box<str>,
    service: Box<str>,
    /// SHA-256 of the secret: the cache keeps no secret in clear.
    secret: [u8; 32],
    key: Arc<SigningKey>,
}

impl Entry {
    fn is_for(&self, scope: &Scope<'_>) -> bool {
        *self.date == *scope.date && *self.region == *scope.region && *self.service == *scope.service
    }
}

impl SigningKeyCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops what is kept for an access key, for when it is disabled or its
    /// secret changed.
    pub fn forget(&self, access_key_id: &str) {
        self.entries.write().remove(access_key_id);
    }

    /// The kept key, if there is one for exactly this secret and scope.
    pub(super) fn get(
        &self,
        access_key_id: &str,
        secret: &str,
        scope: &Scope<'_>,
    ) -> Option<Arc<SigningKey>> {
        let entries = self.entries.read();
        let entry = entries.get(access_key_id)?.iter().find(|entry| entry.is_for(scope))?;
        (entry.secret == fingerprint(secret)).then(|| Arc::clone(&entry.key))
    }

    /// Keeps a key, in place of an older one if there are too many.
    pub(super) fn put(&self, access_key_id: &str, secret: &str, scope: &Scope<'_>, key: Arc<SigningKey>) {
        let entry = Entry {
            date: scope.date.into(),
            region: scope.region.into(),
            service: scope.service.into(),
            secret: fingerprint(secret),
            key,
        };
        let mut entries = self.entries.write();
        let kept = entries.entry(access_key_id.into()).or_default();
        kept.retain(|old| !old.is_for(scope));
        if kept.len() >= KEPT_PER_ACCESS_KEY {
            kept.remove(0);
        }
        kept.push(entry);
    }

    /// How many keys are kept in all.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.read().values().map(Vec::len).sum()
    }
}

/// Tells whether two secrets are the same. Hashes are compared instead of the
/// secrets, so the time it takes says nothing about where they differ.
pub(super) fn same(a: &str, b: &str) -> bool {
    fingerprint(a) == fingerprint(b)
}

fn fingerprint(secret: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}
