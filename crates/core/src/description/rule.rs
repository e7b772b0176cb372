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
            Check::StartsWith { path, .. } | Check::Length { path, .. } => paths.push(path),
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
        }
    }
}
