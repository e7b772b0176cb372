//! Sealing one secret: a fresh data key encrypts it, a key of the keyring
//! encrypts ("wraps") the data key, and both name the place they belong to.
//!
//! ```text
//! wrapped key   format (1) · length of key id (1) · key id · nonce (12) · data key (32) · tag (16)
//! body          format (1) · nonce (12) · secret · tag (16)
//! ```

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_core::{AccountId, Secret};
use zeroize::Zeroizing;

use super::error::VaultError;
use super::keyring::Key;

/// The only format so far: AES-256-GCM for both parts.
const FORMAT: u8 = 1;
/// Bytes of an AES-256 key.
pub(super) const KEY_LEN: usize = 32;

/// What kind of secret a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The credentials of a connection.
    Connection,
    /// The secret part of an access key.
    AccessKey,
    /// The hash of the password of a user of the console.
    ConsoleUser,
    /// A key that the store itself uses, such as the one of the fingerprints.
    Internal,
}

impl Purpose {
    /// The spelling in the store and in the additional data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::AccessKey => "access-key",
            Self::ConsoleUser => "console-user",
            Self::Internal => "internal",
        }
    }

    /// Reads the store's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Connection, Self::AccessKey, Self::ConsoleUser, Self::Internal]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
    }
}

/// Where a secret may be sent, as a digest of the caller's canonical text.
///
/// The digest and not the text is bound, because the row keeps it: a rotation
/// must name the same place without knowing the connection's properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination([u8; 32]);

impl Destination {
    /// The destination that a canonical text describes.
    pub fn of(binding: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, binding.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes a stored digest; `None` when it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// The place a sealed secret belongs to. All of it is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct SealContext<'a> {
    /// What kind of secret it is.
    pub purpose: Purpose,
    /// The account that owns it.
    pub account: &'a AccountId,
    /// The name of the thing it belongs to, such as the connection's.
    pub owner: &'a str,
    /// The identifier of that thing's row, which no later row of the name has.
    pub owner_id: &'a str,
    /// The version, from 1.
    pub version: u32,
    /// Where it may be sent.
    pub destination: Destination,
}

impl SealContext<'_> {
    /// The additional data: every part with its length before it, so that no
    /// two different places have the same encoding.
    fn encode(&self, part: &str, key_id: &str) -> Vec<u8> {
        let version = self.version.to_be_bytes();
        let parts: [&[u8]; 9] = [
            part.as_bytes(),
            &[FORMAT],
            self.purpose.as_str().as_bytes(),
            self.account.as_str().as_bytes(),
            self.owner.as_bytes(),
            self.owner_id.as_bytes(),
            &version,
            self.destination.as_bytes(),
            key_id.as_bytes(),
        ];
        let mut data = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }

    fn wrap_data(&self, key_id: &str) -> Vec<u8> {
        self.encode("tidegate wrapped key", key_id)
    }

    /// The body does not name the keyring's key, because a rotation changes
    /// that key and leaves the body as it is.
    fn body_data(&self) -> Vec<u8> {
        self.encode("tidegate body", "")
    }
}

/// A sealed secret, as a row keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The data key under a key of the keyring, which it names.
    pub wrapped_key: Vec<u8>,
    /// The secret under the data key.
    pub body: Vec<u8>,
}

/// The identifier of the keyring's key that a wrapped key names.
pub(super) fn key_id_of(wrapped_key: &[u8]) -> Result<&str, VaultError> {
    split(wrapped_key).map(|(key_id, _)| key_id)
}

fn split(wrapped_key: &[u8]) -> Result<(&str, &[u8]), VaultError> {
    let [FORMAT, length, rest @ ..] = wrapped_key else {
        return Err(VaultError::NotAuthentic);
    };
    let (key_id, rest) = rest.split_at_checked(usize::from(*length)).ok_or(VaultError::NotAuthentic)?;
    Ok((std::str::from_utf8(key_id).map_err(|_| VaultError::NotAuthentic)?, rest))
}

