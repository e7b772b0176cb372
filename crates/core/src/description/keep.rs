//! Which members stored credentials hold, and what is kept of them when the
//! others are given anew.

use serde_json::{Map, Value};

use super::credentials::{is_oauth_key, plain};
use super::document::{present, read};
use super::{Description, Kind, Member};

/// Keys of a free map that certainly hold a secret and no address. Anything
/// else may be the host that the secrets beside it are sent to.
const SECRET_KEYS: &[&str] = &[
    "apikey",
    "apisecret",
    "apisecretkey",
    "passphrase",
    "passwd",
    "password",
    "pattoken",
    "privatekey",
    "secret",
    "secretkey",
    "token",
];

/// One thing that credentials hold: a member, or one key of a map.
struct Held<'a> {
    path: String,
    member: &'a Member,
    key: Option<&'a str>,
    value: &'a Value,
}

impl Description {
    /// The paths of what these credentials hold, in the order of the
    /// description; of a map each key. No value is told.
    pub fn held_paths(&self, credentials: &Value) -> Vec<String> {
        self.held(credentials).into_iter().map(|held| held.path).collect()
    }

    /// The part of stored credentials that the paths name.
    ///
    /// # Errors
    /// The paths that name nothing that is there.
    pub fn kept(&self, stored: &Value, paths: &[String]) -> Result<Value, Vec<String>> {
        let held = self.held(stored);
        let unknown: Vec<String> =
            paths.iter().filter(|path| !held.iter().any(|held| held.path == **path)).cloned().collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut kept = Value::Object(Map::new());
        for part in held.into_iter().filter(|held| paths.contains(&held.path)) {
            let mut at = &mut kept;
            for name in part.member.path.split('.').chain(part.key) {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                at = &mut at[name];
            }
            *at = part.value.clone();
        }
        Ok(kept)
    }

    /// Of the paths, those that belong to OAuth, which a copy never carries.
    pub fn oauth_among(&self, stored: &Value, paths: &[String]) -> Vec<String> {
        let oauth =
            |held: &Held<'_>| held.member.oauth || held.key.is_some_and(|key| is_oauth_key(held.member, key));
        let held = self.held(stored).into_iter();
        held.filter(|held| paths.contains(&held.path) && oauth(held)).map(|held| held.path).collect()
    }

    /// What keeps stored entries of a map from being kept: in a free map of
    /// credentials a host may stand beside the password, and a stored password
    /// must not get under a new host. So where an entry is kept, every other
    /// entry of the same map stays as it is, unless its key certainly holds a
    /// secret (OAuth's keys, those that the connector says are sensitive, and
    /// plain words such as `password`): those may be typed anew, added or
    /// left out, but for a value that looks like an address, which no key makes
    /// a secret. What else stands beside the map, such as the way to log in,
    /// stays as well. Where only entries are kept that the connector says are not
    /// sensitive, nothing is held back.
    ///
    /// `new` are the credentials as they would be stored. The answer names the
    /// entries that differ; empty means that the paths may be kept.
    pub fn map_changes(&self, stored: &Value, paths: &[String], new: &Value) -> Vec<String> {
        let mut changes = Vec::new();
        for member in self.credentials().iter().filter(|member| member.kind == Kind::Map) {
            let entries = |document| read(Some(document), &member.path).and_then(Value::as_object);
            let Some(before) = entries(stored) else { continue };
            let path = |key: &str| format!("{}.{key}", member.path);
            let guarded =
                before.keys().any(|key| paths.contains(&path(key)) && self.is_sensitive(key) != Some(false));
            if !guarded {
                continue;
            }
            let empty = Map::new();
            let after = entries(new).unwrap_or(&empty);
            let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let differs = |key: &&String| {
                let given = |of: &Map<String, Value>| of.get(key.as_str()).filter(|v| present(v)).cloned();
                let now = given(after);
                given(before) != now
                    && (!self.is_surely_secret(member, key) || now.as_ref().is_some_and(is_address))
            };
            changes.extend(keys.into_iter().filter(differs).map(|key| path(key)));
            let group = |path: &str| path.rsplit_once('.').map(|(group, _)| group.to_owned());
            let given =
                |document, path: &str| read(Some(document), path).filter(|value| present(value)).cloned();
            let beside = self.credentials().iter().filter(|other| {
                other.kind != Kind::Map
                    && group(&other.path) == group(&member.path)
                    && given(stored, &other.path) != given(new, &other.path)
            });
            changes.extend(beside.map(|other| other.path.clone()));
        }
        changes
    }

    fn held<'a>(&'a self, credentials: &'a Value) -> Vec<Held<'a>> {
        let mut all = Vec::new();
        for member in self.credentials() {
            match read(Some(credentials), &member.path) {
                Some(Value::Object(entries)) if member.kind == Kind::Map => {
                    all.extend(entries.iter().filter(|(_, value)| present(value)).map(|(key, value)| Held {
                        path: format!("{}.{key}", member.path),
                        member,
                        key: Some(key),
                        value,
                    }));
                }
                Some(value) if present(value) => {
                    all.push(Held { path: member.path.clone(), member, key: None, value });
                }
                _ => {}
            }
        }
        all
    }

    /// What the connector says about a key of its map of credentials. A key
    /// that two of its ways to log in tell differently counts as sensitive.
    fn is_sensitive(&self, key: &str) -> Option<bool> {
        let ways = self.authentication_config.iter().flat_map(|config| &config.custom_auth_configs);
        ways.flat_map(|way| &way.auth_parameters)
            .filter(|parameter| parameter.key == key)
            .map(|parameter| parameter.is_sensitive_field)
            .reduce(|one, other| one || other)
    }

