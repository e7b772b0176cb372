//! What every operation is given: the server, the caller, the client token.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_core::{AccountId, Secret};
use tidegate_store::{Idempotent, Outcome, StoreError};
use tidegate_wire::Operation;

use crate::app::App;
use crate::error::ApiError;

/// Who signed the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The access key that signed.
    pub access_key_id: String,
    /// Whether it is the root key.
    pub root: bool,
    /// The session of the console that the key is lent to.
    pub session_id: Option<String>,
    /// Who is signed in to that session.
    pub user_name: Option<String>,
    /// The host that the request was sent to, as its `Host` header has it.
    pub came_to: Option<String>,
}

/// One call of an operation.
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    caller: Caller,
    token: Option<Token>,
}

/// A client token, together with the input that it stands for.
struct Token {
    operation: &'static str,
    token: String,
    input: Secret<Vec<u8>>,
}

impl Call {
    /// Takes the client token out of a valid input: the same token with
    /// another input is refused.
    pub fn new(app: &Arc<App>, caller: &Caller, operation: Operation, input: &Value) -> Self {
        Self { app: Arc::clone(app), caller: caller.clone(), token: Token::of(operation.name(), input) }
    }

    /// A call of an operation that has no client token.
    pub fn without_token(app: &Arc<App>, caller: &Caller) -> Self {
        Self { app: Arc::clone(app), caller: caller.clone(), token: None }
    }

    /// The account that everything belongs to.
    pub fn account(&self) -> &AccountId {
        &self.app.scope.account
    }

    /// Who may finish what this caller begins: the session of the console, whose
    /// keys change every few minutes, or whoever signs with the same key.
    pub fn owner(&self) -> &str {
        self.caller.session_id.as_deref().unwrap_or(&self.caller.access_key_id)
    }

    /// The host that the request was sent to.
    pub fn came_to(&self) -> Option<&str> {
        self.caller.came_to.as_deref()
    }

    /// The caller's ARN, as `createdBy` tells it.
    pub fn caller_arn(&self) -> String {
        if self.caller.root {
            format!("arn:aws:iam::{}:root", self.account())
        } else {
            let name = self.caller.user_name.as_ref().unwrap_or(&self.caller.access_key_id);
            format!("arn:aws:iam::{}:user/{name}", self.account())
        }
    }

    /// The answer that the same call was given before, if there was one: asked
    /// before any work outside the store, such as a login.
    ///
    /// # Errors
    /// When the token was used with another input.
    pub async fn earlier_answer<T: DeserializeOwned>(&self) -> Result<Option<T>, ApiError> {
        let Some(once) = self.once(&()) else { return Ok(None) };
        let found = self.app.store.replay(self.account(), &once).await?;
        found.map(|answer| serde_json::from_value(answer).map_err(ApiError::internal)).transpose()
    }

    /// As [`Call::earlier_answer`], for StartFlow of an on-demand flow, where the
    /// service refuses no input for its token: a token that stands for another
    /// input counts as none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn earlier_answer_or_forget<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ApiError> {
        let Some(once) = self.once(&()) else { return Ok(None) };
        match self.app.store.replay(self.account(), &once).await {
            Ok(found) => {
                found.map(|answer| serde_json::from_value(answer).map_err(ApiError::internal)).transpose()
            }
            Err(StoreError::IdempotencyMismatch) => {
                self.token = None;
                Ok(None)
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The client token with the answer that it will give to those who repeat
    /// the call; it is written together with the call's effect.
    pub fn once<T: Serialize>(&self, answer: &T) -> Option<Idempotent> {
        let token = self.token.as_ref()?;
        Some(Idempotent {
            operation: token.operation,
            token: token.token.clone(),
            input: token.input.clone(),
            result: serde_json::to_value(answer).unwrap_or_default(),
        })
    }
}

/// The answer to give: this call's, or the one that the same call got before.
///
/// # Errors
/// Only when the stored answer was damaged.
pub fn settle<T: DeserializeOwned, E>(outcome: Outcome<E>, answer: T) -> Result<T, ApiError> {
    match outcome {
        Outcome::Fresh(_) => Ok(answer),
        Outcome::Replayed(earlier) => serde_json::from_value(earlier).map_err(ApiError::internal),
    }
}

impl Token {
    fn of(operation: &'static str, input: &Value) -> Option<Self> {
        let token = input.get("clientToken").and_then(Value::as_str).filter(|token| !token.is_empty())?;
        // The copy holds the credentials too, and is wiped when it goes.
        let mut rest = input.clone();
        if let Value::Object(members) = &mut rest {
            members.shift_remove("clientToken");
        }
        // Two clients may order the members differently and still mean the same.
        rest.sort_all_objects();
        let rest = Secret::new(rest);
        let input = Secret::new(rest.expose().to_string().into_bytes());
        Some(Self { operation, token: token.to_owned(), input })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_and_the_token_itself_do_not_count() {
        let of = |value: Value| Token::of("Op", &value).map(|token| token.input.expose().clone());
        let one = of(json!({"a": 1, "b": {"c": 2, "d": 3}, "clientToken": "t"}));
        assert_eq!(one, of(json!({"clientToken": "u", "b": {"d": 3, "c": 2}, "a": 1})));
        assert_ne!(one, of(json!({"a": 1, "b": {"c": 2, "d": 4}, "clientToken": "t"})));
        assert_eq!(of(json!({"a": 1, "clientToken": ""})), None);
    }
}
