//! What is set for an identity provider, and whom it may let in.

use std::path::PathBuf;

use reqwest::Url;
use ring::digest;
use tidegate_core::Secret;

use crate::config::Settings;
use crate::http::is_safe;

/// The variable that brings the client's secret; there is no option for it,
/// because options can be read by others.
const SECRET_VARIABLE: &str = "TIDEGATE_OIDC_CLIENT_SECRET";

/// The button's text where nothing else is set.
const NAME: &str = "single sign-on";

/// An identity provider, as it is set.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its issuer URL, as it writes it itself.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What we show it; without one we are a public client.
    pub client_secret: Option<Secret<String>>,
    /// What people call it.
    pub name: String,
    /// Whom it may let in.
    pub allow: Vec<Allow>,
    /// Certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// Somebody who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Whoever has this verified e-mail address.
    Email(String),
    /// Whoever has a verified e-mail address at this domain.
    Domain(String),
    /// Whom the provider knows by this identifier.
    Subject(String),
}

impl Allow {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "--oidc-allow takes e-mail addresses, *@domain, or sub:IDENTIFIER, separated by commas, not '{text}'"
            )
        };
        if let Some(subject) = text.strip_prefix("sub:") {
            return if subject.is_empty() { Err(wrong()) } else { Ok(Self::Subject(subject.to_owned())) };
        }
        let (name, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        if name.is_empty() || domain.is_empty() || domain.contains('*') || (name.contains('*') && name != "*")
        {
            return Err(wrong());
        }
        Ok(if name == "*" {
            Self::Domain(domain.to_ascii_lowercase())
        } else {
            Self::Email(text.to_ascii_lowercase())
        })
    }

    /// Whether it admits a subject with this verified e-mail address.
    pub fn admits(&self, subject: &str, verified_email: Option<&str>) -> bool {
        // Only ASCII: Unicode's lower case makes the same of letters of different people.
        let email = verified_email.map(str::to_ascii_lowercase);
        match self {
            Self::Subject(allowed) => allowed == subject,
            Self::Email(allowed) => email.as_ref() == Some(allowed),
            Self::Domain(allowed) => {
                email.as_deref().and_then(|email| email.rsplit_once('@')).is_some_and(|(_, at)| at == allowed)
            }
        }
    }
}

impl OidcSettings {
    /// A digest of what decides who is let in: another provider, another client
    /// there, or other people make another one. The order of the people does not.
    pub fn terms(&self) -> String {
        let mut allow: Vec<String> = self.allow.iter().map(|rule| format!("{rule:?}")).collect();
        allow.sort();
        allow.dedup();
        let all = format!("{:?}", (&self.issuer, &self.client_id, allow));
        hex::encode(digest::digest(&digest::SHA256, all.as_bytes()))
    }

    /// What is set, if an issuer is.
    ///
    /// # Errors
    /// What is missing or cannot be used, and what to write instead.
    pub fn of(settings: &Settings) -> Result<Option<Self>, String> {
        let secret = std::env::var(SECRET_VARIABLE).ok().filter(|secret| !secret.is_empty());
        Self::with_secret(settings, secret.map(Secret::new))
    }

    fn with_secret(
        settings: &Settings,
        client_secret: Option<Secret<String>>,
    ) -> Result<Option<Self>, String> {
        let Some(issuer) = &settings.oidc_issuer else {
            return match &settings.oidc_client_id {
                Some(_) => Err("--oidc-client-id needs --oidc-issuer".to_owned()),
                None => Ok(None),
            };
        };
        let url =
            Url::parse(issuer).map_err(|error| format!("--oidc-issuer '{issuer}' is no URL: {error}"))?;
        if !is_safe(&url) {
            return Err(format!(
                "--oidc-issuer must be an https:// URL (http:// only on this machine), not '{issuer}'"
            ));
        }
        let client_id = settings.oidc_client_id.clone().ok_or_else(|| {
            "--oidc-issuer needs --oidc-client-id: the identifier under which the provider knows this server"
                .to_owned()
        })?;
        let allow: Vec<Allow> =
            settings.oidc_allow.iter().flatten().map(|text| Allow::parse(text)).collect::<Result<_, _>>()?;
        if allow.is_empty() {
            return Err(
                "--oidc-issuer needs --oidc-allow: whom of the provider's people to let in, such as \
                        ada@example.com, *@example.com or sub:1234, separated by commas"
                    .to_owned(),
            );
        }
        Ok(Some(Self {
            issuer: issuer.clone(),
            client_id,
            client_secret,
            name: settings.oidc_name.clone().unwrap_or_else(|| NAME.to_owned()),
            allow,
            ca_file: settings.ca_file.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            oidc_issuer: Some("https://id.example.com".to_owned()),
            oidc_client_id: Some("tidegate".to_owned()),
            oidc_allow: Some(vec!["ada@example.com".to_owned()]),
            ..Settings::default()
        }
    }

    #[test]
    fn only_those_who_are_named_are_admitted() {
        let admits = |rule: &str, subject, email| Allow::parse(rule).expect(rule).admits(subject, email);
        assert!(admits("Ada@Example.com", "1", Some("aDa@example.COM")));
        assert!(!admits("ada@example.com", "1", Some("bob@example.com")));
        assert!(!admits("kim@example.com", "1", Some("\u{212a}im@example.com")), "the Kelvin sign is no k");
        assert!(!admits("ada@example.com", "ada@example.com", None), "an address must be verified");
        assert!(admits("*@example.com", "1", Some("bob@example.com")));
        for stranger in
            ["bob@sub.example.com", "bob@example.com.evil.org", "bob@evilexample.com", "example.com"]
        {
            assert!(!admits("*@example.com", "1", Some(stranger)), "{stranger}");
        }
        assert!(admits("sub:1", "1", None));
        assert!(!admits("sub:1", "11", Some("sub:1@example.com")));
        for bad in ["", "*", "@example.com", "*@", "*@*", "a*@example.com", "sub:", "example.com"] {
            assert!(Allow::parse(bad).expect_err(bad).contains("--oidc-allow"));
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        assert!(OidcSettings::with_secret(&Settings::default(), None).expect("nothing is set").is_none());
        let whole = OidcSettings::with_secret(&settings(), None).expect("whole").expect("set");
        assert_eq!((whole.name.as_str(), whole.allow.len()), (NAME, 1));
        let told = |change: fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            OidcSettings::with_secret(&settings, None).expect_err("refused")
        };
        assert!(told(|it| it.oidc_allow = None).contains("--oidc-allow"));
        assert!(told(|it| it.oidc_client_id = None).contains("--oidc-client-id"));
        assert!(told(|it| it.oidc_issuer = None).contains("--oidc-issuer"));
        assert!(told(|it| it.oidc_issuer = Some("http://id.example.com".to_owned())).contains("https://"));
        assert!(told(|it| it.oidc_issuer = Some("id.example.com".to_owned())).contains("no URL"));
    }
}
