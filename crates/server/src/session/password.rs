//! Passwords: what is asked of them, and their hashes (Argon2id, as OWASP's
//! Password Storage Cheat Sheet has it: 19 MiB, two passes, one lane).

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_core::Secret;
use tokio::sync::Semaphore;

use crate::error::ApiError;

/// Characters that a password has at least.
const SHORTEST: usize = 12;
/// Bytes that a password has at most.
const LONGEST: usize = 1024;

/// Hashes that are computed at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// How long somebody may wait for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Letters of generated passwords: none that is mistaken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The hash of nothing in particular, of the same cost as all the others: it
/// is checked where there is no user, so that the time does not tell.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$dGlkZWdhdGUtbm9ib2R5$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Computes hashes, a few at once.
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// The hash of a new password, with a salt of its own, as a PHC string.
    ///
    /// # Errors
    /// A password that is too short or too long, or no turn in time.
    pub async fn hash(&self, password: Secret<String>) -> Result<Secret<String>, ApiError> {
        check(&password)?;
        self.in_turn(move || {
            let mut salt = [0u8; 16];
            SystemRandom::new().fill(&mut salt).map_err(|_| ApiError::internal("no random bytes"))?;
            let hash = argon2()?
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map_err(ApiError::internal)?;
            Ok(Secret::new(hash.to_string()))
        })
        .await
    }

    /// Whether a password is the one of a hash. Without a hash it is not, and
    /// that takes as long.
    ///
    /// # Errors
    /// When there was no turn in time.
    pub async fn verify(
        &self,
        password: Secret<String>,
        hash: Option<Secret<String>>,
    ) -> Result<bool, ApiError> {
        self.in_turn(move || {
            let known = hash.is_some();
            let hash = hash.as_ref().map_or(NOBODY, |hash| hash.expose().as_str());
            // What is longer than any password is cut, or hashing it would take longer.
            let given = password.expose().as_bytes();
            let given = &given[..given.len().min(LONGEST + 1)];
            Ok(argon2()?.verify_password(given, hash).is_ok() && known)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = match tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(turn) => turn.map_err(ApiError::internal)?,
            Err(_) => {
                return Err(ApiError::too_many_requests(
                    "Too many people sign in at once. Try again in a moment.",
                ));
            }
        };
        // The turn goes with the work, which nothing stops: who hangs up must not make room for more of it.
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
    }
}

/// Refuses a password that is easily guessed for its length, or absurdly long.
///
/// # Errors
/// What is asked of a password.
pub fn check(password: &Secret<String>) -> Result<(), ApiError> {
    let password = password.expose();
    if password.chars().count() < SHORTEST {
        return Err(ApiError::validation(format!(
            "A password must have at least {SHORTEST} characters. A few words in a row are easy to remember."
        )));
    }
    if password.len() > LONGEST {
        return Err(ApiError::validation(format!("A password must have at most {LONGEST} bytes.")));
    }
    let mut letters = password.chars();
    let first = letters.next();
    if letters.all(|letter| Some(letter) == first) {
        return Err(ApiError::validation("A password must not be one character over and over."));
    }
    if password.chars().all(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(ApiError::validation(
            "A password must not be made of blanks and control characters alone.",
        ));
    }
    Ok(())
}

/// A new password of 100 random bits, in groups that can be copied by hand.
///
/// # Errors
/// When the machine gives no random bytes.
pub fn generate() -> Result<Secret<String>, ApiError> {
    let mut bytes = [0u8; 20];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ApiError::internal("no random bytes"))?;
    let mut text = String::with_capacity(23);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(Secret::new(text))
}

fn argon2() -> Result<Argon2<'static>, ApiError> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(ApiError::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_alone_and_has_its_own_salt() {
        let passwords = Passwords::default();
        let hash = passwords.hash(secret("correct horse")).await.expect("hashed");
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(passwords.verify(secret("correct horse"), Some(hash.clone())).await.expect("checked"));
        assert!(!passwords.verify(secret("correct horsf"), Some(hash.clone())).await.expect("checked"));
        assert!(!passwords.verify(secret("correct horse"), None).await.expect("checked"));
        assert_ne!(passwords.hash(secret("correct horse")).await.expect("hashed"), hash);
    }

    #[tokio::test]
    async fn who_hangs_up_gives_no_turn_away_while_the_work_goes_on() {
        let passwords = Passwords::default();
        let (begun, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let work = passwords.in_turn(move || {
            begun.send(()).expect("somebody waits");
            ended.recv().map_err(ApiError::internal)
        });
        let hung_up = tokio::time::timeout(Duration::from_millis(20), work).await;
        assert!(hung_up.is_err());
        told.recv().expect("it has begun");
        assert_eq!(passwords.turns.available_permits(), AT_ONCE - 1);
        end.send(()).expect("it is still there");
        let all = passwords.turns.acquire_many(u32::try_from(AT_ONCE).expect("few")).await;
        assert!(all.is_ok(), "it is given back in the end");
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_takes_as_long() {
        let passwords = Passwords::default();
        let known = passwords.hash(secret("correct horse")).await.expect("hashed");
        let time = async |hash: Option<Secret<String>>| {
            let start = std::time::Instant::now();
            assert!(!passwords.verify(secret("wrong password"), hash).await.expect("checked"));
            start.elapsed()
        };
        let (somebody, nobody) = (time(Some(known)).await, time(None).await);
        assert!(nobody > somebody / 4, "{nobody:?} and {somebody:?}");
    }

    #[test]
    fn nobodys_hash_costs_what_all_others_cost() {
        let error = argon2().expect("good parameters").verify_password(b"x", NOBODY).expect_err("nobody");
        // Any other error would have come before the work.
        assert_eq!(error, argon2::password_hash::Error::PasswordInvalid);
    }

    #[test]
    fn short_and_endless_passwords_are_refused_with_the_rule() {
        let refused = |text: &str| check(&secret(text)).expect_err("refused").message;
        assert!(refused("elevenchars").contains("at least 12 characters"));
        assert!(refused(&"x".repeat(1025)).contains("at most 1024 bytes"));
        assert!(refused(&"ü".repeat(20)).contains("over and over"));
        assert!(refused(" \t \u{a0} \u{7} \r\n \u{0} ").contains("blanks and control characters"));
        check(&secret("aaaaaaaaaaab")).expect("two characters");
        check(&secret("zwölfzeichen")).expect("twelve characters, of whatever length in bytes");
        let (one, other) = (generate().expect("made"), generate().expect("made"));
        check(&one).expect("good");
        assert!(one != other && one.expose().len() == 23);
    }
}
