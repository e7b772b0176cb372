//! Access keys: who may call the API. They live sealed in the vault; the ones
//! in use are kept opened in memory, because every request needs one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_core::{AccountId, Secret};
use tidegate_store::keys::OpenAccessKey;
use tidegate_store::{KeyKind, NewAccessKey, Revoked, Store, StoreError};

use crate::error::ApiError;
use crate::http::sigv4::{AccessKey, Session, SigningKeyCache};

/// Letters of an access key id, as AWS's have them (base 32).
const ID_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of a secret access key. It has 64 of them, so each holds six bits.
const SECRET_LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// How many keys a session has at once: each open tab of a browser needs one.
const PER_SESSION: u32 = 20;

/// A key that is lent to a session.
pub struct Lent {
    /// `AWS_ACCESS_KEY_ID`
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: Secret<String>,
    /// `AWS_SESSION_TOKEN`
    pub token: Secret<String>,
}

/// An opened access key.
pub struct AccessKeyEntry(OpenAccessKey);

impl AccessKeyEntry {
    /// The key for the signature's verification.
    pub fn as_access_key(&self) -> AccessKey<'_> {
        let session = self.0.session_token.as_ref().map(|token| Session {
            token: token.expose(),
            expires_at: self
                .0
                .key
                .expires_at_ms
                .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
                .unwrap_or(jiff::Timestamp::MAX),
        });
        AccessKey { secret: self.0.secret.expose(), session }
    }

    /// Whether it is the root key.
    pub fn is_root(&self) -> bool {
        self.0.key.kind == KeyKind::Root
    }

    /// The session that it is lent to; it counts together with its cookie only.
    pub fn session_id(&self) -> Option<&str> {
        self.0.key.session_id.as_deref()
    }
}

/// The access keys of one account.
pub struct Keys {
    store: Store,
    account: AccountId,
    opened: RwLock<Opened>,
    /// Derived signing keys.
    pub signing: SigningKeyCache,
}

/// The keys in use. A key that was read before a change is not kept after it,
/// or a disabled key could come back to life.
#[derive(Default)]
struct Opened {
    keys: HashMap<String, Arc<AccessKeyEntry>>,
    changes: u64,
}

impl Keys {
    /// The keys of an account.
    pub fn new(store: Store, account: AccountId) -> Self {
        Self { store, account, opened: RwLock::default(), signing: SigningKeyCache::new() }
    }

    /// The key with this id; `None` if it is unknown or disabled.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<AccessKeyEntry>>, ApiError> {
        let changes = {
            let opened = self.opened.read();
            if let Some(entry) = opened.keys.get(id) {
                return Ok(Some(Arc::clone(entry)));
            }
            opened.changes
        };
        // Unknown ids are not remembered: anybody can send any number of them.
        let found = self.store.access_keys().get(id).await?;
        let Some(key) = found.filter(|key| key.key.enabled && key.key.account == self.account) else {
            return Ok(None);
        };
        let entry = Arc::new(AccessKeyEntry(key));
        let mut opened = self.opened.write();
        if opened.changes == changes {
            opened.keys.insert(id.to_owned(), Arc::clone(&entry));
        }
        Ok(Some(entry))
    }

    /// Makes a new key.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create(&self) -> Result<(String, Secret<String>), ApiError> {
        let (id, secret) = generate()?;
        let key = NewAccessKey {
            id: id.clone(),
            secret: secret.clone(),
            kind: KeyKind::User,
            session_token: None,
            expires_at_ms: None,
        };
        self.store.access_keys().create(&self.account, key).await?;
        Ok((id, secret))
    }

    /// Lends a key to a session; also gives the older ones that it lost.
    /// `None` when the session is over.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lend(
        &self,
        session_id: &str,
        expires_at_ms: i64,
    ) -> Result<Option<(Lent, Revoked)>, ApiError> {
        let (id, secret) = generate()?;
        let (_, token) = generate()?;
        // AWS's temporary keys are told by these letters.
        let lent = Lent { id: id.replacen("AKIA", "ASIA", 1), secret, token };
        let key = NewAccessKey {
            id: lent.id.clone(),
            secret: lent.secret.clone(),
            kind: KeyKind::Session,
            session_token: Some(lent.token.clone()),
            expires_at_ms: Some(expires_at_ms),
        };
        match self.store.sessions(&self.account).lend(session_id, key, PER_SESSION).await {
            Ok(gone) => Ok(Some((lent, gone))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Drops what is kept in memory of keys that are gone from the store.
    pub fn forget(&self, ids: &[String]) {
        let mut opened = self.opened.write();
        opened.changes += 1;
        for id in ids {
            opened.keys.remove(id);
            self.signing.forget(id);
        }
    }

    /// All keys but those of sessions, without their secrets.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self) -> Result<Vec<tidegate_store::AccessKey>, ApiError> {
        Ok(self.store.access_keys().list(&self.account).await?)
    }
}

/// A new access key id and secret, of AWS's lengths and letters.
///
/// # Errors
/// When the machine gives no random bytes.
pub fn generate() -> Result<(String, Secret<String>), ApiError> {
    let random = SystemRandom::new();
    let mut bytes = [0u8; 56];
    random.fill(&mut bytes).map_err(|_| ApiError::internal("the machine gives no random bytes"))?;
    let (for_id, for_secret) = bytes.split_at(16);
    let id = for_id.iter().map(|byte| char::from(ID_LETTERS[usize::from(byte % 32)]));
    let secret: String =
        for_secret.iter().map(|byte| char::from(SECRET_LETTERS[usize::from(byte % 64)])).collect();
    Ok((format!("AKIA{}", id.collect::<String>()), Secret::new(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_key_needs_its_token_and_ends_when_the_store_says() {
        let entry = |kind, token: Option<&str>, expires_at_ms| {
            AccessKeyEntry(OpenAccessKey {
                key: tidegate_store::AccessKey {
                    account: AccountId::new("123456789012"),
                    id: "ASIA1".to_owned(),
                    kind,
                    enabled: true,
                    created_at_ms: 0,
                    expires_at_ms,
                    session_id: None,
                },
                secret: Secret::new("secret".to_owned()),
                session_token: token.map(|token| Secret::new(token.to_owned())),
            })
        };
        let lent = entry(KeyKind::Session, Some("token"), Some(900_000));
        let session = lent.as_access_key().session.expect("it has a token");
        assert_eq!((session.token, session.expires_at.as_millisecond()), ("token", 900_000));
        assert!(entry(KeyKind::User, None, None).as_access_key().session.is_none());
    }

    #[test]
    fn generated_keys_have_the_form_of_awss() {
        let (id, secret) = generate().expect("random bytes");
        assert!(id.starts_with("AKIA") && id.len() == 20, "{id}");
        assert_eq!(secret.expose().len(), 40);
        let (other, other_secret) = generate().expect("random bytes");
        assert!(id != other && secret != other_secret);
    }
}