/// Seals a secret for its place under a key of the keyring.
pub(super) fn seal(
    random: &SystemRandom,
    key: &Key,
    context: &SealContext<'_>,
    secret: &[u8],
) -> Result<Sealed, VaultError> {
    let mut data_key = Zeroizing::new([0; KEY_LEN]);
    random.fill(data_key.as_mut()).map_err(|_| VaultError::Random)?;
    let body = encrypt(random, &data_key, context.body_data(), secret, vec![FORMAT])?;
    Ok(Sealed { wrapped_key: wrap(random, key, context, &data_key)?, body })
}

/// Opens what was sealed for this place.
pub(super) fn open(
    key: &Key,
    context: &SealContext<'_>,
    sealed: &Sealed,
) -> Result<Secret<Vec<u8>>, VaultError> {
    let data_key = unwrap(key, context, &sealed.wrapped_key)?;
    let [FORMAT, body @ ..] = sealed.body.as_slice() else {
        return Err(VaultError::NotAuthentic);
    };
    let mut plain = Zeroizing::new(Vec::new());
    decrypt(&data_key, context.body_data(), body, &mut plain)?;
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

/// Wraps the data key of a sealed secret anew, under another key.
pub(super) fn rewrap(
    random: &SystemRandom,
    old: &Key,
    new: &Key,
    context: &SealContext<'_>,
    wrapped_key: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let data_key = unwrap(old, context, wrapped_key)?;
    wrap(random, new, context, &data_key)
}

/// Seals what has a key of its own, for a place that is told by `data`.
pub(super) fn seal_with(
    random: &SystemRandom,
    key: &[u8; KEY_LEN],
    data: Vec<u8>,
    plain: &[u8],
) -> Result<Vec<u8>, VaultError> {
    encrypt(random, key, data, plain, vec![FORMAT])
}

/// Opens what [`seal_with`] sealed for the same place.
pub(super) fn open_with(key: &[u8; KEY_LEN], data: Vec<u8>, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
    let [FORMAT, body @ ..] = sealed else {
        return Err(VaultError::NotAuthentic);
    };
    let mut plain = Vec::new();
    decrypt(key, data, body, &mut plain)?;
    Ok(plain)
}

fn wrap(
    random: &SystemRandom,
    key: &Key,
    context: &SealContext<'_>,
    data_key: &[u8; KEY_LEN],
) -> Result<Vec<u8>, VaultError> {
    let length = u8::try_from(key.id().len()).expect("a key id has 17 characters");
    let mut head = vec![FORMAT, length];
    head.extend_from_slice(key.id().as_bytes());
    encrypt(random, key.bytes(), context.wrap_data(key.id()), data_key, head)
}

fn unwrap(
    key: &Key,
    context: &SealContext<'_>,
    wrapped_key: &[u8],
) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
    let (key_id, rest) = split(wrapped_key)?;
    let mut plain = Zeroizing::new(Vec::new());
    decrypt(key.bytes(), context.wrap_data(key_id), rest, &mut plain)?;
    let bytes: &[u8; KEY_LEN] = plain.as_slice().try_into().map_err(|_| VaultError::NotAuthentic)?;
    Ok(Zeroizing::new(*bytes))
}

fn cipher(key: &[u8; KEY_LEN]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes"))
}

/// Appends nonce, ciphertext and tag to `head`.
fn encrypt(
    random: &SystemRandom,
    key: &[u8; KEY_LEN],
    data: Vec<u8>,
    plain: &[u8],
    mut head: Vec<u8>,
) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce).map_err(|_| VaultError::Random)?;
    head.reserve_exact(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    head.extend_from_slice(&nonce);
    let start = head.len();
    head.extend_from_slice(plain);
    let tag = cipher(key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(&data),
            head.get_mut(start..).expect("the head ends where the secret starts"),
        )
        .map_err(|_| VaultError::BadSecret)?;
    head.extend_from_slice(tag.as_ref());
    Ok(head)
}

/// Reads nonce, ciphertext and tag; what they hold ends up in `plain`.
fn decrypt(key: &[u8; KEY_LEN], data: Vec<u8>, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), VaultError> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(VaultError::NotAuthentic)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::NotAuthentic)?;
    plain.extend_from_slice(rest);
    let length = cipher(key)
        .open_in_place(nonce, Aad::from(&data), plain)
        .map_err(|_| VaultError::NotAuthentic)?
        .len();
    plain.truncate(length);
    Ok(())
}

#[cfg(test)]
mod tests;
