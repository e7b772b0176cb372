//! Authorizations that people have begun in a pop-up: from the address where
//! consent is given to the code that comes back, and on to the one connection
//! that uses it.
//!
//! They live in memory, ten minutes at most. What a page holds of one is the
//! `state`, which proves that an answer belongs to it, and a handle that stands
//! for the code; the code itself and the verifier of PKCE (RFC 7636) never
//! leave the server but for the token endpoint.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_core::{ConnectorType, Secret};

use crate::error::ApiError;

/// How a handle begins; no vendor's code does.
pub const HANDLE: &str = "tidegate-authorization:";

/// How long a person has from the pop-up to the connection.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// Authorizations under way at most, and of one person.
const MOST: usize = 10_000;
const MOST_OF_ONE: usize = 50;

/// Characters of a vendor's refusal that are told.
const LONGEST_REFUSAL: usize = 500;

/// What an authorization is for. A connection may use it only if it asks for
/// its tokens in the same place, for the same client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// The connector.
    pub connector_type: ConnectorType,
    /// Its label, if it has one.
    pub connector_label: Option<String>,
    /// Where the code becomes tokens.
    pub token_url: String,
    /// The OAuth client.
    pub client_id: String,
}

/// A begun authorization: what goes into the address, and back to the page.
#[derive(Debug)]
pub struct Begun {
    /// 256 random bits; they come back with the code.
    pub state: String,
    /// The challenge of PKCE, for the method `S256`.
    pub challenge: String,
    /// What stands for the code.
    pub handle: String,
}

/// What the token endpoint is to be sent.
pub struct Granted {
    /// The code.
    pub code: Secret<String>,
    /// Where it came to.
    pub redirect_uri: String,
    /// The verifier of PKCE.
    pub verifier: Secret<String>,
}

/// The authorizations under way, by their state.
pub struct Authorizations {
    lifetime: Duration,
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    /// Who began it: a session of the console, or an access key.
    owner: String,
    purpose: Purpose,
    redirect_uri: String,
    handle: String,
    verifier: Secret<String>,
    since: Instant,
    phase: Phase,
}

enum Phase {
    Waiting,
    Finished(Secret<String>),
    Refused(String),
    Used,
}

impl Authorizations {
    /// No authorizations; each will live as long as given.
    pub fn new(lifetime: Duration) -> Self {
        Self { lifetime, entries: Mutex::default() }
    }

    /// Begins one.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    pub fn begin(&self, owner: &str, purpose: Purpose, redirect_uri: String) -> Result<Begun, ApiError> {
        let (state, verifier) = (random()?, Secret::new(random()?));
        let handle = format!("{HANDLE}{}", random()?);
        // RFC 7636, 4.2: the challenge is of the verifier's letters.
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()));
        let entry = Entry {
            owner: owner.to_owned(),
            purpose,
            redirect_uri,
            handle: handle.clone(),
            verifier,
            since: Instant::now(),
            phase: Phase::Waiting,
        };
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.since.elapsed() < self.lifetime);
        // A person that begins many loses their own oldest ones first.
        let own = entries.values().filter(|entry| entry.owner == owner).count();
        if own >= MOST_OF_ONE {
            drop_oldest(&mut entries, Some(owner));
        } else if entries.len() >= MOST {
            drop_oldest(&mut entries, None);
        }
        entries.insert(state.clone(), entry);
        Ok(Begun { state, challenge, handle })
    }

    /// Drops those that have expired, and with them the codes and verifiers.
    pub fn forget_expired(&self) {
        self.entries.lock().retain(|_, entry| entry.since.elapsed() < self.lifetime);
    }

    /// Takes what came back with a state: the code, or the vendor's refusal.
    /// Each state is taken once, and only from whoever began it.
    ///
    /// # Errors
    /// `ValidationException` for a state that is not under way for this caller.
    pub fn complete(
        &self,
        owner: &str,
        state: &str,
        outcome: Result<Secret<String>, String>,
    ) -> Result<(), ApiError> {
        let mut entries = self.entries.lock();
        let entry = entries
            .get_mut(state)
            .filter(|entry| entry.owner == owner && entry.since.elapsed() < self.lifetime)
            .filter(|entry| matches!(entry.phase, Phase::Waiting))
            .ok_or_else(|| {
                ApiError::validation(
                    "This answer belongs to no authorization that you have begun in the last minutes, or it came \
                     twice. Authorize again.",
                )
            })?;
        entry.phase = match outcome {
            Ok(code) => Phase::Finished(code),
            Err(text) => Phase::Refused(tellable(&text)),
        };
        Ok(())
    }

    /// Whether a handle could be used now, without using it.
    ///
    /// # Errors
    /// `ValidationException` that says why not.
    pub fn check(&self, owner: &str, handle: &str, purpose: &Purpose) -> Result<(), ApiError> {
        self.usable(&mut self.entries.lock(), owner, handle, purpose).map(|_| ())
    }

    /// Uses a handle: from here on it stands for nothing.
    ///
    /// # Errors
    /// As [`Authorizations::check`].
    pub fn redeem(&self, owner: &str, handle: &str, purpose: &Purpose) -> Result<Granted, ApiError> {
        let mut entries = self.entries.lock();
        let entry = self.usable(&mut entries, owner, handle, purpose)?;
        match std::mem::replace(&mut entry.phase, Phase::Used) {
            Phase::Finished(code) => Ok(Granted {
                code,
                redirect_uri: entry.redirect_uri.clone(),
                verifier: std::mem::replace(&mut entry.verifier, Secret::new(String::new())),
            }),
            _ => Err(ApiError::internal("an authorization that is not finished counts as usable")),
        }
    }

    fn usable<'e>(
        &self,
        entries: &'e mut HashMap<String, Entry>,
        owner: &str,
        handle: &str,
        purpose: &Purpose,
    ) -> Result<&'e mut Entry, ApiError> {
        let refused = |why: &str| ApiError::validation(format!("Validation exception: {why}"));
        let found = entries.values_mut().find(|entry| entry.handle == handle && entry.owner == owner);
        // Somebody else's handle is not told from one that never was.
        let entry = found.filter(|entry| entry.since.elapsed() < self.lifetime).ok_or_else(|| {
            refused(
                "the authorization in authCode has expired, or you have not begun it in this session. Authorize again",
            )
        })?;
        match &entry.phase {
            Phase::Finished(_) if entry.purpose != *purpose => Err(refused(
                "the authorization in authCode was begun for another connector, token URL or client id than the \
                 connection has. Authorize again",
            )),
            Phase::Finished(_) => Ok(entry),
            Phase::Waiting => Err(refused(
                "the authorization in authCode is not finished: give your consent in the window that was opened, and \
                 then try again",
            )),
            Phase::Refused(text) => Err(refused(&format!(
                "the application has refused the authorization: {text}. Authorize again"
            ))),
            Phase::Used => {
                Err(refused("the authorization in authCode has been used already. Authorize again"))
            }
        }
    }
}

