//! What a connection of a type holds: its members, and the check of a whole profile.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Description;
use super::document::{Documents, Side, present, read};
use super::rule::Rule;

/// What a connection holds, below the union's key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The members of `connectorProfileProperties.<Type>`.
    #[serde(default)]
    pub properties: Vec<Member>,
    /// The members of `connectorProfileCredentials.<Type>`.
    #[serde(default)]
    pub credentials: Vec<Member>,
    /// Whether a connection must come with credentials at all.
    #[serde(default)]
    pub credentials_required: bool,
    /// What must hold between the members.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One member of a connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Its dotted path below the union's key, such as `oAuthProperties.tokenUrl`.
    pub path: String,
    /// The name for people.
    pub label: String,
    /// What to write there, in a sentence.
    pub help: String,
    /// What kind of field the console draws.
    pub kind: Kind,
    /// Whether it must be given; for a member of a group, whether it must be
    /// given when anything of the group is.
    #[serde(default)]
    pub required: bool,
    /// A value that could stand there; for a secret, one that nobody uses.
    #[serde(default)]
    pub example: Option<Value>,
    /// The values to choose from.
    #[serde(default)]
    pub options: Vec<String>,
    /// What its value must begin with: the service puts it there if the caller
    /// did not, and answers with it.
    #[serde(default)]
    pub leading: Option<String>,
    /// Whether it decides where credentials are sent to.
    #[serde(default)]
    pub destination: bool,
    /// Whether it must never be shown, logged or told.
    #[serde(default)]
    pub secret: bool,
    /// Whether it belongs to OAuth (client, secret, tokens): a copy of the
    /// connection never carries it.
    #[serde(default)]
    pub oauth: bool,
    /// For a map: the keys that belong to OAuth, compared without regard to
    /// case, `_` and `-`.
    #[serde(default)]
    pub oauth_keys: Vec<String>,
}

/// The kinds of fields; a form draws exactly these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One line of text.
    Text,
    /// An `http` or `https` address, or a host name where the vendor wants one.
    Url,
    /// A whole number.
    Integer,
    /// Yes or no; absent means no.
    Boolean,
    /// A text that is typed without echo.
    Secret,
    /// One of the options.
    Select,
    /// Several texts.
    List,
    /// Keys and texts.
    Map,
    /// An ARN.
    Arn,
}

impl Description {
    /// The members of the properties; none for a type without connections.
    pub fn properties(&self) -> &[Member] {
        self.profile.as_ref().map_or(&[], |profile| &profile.properties)
    }

    /// The members of the credentials; none for a type without connections.
    pub fn credentials(&self) -> &[Member] {
        self.profile.as_ref().map_or(&[], |profile| &profile.credentials)
    }

    /// The type as the service writes it in its messages, such as `SALESFORCE`.
    pub fn shouted(&self) -> String {
        self.connector_type.as_str().to_ascii_uppercase()
    }

    /// Checks the two inner documents of a connection (below the union's key)
    /// as a whole: members that are needed, and every rule between members. The
    /// shapes themselves (types, lengths, patterns) have been checked before.
    ///
    /// `credentials` are the ones the connection will have: on an update that
    /// brings none, the stored ones. An empty text counts as absent.
    ///
    /// # Errors
    /// Every finding, in the words of the service where they are known. None
    /// holds a value, so none holds a secret. The wire joins them.
    pub fn check_profile(
        &self,
        properties: Option<&Value>,
        credentials: Option<&Value>,
    ) -> Result<(), Vec<String>> {
        let Some(profile) = &self.profile else {
            return Err(vec![self.no_profile()]);
        };
        let documents = Documents { properties, credentials };
        let mut findings = Vec::new();
        let mut find = |text: String| {
            if !findings.contains(&text) {
                findings.push(text);
            }
        };
        for (members, side) in
            [(&profile.properties, Side::Properties), (&profile.credentials, Side::Credentials)]
        {
            let document = documents.side(side);
            if side == Side::Credentials && !document.is_some_and(present) {
                if profile.credentials_required {
                    find(format!("Credentials cannot be blank for connector: {}", self.shouted()));
                }
                continue;
            }
            for member in members.iter().filter(|member| member.required) {
                // A group that is left out altogether may be left out.
                let parent = member.path.rsplit_once('.').map(|(parent, _)| parent);
                let wanted = parent.is_none_or(|parent| read(document, parent).is_some_and(present));
                if wanted && !read(document, &member.path).is_some_and(present) {
                    find(self.blank(&member.path));
                }
            }
        }
        for rule in profile.rules.iter().filter(|rule| rule.is_broken(&documents)) {
            find(rule.message.replace("{connector}", &self.shouted()));
        }
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }

    /// The properties as the service stores them and answers with them: a
    /// `leading` text is put before a value that lacks it (`@` before
    /// Snowflake's `stage`). Everything else stays as it was sent.
    pub fn normalise(&self, properties: &mut Value) {
        for member in self.properties() {
            let Some(leading) = &member.leading else { continue };
            let found = member.path.split('.').try_fold(&mut *properties, |at, key| at.get_mut(key));
            if let Some(Value::String(text)) = found
                && !text.is_empty()
                && !text.starts_with(leading.as_str())
            {
                text.insert_str(0, leading);
            }
        }
    }

    /// The message for a member that is missing or empty, in the service's
    /// words: `AuthCode cannot be blank for connector: SALESFORCE`.
    fn blank(&self, path: &str) -> String {
        let name = path.rsplit('.').next().unwrap_or(path);
        let mut letters = name.chars();
        let capital: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        format!("{capital} cannot be blank for connector: {}", self.shouted())
    }
}
