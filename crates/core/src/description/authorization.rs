//! OAuth's authorization code: which members of a connection it needs.

use serde_json::Value;

use super::document::{present, read};
use super::{Description, Member};

/// Where a person's consent begins and what becomes of it, for connectors that
/// name the address of both steps: as properties of the connection, or in
/// `oAuth2Defaults`. Paths are those of the inner documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorizationCode<'a> {
    /// The property with the address where consent is given, if it is one.
    pub auth_code_url_path: Option<&'a str>,
    /// The property with the address where the code becomes tokens.
    pub token_url_path: Option<&'a str>,
    /// The property with the scopes.
    pub scopes_path: Option<&'a str>,
    /// The member of the credentials with the client's id.
    pub client_id_path: &'a str,
    /// The member with the client's secret.
    pub client_secret_path: Option<&'a str>,
    /// The member with the code.
    pub auth_code_path: &'a str,
    /// The member with the address that the code came to.
    pub redirect_uri_path: &'a str,
    /// Where consent is given when no property says so.
    pub auth_code_urls: &'a [String],
    /// Where the code becomes tokens when no property says so.
    pub token_urls: &'a [String],
    /// The scopes when no property names some.
    pub scopes: &'a [String],
}

impl Description {
    /// What an authorization needs; `None` when the connector names no address
    /// for one of the two steps, or keeps its OAuth client elsewhere.
    pub fn authorization(&self) -> Option<AuthorizationCode<'_>> {
        fn named<'a>(members: &'a [Member], name: &str) -> Option<&'a str> {
            let last = |path: &str| path.rsplit('.').next().is_some_and(|last| last == name);
            members.iter().map(|member| member.path.as_str()).find(|path| last(path))
        }
        let (properties, credentials) = (self.properties(), self.credentials());
        let auth_code_path = named(credentials, "authCode")?;
        // The client that stands in the same group as the code.
        let group = auth_code_path.strip_suffix("oAuthRequest.authCode")?;
        let beside = |name: &str| {
            let path = format!("{group}{name}");
            credentials.iter().map(|member| member.path.as_str()).find(|known| *known == path)
        };
        let defaults =
            self.authentication_config.as_ref().and_then(|config| config.o_auth2_defaults.as_ref());
        let found = AuthorizationCode {
            auth_code_url_path: named(properties, "authCodeUrl"),
            token_url_path: named(properties, "tokenUrl"),
            scopes_path: named(properties, "oAuthScopes"),
            client_id_path: beside("clientId")?,
            client_secret_path: beside("clientSecret"),
            auth_code_path,
            redirect_uri_path: beside("oAuthRequest.redirectUri")?,
            auth_code_urls: defaults.map_or(&[], |defaults| &defaults.auth_code_urls),
            token_urls: defaults.map_or(&[], |defaults| &defaults.token_urls),
            scopes: defaults.map_or(&[], |defaults| &defaults.oauth_scopes),
        };
        let both = (found.auth_code_url_path.is_some() || !found.auth_code_urls.is_empty())
            && (found.token_url_path.is_some() || !found.token_urls.is_empty());
        both.then_some(found)
    }
}

impl<'a> AuthorizationCode<'a> {
    /// The address where consent is given, for a connection's properties.
    pub fn auth_code_url(&self, properties: &'a Value) -> Option<&'a str> {
        Self::address(self.auth_code_url_path, self.auth_code_urls, properties)
    }

    /// The address where the code becomes tokens.
    pub fn token_url(&self, properties: &'a Value) -> Option<&'a str> {
        Self::address(self.token_url_path, self.token_urls, properties)
    }

    /// The scopes to ask for.
    pub fn scopes(&self, properties: &'a Value) -> Vec<&'a str> {
        let own = self.scopes_path.and_then(|path| read(Some(properties), path)).and_then(Value::as_array);
        match own.filter(|scopes| !scopes.is_empty()) {
            Some(scopes) => scopes.iter().filter_map(Value::as_str).collect(),
            None => self.scopes.iter().map(String::as_str).collect(),
        }
    }

    /// The group of the credentials that holds the client and the tokens;
    /// empty when that is the document itself.
    pub fn group(&self) -> &'a str {
        self.client_id_path.strip_suffix("clientId").unwrap_or_default().trim_end_matches('.')
    }

    fn address(path: Option<&str>, defaults: &'a [String], properties: &'a Value) -> Option<&'a str> {
        match path {
            Some(path) => read(Some(properties), path).filter(|value| present(value)).and_then(Value::as_str),
            None => defaults.first().map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::example;
    use super::*;

    /// A connector with OAuth's members, whose properties and defaults name what is given.
    fn connector(properties: &[&str], defaults: Value) -> Description {
        let mut of = example();
        let members = |paths: &[&str]| -> Vec<Member> {
            let member = |path: &&str| json!({"path": path, "label": "L", "help": "H.", "kind": "text", "oauth": true});
            paths.iter().map(|path| serde_json::from_value(member(path)).expect("a member")).collect()
        };
        let profile = of.profile.as_mut().expect("a profile");
        profile.properties = members(properties);
        profile.credentials = members(&[
            "login.clientId",
            "login.accessToken",
            "login.oAuthRequest.authCode",
            "login.oAuthRequest.redirectUri",
        ]);
        let config = json!({"isOAuth2Supported": true, "oAuth2Defaults": defaults});
        of.authentication_config = Some(serde_json::from_value(config).expect("a configuration"));
        of
    }

    #[test]
    fn both_addresses_must_be_named() {
        let (consent, token) = (json!({"authCodeUrls": ["https://c"]}), json!({"tokenUrls": ["https://t"]}));
        let both = json!({"authCodeUrls": ["https://c"], "tokenUrls": ["https://t"]});
        for (properties, defaults, named) in [
            (&[][..], json!({}), false),
            (&[], consent, false),
            (&[], token.clone(), false),
            (&["o.tokenUrl"], json!({}), false),
            (&["o.authCodeUrl"], json!({}), false),
            (&["o.authCodeUrl"], token, true),
            (&["o.authCodeUrl", "o.tokenUrl"], json!({}), true),
            (&[], both, true),
        ] {
            let of = connector(properties, defaults);
            assert_eq!(of.authorization().is_some(), named, "{properties:?}");
        }
    }

    #[test]
    fn properties_come_before_defaults() {
        let defaults =
            json!({"authCodeUrls": ["https://c"], "tokenUrls": ["https://t"], "oauthScopes": ["all"]});
        let of = connector(&["o.tokenUrl", "o.oAuthScopes"], defaults);
        let way = of.authorization().expect("a way");
        assert_eq!(way.group(), "login");
        assert_eq!((way.client_id_path, way.client_secret_path), ("login.clientId", None));
        let own = json!({"o": {"tokenUrl": "https://own", "oAuthScopes": ["one", "two"]}});
        assert_eq!((way.token_url(&own), way.auth_code_url(&own)), (Some("https://own"), Some("https://c")));
        assert_eq!(way.scopes(&own), ["one", "two"]);
        // A default never stands in for a property that the connector asks for.
        let none = json!({"o": {"tokenUrl": "", "oAuthScopes": []}});
        assert_eq!((way.token_url(&none), way.scopes(&none)), (None, vec!["all"]));
    }

    #[test]
    fn a_code_is_left_out_with_the_verifier_beside_it() {
        let of = connector(&["o.tokenUrl"], json!({}));
        let request = json!({"authCode": "c", "redirectUri": "https://r", "codeVerifier": "v"});
        let stored = json!({"login": {"clientId": "i", "oAuthRequest": request}});
        assert_eq!(of.without_oauth(&stored), json!({}));
    }
}
