//! What is kept between two runs that follow an entity set's changes.

use serde::{Deserialize, Serialize};
use tidegate_core::{ConnectorError, ConnectorErrorKind};

/// What the changes are followed of. A service notes changes of what the first
/// request asked for, so later runs cannot ask for more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// `$filter` of the first request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<String>,
    /// `$select` of the first request; `None` for all fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Vec<String>>,
}

/// The cursor of a flow, which is JSON to whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cursor {
    /// Path and query of the link to what changed since.
    pub(crate) delta_link: String,
    #[serde(flatten)]
    pub(crate) plan: Plan,
}

impl Cursor {
    pub(crate) fn read(text: &str) -> Result<Self, ConnectorError> {
        serde_json::from_str(text).map_err(|error| {
            ConnectorError::new(
                ConnectorErrorKind::Invalid,
                format!(
                    "the flow's cursor is not one of this connector ({error}). Run the flow with a full load"
                ),
            )
        })
    }

    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }

    /// Whether the changes of `wanted` can be read with this cursor.
    pub(crate) fn check(&self, wanted: &Plan) -> Result<(), ConnectorError> {
        let error = |what: String| {
            Err(ConnectorError::new(
                ConnectorErrorKind::Invalid,
                format!(
                    "{what} since the service began to track the changes, and it tracks what was asked for then. Run \
                     the flow once with a full load, which begins anew"
                ),
            ))
        };
        if self.plan.filter != wanted.filter {
            return error("the flow's filters on the source have changed".to_owned());
        }
        match (&self.plan.fields, &wanted.fields) {
            (None, _) => Ok(()),
            (Some(_), None) => error("the flow has come to ask for all fields".to_owned()),
            (Some(known), Some(wanted)) => match wanted.iter().find(|field| !known.contains(field)) {
                Some(field) => error(format!("the flow has come to ask for the field {field}")),
                None => Ok(()),
            },
        }
    }

    /// The delta token in the link, if it is written as SAP does.
    pub(crate) fn token(&self) -> Option<String> {
        let (_, query) = self.delta_link.split_once('?')?;
        let value = query.split('&').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.to_ascii_lowercase().ends_with("deltatoken").then_some(value)
        })?;
        let value = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
        Some(value.trim_matches('\'').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_serves_what_it_was_made_for_and_less() {
        let plan = |filter: Option<&str>, fields: Option<&[&str]>| Plan {
            filter: filter.map(str::to_owned),
            fields: fields.map(|fields| fields.iter().map(ToString::to_string).collect()),
        };
        let made = |plan| Cursor { delta_link: "/s/X?!deltatoken=%27D1%27".into(), plan };
        let cases = [
            (plan(None, None), plan(None, None), true),
            (plan(None, None), plan(None, Some(&["A"])), true),
            (plan(None, Some(&["A", "B"])), plan(None, Some(&["B"])), true),
            (plan(None, Some(&["A"])), plan(None, Some(&["A", "B"])), false),
            (plan(None, Some(&["A"])), plan(None, None), false),
            (plan(Some("A eq 1"), None), plan(None, None), false),
            (plan(Some("A eq 1"), None), plan(Some("A eq 1"), None), true),
        ];
        for (then, now, expected) in cases {
            let cursor = made(then.clone());
            assert_eq!(cursor.check(&now).is_ok(), expected, "{then:?} {now:?}");
            assert_eq!(Cursor::read(&cursor.write()).unwrap(), cursor);
        }
        assert_eq!(made(plan(None, None)).token().as_deref(), Some("D1"));
        assert!(Cursor::read("12").is_err());
    }
}
