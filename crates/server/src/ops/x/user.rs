//! Users of the console: make, give a password, list, disable.

use serde::{Deserialize, Serialize};
use tidegate_core::Secret;
use tidegate_store::{Kind, Store, StoreError};

use super::Nothing;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::ops::Call;
use crate::session::{name, password};

/// Whom, and with which password; without one, one is made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordInput {
    user_name: String,
    password: Option<Secret<String>>,
}

/// The user, and the password if it was made here: the only answer that holds one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSet {
    user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A password to be set: its hash, and itself if it was made here.
struct Made {
    hash: Secret<String>,
    generated: Option<Secret<String>>,
}

async fn made(call: &Call, given: Option<Secret<String>>) -> Result<Made, ApiError> {
    let (password, generated) = match given {
        Some(given) => (given, None),
        None => {
            let new = password::generate()?;
            (new.clone(), Some(new))
        }
    };
    Ok(Made { hash: call.app.sessions.passwords.hash(password).await?, generated })
}

/// Makes a user.
pub async fn create(call: Call, input: PasswordInput) -> Result<PasswordSet, ApiError> {
    check_name(&input.user_name)?;
    let Made { hash, generated } = made(&call, input.password).await?;
    match call.app.store.users(call.account()).create(&input.user_name, hash).await {
        Err(StoreError::Conflict { kind: Kind::User, name }) => Err(ApiError::conflict(format!(
            "There is a user {name} already. Give it another password with `tidegate user password {name}`, or choose \
             another name."
        ))),
        result => {
            result?;
            Ok(answer(input.user_name, generated))
        }
    }
}

/// Gives a user another password; all the user's sessions end.
pub async fn set_password(call: Call, input: PasswordInput) -> Result<PasswordSet, ApiError> {
    let Made { hash, generated } = made(&call, input.password).await?;
    let (account, name) = (call.account().clone(), input.user_name.clone());
    let set = move |store: Store| async move { store.users(&account).set_password(&name, hash, None).await };
    call.app.revoke(set).await?.map_err(known)?;
    Ok(answer(input.user_name, generated))
}

fn answer(user_name: String, generated: Option<Secret<String>>) -> PasswordSet {
    PasswordSet { user_name, password: generated.map(Secret::into_inner) }
}

/// All users.
#[derive(Serialize)]
pub struct Listed {
    users: Vec<Summary>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    user_name: String,
    status: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_signed_in_at: Option<String>,
}

/// Lists the users.
pub async fn list(call: Call, _input: Nothing) -> Result<Listed, ApiError> {
    let users = call.app.store.users(call.account()).list().await?;
    let users = users
        .into_iter()
        .map(|user| Summary {
            user_name: user.name,
            status: if user.enabled { "Active" } else { "Disabled" },
            created_at: timestamp(user.created_at_ms).to_string(),
            last_signed_in_at: user.last_signed_in_ms.map(|millis| timestamp(millis).to_string()),
        })
        .collect();
    Ok(Listed { users })
}

/// Which user.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisableInput {
    user_name: String,
}

/// Nothing to tell.
#[derive(Serialize)]
pub struct Disabled {}

/// Disables a user, whose sessions end at once.
pub async fn disable(call: Call, input: DisableInput) -> Result<Disabled, ApiError> {
    let account = call.account().clone();
    let disable = move |store: Store| async move { store.users(&account).disable(&input.user_name).await };
    call.app.revoke(disable).await?.map_err(known)?;
    Ok(Disabled {})
}

fn known(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { kind: Kind::User, name } => {
            ApiError::not_found(format!("There is no user {name}."))
        }
        other => other.into(),
    }
}

fn check_name(text: &str) -> Result<(), ApiError> {
    if (1..=name::LONGEST).contains(&text.len()) && text.chars().all(name::allows) {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "A user name has 1 to {} letters, digits and characters of _+=,.@-",
        name::LONGEST
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_iam_allows() {
        for good in ["ada", "ada.lovelace+1@example.com", "A_-=,9", &"x".repeat(64)] {
            check_name(good).expect(good);
        }
        for bad in ["", "a b", "a/b", "ada:", "zoë", &"x".repeat(65)] {
            assert!(check_name(bad).expect_err(bad).message.contains("1 to 64"));
        }
    }
}
