//! The sessions in use: the store's, kept in memory because every request of a
//! page needs its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use parking_lot::RwLock;
use tidegate_core::AccountId;
use tidegate_store::{NewSession, Revoked, SignedInAs, Store, StoreError};

use super::cookie;
use super::limiter::Limiter;
use super::oidc::Oidc;
use super::password::Passwords;
use crate::app::App;
use crate::convert::now_ms;
use crate::error::ApiError;

/// How long a session lasts in any case.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// How far apart uses of a session are recorded, at most.
const STEP: Duration = Duration::from_secs(60);

/// What is set for sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// How long a session may be idle.
    pub idle: Duration,
    /// Whether TLS ends here, so that no page of ours has an `http://` origin.
    pub tls: bool,
    /// Whether a proxy in front ends it.
    pub behind_tls_proxy: bool,
}

/// A session that counts, as long as [`Sessions::find`] gives it.
#[derive(Debug)]
pub struct Live {
    /// The identifier.
    pub id: String,
    /// What to call its user.
    pub user_name: String,
    /// Whether it began with a password of ours.
    pub by_password: bool,
    /// Epoch milliseconds at which it ends in any case.
    pub ends_at_ms: i64,
    idle_ends_at_ms: AtomicI64,
    recorded_at_ms: AtomicI64,
}

impl Live {
    fn of(session: tidegate_store::Session) -> Self {
        Self {
            id: session.id,
            user_name: session.user_name,
            by_password: session.by_password,
            ends_at_ms: session.ends_at_ms,
            idle_ends_at_ms: AtomicI64::new(session.idle_ends_at_ms),
            recorded_at_ms: AtomicI64::new(session.last_used_at_ms),
        }
    }

    fn is_over(&self, now_ms: i64) -> bool {
        now_ms >= self.ends_at_ms || now_ms >= self.idle_ends_at_ms.load(Ordering::Relaxed)
    }
}

/// The sessions of one account.
pub struct Sessions {
    store: Store,
    account: AccountId,
    /// What is set.
    pub settings: SessionSettings,
    /// What the cookie is called: the one name that counts.
    pub cookie_name: &'static str,
    /// Who has failed to sign in.
    pub limiter: Limiter,
    /// Computes hashes.
    pub passwords: Passwords,
    /// The identity provider, if one is set.
    pub oidc: Option<Oidc>,
    known: RwLock<Known>,
}

/// The sessions in memory, by the hash of their tokens. As with access keys,
/// one that was read before something was revoked is not kept after it.
#[derive(Default)]
struct Known {
    sessions: HashMap<[u8; 32], Arc<Live>>,
    changes: u64,
}

impl Sessions {
    /// The sessions of an account. `public_prefix` is the path of the public URL,
    /// empty without one.
    pub fn new(
        store: Store,
        account: AccountId,
        settings: SessionSettings,
        public_prefix: &str,
        oidc: Option<Oidc>,
    ) -> Self {
        Self {
            store,
            account,
            settings,
            cookie_name: cookie::name(public_prefix),
            limiter: Limiter::default(),
            passwords: Passwords::default(),
            oidc,
            known: RwLock::default(),
        }
    }

    /// Begins a session; gives the cookie that belongs to it, or none when the
    /// user was disabled or got another password meanwhile.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn begin(&self, who: SignedInAs, prefix: &str) -> Result<Option<HeaderValue>, ApiError> {
        let (token, token_hash) = cookie::new_token()?;
        let value = cookie::set(&token, self.cookie_name, prefix)?;
        let now = now_ms();
        let new = NewSession {
            token_hash,
            who,
            idle_ends_at_ms: self.idle_end(now),
            ends_at_ms: now.saturating_add(millis(LONGEST)),
        };
        match self.store.sessions(&self.account).create(new).await {
            Ok(_) => Ok(Some(value)),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// The live session of a request's cookie.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find(&self, app: &Arc<App>, headers: &HeaderMap) -> Result<Option<Arc<Live>>, ApiError> {
        let Some(token_hash) = cookie::token_hash(headers, self.cookie_name) else { return Ok(None) };
        let (known, changes) = {
            let known = self.known.read();
            (known.sessions.get(&token_hash).cloned(), known.changes)
        };
        let live = match known {
            Some(live) => live,
            None => {
                // Unknown tokens are not remembered: anybody can send any number of them.
                let found = self.store.sessions(&self.account).find(&token_hash).await?;
                let Some(session) = found.filter(|session| !session.revoked) else { return Ok(None) };
                let live = Arc::new(Live::of(session));
                let mut known = self.known.write();
                if known.changes == changes {
                    known.sessions.insert(token_hash, Arc::clone(&live));
                }
                live
            }
        };
        if live.is_over(now_ms()) {
            self.end(app, &live).await?;
            return Ok(None);
        }
        Ok(Some(live))
    }

    /// Records that a session was used, at most once a minute.
    ///
    /// # Errors
    /// When it has ended, or when the store does not answer.
    pub async fn used(&self, app: &Arc<App>, live: &Live) -> Result<(), ApiError> {
        let now = now_ms();
        let recorded = live.recorded_at_ms.load(Ordering::Relaxed);
        if now < recorded.saturating_add(millis(self.step())) {
            return Ok(());
        }
        // Of several requests at once, one writes.
        let mine = live.recorded_at_ms.compare_exchange(recorded, now, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_err() {
            return Ok(());
        }
        let idle_end = self.idle_end(now);
        match self.store.sessions(&self.account).touch(&live.id, now, idle_end).await {
            Ok(()) => {
                live.idle_ends_at_ms.store(idle_end, Ordering::Relaxed);
                Ok(())
            }
            Err(StoreError::NotFound { .. }) => {
                self.end(app, live).await?;
                Err(super::over())
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end(&self, app: &Arc<App>, live: &Live) -> Result<(), ApiError> {
        let (account, id) = (self.account.clone(), live.id.clone());
        app.revoke(move |store| async move { store.sessions(&account).revoke(&id).await }).await??;
        Ok(())
    }

    /// Ends the sessions whose time is up, and removes keys that have run out.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sweep(&self, app: &App) -> Result<(), StoreError> {
        let gone = self.store.sessions(&self.account).sweep(now_ms()).await?;
        if !gone.sessions.is_empty() {
            tracing::debug!(count = gone.sessions.len(), "Sessions have ended.");
        }
        app.forget(&gone);
        Ok(())
    }

    /// How often to look for sessions whose time is up.
    pub fn sweep_period(&self) -> Duration {
        self.step().max(Duration::from_millis(500))
    }

    /// Drops what is kept in memory of sessions that have ended in the store.
    pub fn forget(&self, gone: &Revoked) {
        let mut known = self.known.write();
        known.changes += 1;
        known.sessions.retain(|_, live| !gone.sessions.contains(&live.id));
    }

    /// A use is recorded a little late, so a little is granted on top.
    fn idle_end(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(millis(self.settings.idle)).saturating_add(millis(self.step()))
    }

    fn step(&self) -> Duration {
        STEP.min(self.settings.idle / 10)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
