//! Credentials by their marks: what a copy carries, and what is secret.

use serde_json::{Map, Value};

use super::document::{present, read};
use super::{Description, Kind, Member};

impl Description {
    /// The credentials that a copy of a connection carries: all but the
    /// members that belong to OAuth (client id, client secret, codes, tokens).
    /// Groups that end up empty are left out.
    pub fn without_oauth(&self, credentials: &Value) -> Value {
        let mut carried = credentials.clone();
        for member in self.credentials() {
            if member.oauth {
                // Beside a code that was not exchanged yet lies its PKCE verifier,
                // which is no member of its own.
                let whole =
                    member.path.split_once("oAuthRequest.").map(|(group, _)| format!("{group}oAuthRequest"));
                remove(&mut carried, whole.as_deref().unwrap_or(&member.path));
            } else if member.kind == Kind::Map {
                let found = member.path.split('.').try_fold(&mut carried, |at, key| at.get_mut(key));
                if let Some(Value::Object(entries)) = found {
                    entries.retain(|key, _| !is_oauth_key(member, key));
                }
            }
        }
        prune(&mut carried);
        carried
    }

    /// The paths of the members that [`Self::without_oauth`] drops from these
    /// credentials: what the caller of a copy must supply anew. Empty when a
    /// copy carries everything.
    pub fn needs_anew(&self, credentials: &Value) -> Vec<String> {
        let mut paths = Vec::new();
        for member in self.credentials() {
            match read(Some(credentials), &member.path) {
                Some(value) if member.oauth && present(value) => paths.push(member.path.clone()),
                Some(Value::Object(entries)) if member.kind == Kind::Map => paths.extend(
                    entries
                        .keys()
                        .filter(|key| is_oauth_key(member, key))
                        .map(|key| format!("{}.{key}", member.path)),
                ),
                _ => {}
            }
        }
        paths
    }

    /// The paths of the credentials' members that are secret. For a map, all
    /// of its values are.
    pub fn secret_paths(&self) -> impl Iterator<Item = &str> {
        self.credentials().iter().filter(|member| member.secret).map(|member| member.path.as_str())
    }
}

/// A key without what keys are compared without.
pub(super) fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// Whether a key of a free map is one of OAuth's.
pub(super) fn is_oauth_key(member: &Member, key: &str) -> bool {
    let key = plain(key);
    member.oauth_keys.iter().any(|known| plain(known) == key)
}

fn remove(document: &mut Value, path: &str) {
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (parent.split('.').try_fold(document, |at, key| at.get_mut(key)), key),
        None => (Some(document), path),
    };
    if let Some(Value::Object(members)) = parent {
        // `shift_remove` keeps the order of the others.
        members.shift_remove(key);
    }
}

/// Drops groups in which nothing is left.
fn prune(document: &mut Value) {
    if let Value::Object(members) = document {
        members.values_mut().for_each(prune);
        members.retain(|_, member| !member.as_object().is_some_and(Map::is_empty));
    }
}