fn drop_oldest(entries: &mut HashMap<String, Entry>, owner: Option<&str>) {
    let oldest = entries
        .iter()
        .filter(|(_, entry)| owner.is_none_or(|owner| entry.owner == owner))
        .min_by_key(|(_, entry)| entry.since)
        .map(|(state, _)| state.clone());
    if let Some(state) = oldest {
        entries.remove(&state);
    }
}

/// 256 random bits in 43 letters: as many as a verifier must have at least.
fn random() -> Result<String, ApiError> {
    let mut bytes = [0u8; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| ApiError::internal("the machine gives no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A text that came through somebody's browser, fit to be shown.
fn tellable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST_REFUSAL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose() -> Purpose {
        Purpose {
            connector_type: ConnectorType::SapOData,
            connector_label: None,
            token_url: "https://sap/token".to_owned(),
            client_id: "client".to_owned(),
        }
    }

    fn code(text: &str) -> Result<Secret<String>, String> {
        Ok(Secret::new(text.to_owned()))
    }

    fn begin(of: &Authorizations, owner: &str) -> Begun {
        of.begin(owner, purpose(), "https://here/oauth/callback".to_owned()).expect("begun")
    }

    #[test]
    fn a_code_is_granted_once_to_whoever_began() {
        let all = Authorizations::new(LIFETIME);
        let begun = begin(&all, "me");
        assert!(begun.handle.starts_with(HANDLE) && begun.state.len() == 43 && begun.challenge.len() == 43);
        let early = all.check("me", &begun.handle, &purpose()).expect_err("not finished");
        assert!(early.message.contains("not finished"), "{}", early.message);
        all.complete("other", &begun.state, code("evil")).expect_err("somebody else's");
        all.complete("me", "made-up", code("evil")).expect_err("unknown");
        all.complete("me", &begun.state, code("real")).expect("taken");
        all.complete("me", &begun.state, code("evil")).expect_err("a replay");

        all.check("other", &begun.handle, &purpose()).expect_err("somebody else's");
        for other in [
            Purpose { token_url: "https://evil/token".to_owned(), ..purpose() },
            Purpose { client_id: "other".to_owned(), ..purpose() },
            Purpose { connector_type: ConnectorType::Slack, ..purpose() },
        ] {
            let error = all.check("me", &begun.handle, &other).expect_err("for something else");
            assert!(error.message.contains("another connector, token URL or client id"));
        }
        all.check("me", &begun.handle, &purpose()).expect("a check uses nothing");
        let granted = all.redeem("me", &begun.handle, &purpose()).expect("granted");
        assert_eq!(granted.code.expose(), "real");
        assert_eq!(granted.redirect_uri, "https://here/oauth/callback");
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, granted.verifier.expose().as_bytes()));
        assert_eq!(challenge, begun.challenge);
        let again = all.redeem("me", &begun.handle, &purpose()).err().expect("used");
        assert!(again.message.contains("used already"));
    }

    #[test]
    fn what_is_over_is_told_apart() {
        let all = Authorizations::new(Duration::ZERO);
        let begun = begin(&all, "me");
        all.complete("me", &begun.state, code("late")).expect_err("expired");
        assert!(all.check("me", &begun.handle, &purpose()).expect_err("expired").message.contains("expired"));
        all.forget_expired();
        assert!(all.entries.lock().is_empty());

        let all = Authorizations::new(LIFETIME);
        let begun = begin(&all, "me");
        all.complete("me", &begun.state, Err("access_denied:\n no".to_owned())).expect("taken");
        let error = all.check("me", &begun.handle, &purpose()).expect_err("refused");
        assert!(error.message.contains("refused the authorization: access_denied: no"), "{}", error.message);
    }

    #[test]
    fn one_person_cannot_push_out_anothers() {
        let all = Authorizations::new(LIFETIME);
        let mine = begin(&all, "me");
        let first = begin(&all, "greedy");
        for _ in 0..MOST_OF_ONE {
            begin(&all, "greedy");
        }
        all.complete("greedy", &first.state, code("c")).expect_err("pushed out by its own");
        all.complete("me", &mine.state, code("c")).expect("still there");
        assert_eq!(all.entries.lock().len(), MOST_OF_ONE + 1);
    }
}
