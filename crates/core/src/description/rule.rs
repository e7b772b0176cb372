//! Rules across the members of a connection, as data.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::document::Documents;

/// One rule. Its paths start with `properties.` or `credentials.`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// When the rule applies: all of these hold. Without any it always does.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// What must hold then.
    pub check: Check,
    /// What to tell the caller otherwise; `{connector}` stands for the type as
    /// the service writes it in messages.
    pub message: String,
}

/// Something that holds for a connection or does not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Condition {
    /// The member is given.
    Present(String),
    /// The member is not given.
    Absent(String),
    /// The member is given and has the value.
    Is(Value),
    /// The member is not given or has another value.
    IsNot(Value),
}

/// A member and a text or yes/no to compare it with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Value {
    /// The path.
    pub path: String,
    /// The value.
    pub value: Json,
}

/// What a rule demands.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Check {
    /// All of the members are given.
    All(Vec<String>),
    /// At least one of the members is given.
    Any(Vec<String>),
    /// Exactly one of the members is given.
    One(Vec<String>),
    /// None of the members is given.
    None(Vec<String>),
    /// The condition holds.
    Holds(Condition),
    /// The member, if it is given, begins with the text.
    StartsWith {
        /// The member.
        path: String,
        /// The text.
        text: String,
    },
    /// The member, if it is given, has exactly so many characters.
    Length {
        /// The member.
        path: String,
        /// The number of characters.
        characters: usize,
    },
    /// The URL, if it names a port, names the one of the other member.
    SamePort {
        /// The member that is a URL.
        url: String,
        /// The member that is a port.
        port: String,
    },
    /// The member, if it is given, is a path that a URL takes as it is: it
    /// begins with one slash, and has no query, no fragment, no backslash, no
    /// control character and no `.` or `..` between slashes.
    UrlPath(String),
}

impl Rule {
    /// Whether the rule applies and does not hold.
    pub(super) fn is_broken(&self, documents: &Documents<'_>) -> bool {
        self.when.iter().all(|condition| condition.holds(documents)) && !self.check.holds(documents)
    }

    /// Every path that the rule reads, for the test that each one exists.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.when.iter().map(Condition::path).collect();
        match &self.check {
            Check::All(of) | Check::Any(of) | Check::One(of) | Check::None(of) => {
                paths.extend(of.iter().map(String::as_str));
            }
            Check::Holds(condition) => paths.push(condition.path()),
            Check::StartsWith { path, .. } | Check::Length { path, .. } | Check::UrlPath(path) => {
                paths.push(path)
            }
            Check::SamePort { url, port } => paths.extend([url.as_str(), port.as_str()]),
        }
        paths
    }
}

impl Condition {
    fn holds(&self, documents: &Documents<'_>) -> bool {
        match self {
            Self::Present(path) => documents.read(path).is_some(),
            Self::Absent(path) => documents.read(path).is_none(),
            Self::Is(want) => documents.read(&want.path) == Some(&want.value),
            Self::IsNot(want) => documents.read(&want.path) != Some(&want.value),
        }
    }

    fn path(&self) -> &str {
        match self {
            Self::Present(path) | Self::Absent(path) => path,
            Self::Is(want) | Self::IsNot(want) => &want.path,
        }
    }
}

impl Check {
    fn holds(&self, documents: &Documents<'_>) -> bool {
        let given = |paths: &[String]| paths.iter().filter(|path| documents.read(path).is_some()).count();
        let text = |path: &str| documents.read(path).and_then(Json::as_str);
        match self {
            Self::All(paths) => given(paths) == paths.len(),
            Self::Any(paths) => given(paths) > 0,
            Self::One(paths) => given(paths) == 1,
            Self::None(paths) => given(paths) == 0,
            Self::Holds(condition) => condition.holds(documents),
            Self::StartsWith { path, text: start } => {
                text(path).is_none_or(|text| text.starts_with(start.as_str()))
            }
            Self::Length { path, characters } => {
                text(path).is_none_or(|text| text.chars().count() == *characters)
            }
            Self::SamePort { url, port } => match (text(url).and_then(port_of), documents.read(port)) {
                (Some(named), Some(wanted)) => named.parse().ok() == wanted.as_u64(),
                _ => true,
            },
            Self::UrlPath(path) => text(path).is_none_or(is_url_path),
        }
    }
}

/// The port that a URL names, as it is written.
fn port_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    // The colons of an IPv6 address stand between brackets.
    let after = host.rsplit(']').next()?;
    after.split_once(':').map(|(_, port)| port).filter(|port| !port.is_empty())
}

fn is_url_path(text: &str) -> bool {
    let is_dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(|letter: char| "?#\\".contains(letter) || letter.is_control())
        && !text.split('/').any(is_dots)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(check: Json, properties: Json) -> bool {
        let check: Check = serde_json::from_value(check).expect("a check");
        check.holds(&Documents { properties: Some(&properties), credentials: None })
    }

    #[test]
    fn a_url_names_the_port_or_none() {
        let check = json!({"samePort": {"url": "properties.url", "port": "properties.port"}});
        for (url, good) in [
            ("https://h", true),
            ("https://h:8443", true),
            ("https://h:8443/a:1", true),
            ("https://h:08443", true),
            ("https://h:", true),
            ("https://[::1]", true),
            ("https://[::1]:8443", true),
            ("https://u:1@h", true),
            ("https://h:443", false),
            ("https://h:443/", false),
            ("https://[::1]:1", false),
            ("https://u:8443@h:1", false),
            ("https://h:x", false),
        ] {
            assert_eq!(holds(check.clone(), json!({"url": url, "port": 8443})), good, "{url}");
        }
        assert!(holds(check.clone(), json!({"url": "https://h:1"})) && holds(check, json!({"port": 1})));
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let check = json!({"urlPath": "properties.path"});
        for good in ["/", "/a", "/a;v=2/b/", "/a@b", "/a/...", "/a//b"] {
            assert!(holds(check.clone(), json!({"path": good})), "{good}");
        }
        for bad in [
            "a",
            "//evil/a",
            "@evil/a",
            "h@evil/a",
            "/a\\b",
            "\\a",
            "/a\u{0}",
            "/a\nb",
            "/a?b",
            "/a#b",
            "/a/../b",
            "/%2e%2E/b",
            "/.",
        ] {
            assert!(!holds(check.clone(), json!({"path": bad})), "{bad}");
        }
        assert!(holds(check, json!({})));
    }
}