    fn is_surely_secret(&self, member: &Member, key: &str) -> bool {
        match self.is_sensitive(key) {
            Some(sensitive) => sensitive,
            None => is_oauth_key(member, key) || SECRET_KEYS.contains(&plain(key).as_str()),
        }
    }
}

/// Whether a value looks like a URL, or like one without its scheme.
fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.contains("://") || text.trim_start().starts_with("//") || text.trim_start().starts_with("\\\\")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::example;
    use super::*;
    use crate::description::{AuthParameter, AuthenticationConfig, CustomAuthConfig};

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn what_is_held_is_told_by_path_and_kept_by_path() {
        let of = example();
        let stored = json!({
            "user": "u",
            "oauth": {"clientId": "", "request": {"code": "x"}},
            "custom": {"map": {"a.b": "dotted", "empty": "", "password": "p"}},
        });
        assert_eq!(
            of.held_paths(&stored),
            ["user", "oauth.request.code", "custom.map.a.b", "custom.map.password"]
        );
        assert!(!format!("{:?}", of.held_paths(&stored)).contains("dotted"));
        assert_eq!(
            of.kept(&stored, &paths(&["custom.map.a.b", "user"])),
            Ok(json!({"user": "u", "custom": {"map": {"a.b": "dotted"}}}))
        );
        assert_eq!(of.kept(&stored, &[]), Ok(json!({})));
        assert_eq!(
            of.kept(&stored, &paths(&["user", "oauth.clientId", "custom.map", "custom.map.empty", "none"])),
            Err(paths(&["oauth.clientId", "custom.map", "custom.map.empty", "none"]))
        );
        assert_eq!(of.oauth_among(&stored, &paths(&["user", "oauth.request.code"])), ["oauth.request.code"]);
    }

    #[test]
    fn a_kept_entry_of_a_map_holds_its_neighbours() {
        let of = example();
        let map = |entries: Value| json!({"custom": {"map": entries}});
        let stored = map(json!({"hostname": "db", "username": "u", "password": "p", "Access_Token": "t"}));
        let keep = paths(&["custom.map.password"]);
        let changes = |entries: Value| of.map_changes(&stored, &keep, &map(entries));
        let same = json!({"hostname": "db", "username": "u", "password": "p"});
        assert_eq!(changes(same.clone()), [""; 0], "OAuth's entry may go");
        let with = |key: &str, value: &str| {
            let mut entries = same.clone();
            entries[key] = json!(value);
            changes(entries)
        };
        assert_eq!(with("accessToken", "new"), [""; 0]);
        assert_eq!(with("private_key", "new"), [""; 0]);
        assert_eq!(with("private_key", "https://evil"), ["custom.map.private_key"]);
        for address in [" //evil.example", r"\\evil\share", "ftp://evil"] {
            assert_eq!(with("accessToken", address), ["custom.map.accessToken"], "{address}");
        }
        let mut way = map(same.clone());
        way["custom"]["way"] = json!("other");
        assert_eq!(of.map_changes(&stored, &keep, &way), ["custom.way"]);
        assert_eq!(of.map_changes(&stored, &[], &way), [""; 0], "nothing is kept");
        assert_eq!(of.map_changes(&way, &keep, &stored)[..1], ["custom.way"]);
        assert_eq!(with("hostname", "evil"), ["custom.map.hostname"]);
        assert_eq!(with("username", "v"), ["custom.map.username"]);
        assert_eq!(with("tokenUrl", "https://evil"), ["custom.map.tokenUrl"]);
        assert_eq!(
            changes(json!({"password": "p"})),
            ["custom.map.hostname", "custom.map.username"],
            "a default may be another host"
        );
        assert_eq!(of.map_changes(&stored, &[], &map(json!({"hostname": "evil"}))), [""; 0]);
    }

    #[test]
    fn the_connector_says_which_keys_are_sensitive() {
        let mut of = example();
        let key = |key: &str, is_sensitive_field| AuthParameter {
            key: key.to_owned(),
            label: key.to_owned(),
            is_required: true,
            is_sensitive_field,
            connector_supplied_values: Vec::new(),
        };
        let way = |name: &str, auth_parameters| CustomAuthConfig {
            custom_authentication_type: name.to_owned(),
            auth_parameters,
        };
        of.authentication_config = Some(AuthenticationConfig {
            custom_auth_configs: vec![
                way("X", vec![key("hostname", false), key("pin", true), key("both", false)]),
                way("Y", vec![key("both", true)]),
            ],
            ..AuthenticationConfig::default()
        });
        let map = |entries: Value| json!({"custom": {"map": entries}});
        let stored = map(json!({"hostname": "db", "pin": "1"}));
        let other = map(json!({"hostname": "db", "pin": "2", "database": "d"}));
        // Only what is no secret is kept, so everything else may be new.
        assert_eq!(of.map_changes(&stored, &paths(&["custom.map.hostname"]), &other), [""; 0]);
        let moved = map(json!({"hostname": "evil", "pin": "1"}));
        assert_eq!(of.map_changes(&stored, &paths(&["custom.map.pin"]), &moved), ["custom.map.hostname"]);
        assert_eq!(
            of.map_changes(&moved, &paths(&["custom.map.pin", "custom.map.hostname"]), &moved),
            [""; 0]
        );
        // What one way to log in calls a secret is one, whatever another says.
        let (one, two) =
            (map(json!({"hostname": "db", "both": "1"})), map(json!({"hostname": "evil", "both": "1"})));
        assert_eq!(of.map_changes(&one, &paths(&["custom.map.both"]), &two), ["custom.map.hostname"]);
    }
}
