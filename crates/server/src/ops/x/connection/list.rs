//! The list of connections for people: filter, order, page, health and use.

use serde::{Deserialize, Serialize};
use tidegate_core::{ConnectorType, Resource};
use tidegate_store::{CheckResult, ConnectionQuery, ConnectionSort, HealthFilter, ListedConnection};

use crate::convert::profile::mode_name;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::ops::Call;

/// Rows of a page where none are named, and at most.
const DEFAULT_PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 100;

/// Which connections, and in which order.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListInput {
    connector_type: Option<String>,
    connector_label: Option<String>,
    name_contains: Option<String>,
    health: Option<Vec<String>>,
    sort_by: Option<String>,
    descending: bool,
    max_results: Option<u32>,
    start_index: u32,
}

/// A page of connections.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    connector_profiles: Vec<Profile>,
    total: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    connector_profile_name: String,
    connector_profile_arn: String,
    connector_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector_label: Option<String>,
    connection_mode: &'static str,
    created_at: String,
    last_updated_at: String,
    health: Option<Health>,
    used_by: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    result: &'static str,
    message: String,
    checked_at: String,
}

/// Lists connections.
pub async fn run(call: Call, input: ListInput) -> Result<Listed, ApiError> {
    let (items, total) = call.app.store.connections(call.account()).page(&query(input)?).await?;
    let profile = |item: ListedConnection| Profile {
        connector_profile_arn: call.app.scope.arn(&Resource::Connection(item.name.clone())),
        connector_profile_name: item.name.as_str().to_owned(),
        connector_type: item.connector_type.as_str(),
        connector_label: item.connector_label,
        connection_mode: mode_name(item.mode),
        created_at: instant(item.created_at_ms),
        last_updated_at: instant(item.updated_at_ms),
        health: item.check.map(|check| Health {
            result: check.result.as_str(),
            message: check.message,
            checked_at: instant(check.checked_at_ms),
        }),
        used_by: item.used_by,
    };
    Ok(Listed { connector_profiles: items.into_iter().map(profile).collect(), total })
}

fn instant(millis: i64) -> String {
    timestamp(millis).to_string()
}

fn query(input: ListInput) -> Result<ConnectionQuery, ApiError> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(ApiError::validation(format!("maxResults must be from 1 to {LARGEST_PAGE}.")));
    }
    let connector_type = match given(input.connector_type) {
        None => None,
        Some(text) => Some(ConnectorType::parse(&text).ok_or_else(|| {
            ApiError::validation("connectorType must be one of the connector types of the API.")
        })?),
    };
    Ok(ConnectionQuery {
        connector_type,
        connector_label: given(input.connector_label),
        name_contains: given(input.name_contains),
        // An empty list filters nothing, as an absent one.
        health: input.health.filter(|words| !words.is_empty()).map(|words| health(&words)).transpose()?,
        sort: input.sort_by.as_deref().map_or(Ok(ConnectionSort::Name), sort)?,
        descending: input.descending,
        offset: input.start_index,
        limit,
    })
}

fn health(words: &[String]) -> Result<HealthFilter, ApiError> {
    let mut filter = HealthFilter::default();
    for word in words {
        match CheckResult::parse(word) {
            Some(result) => filter.results.push(result),
            None if word == "NotChecked" => filter.unchecked = true,
            None => {
                return Err(ApiError::validation(
                    "health must hold Proved, Refused, Unreachable, CannotBeTested or NotChecked.",
                ));
            }
        }
    }
    filter.results.sort_unstable_by_key(|result| result.as_str());
    filter.results.dedup();
    Ok(filter)
}

fn sort(word: &str) -> Result<ConnectionSort, ApiError> {
    Ok(match word {
        "name" => ConnectionSort::Name,
        "connectorType" => ConnectionSort::ConnectorType,
        "connectionMode" => ConnectionSort::Mode,
        "lastUpdatedAt" => ConnectionSort::Updated,
        "health" => ConnectionSort::Health,
        "usedBy" => ConnectionSort::UsedBy,
        _ => {
            return Err(ApiError::validation(
                "sortBy must be name, connectorType, connectionMode, lastUpdatedAt, health or usedBy.",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(input: Value) -> Result<ConnectionQuery, ApiError> {
        query(serde_json::from_value(input).expect("an input"))
    }

    #[test]
    fn what_is_left_out_or_empty_filters_nothing() {
        let all = ConnectionQuery { limit: 20, ..ConnectionQuery::default() };
        assert_eq!(read(json!({})), Ok(all.clone()));
        let empty = json!({"connectorType": "", "connectorLabel": "", "nameContains": "", "health": []});
        assert_eq!(read(empty), Ok(all));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (input, says) in [
            (json!({"maxResults": 0}), "maxResults"),
            (json!({"maxResults": 101}), "maxResults"),
            (json!({"connectorType": "SAP"}), "connectorType"),
            (json!({"health": ["Good"]}), "NotChecked"),
            (json!({"sortBy": "age"}), "sortBy"),
        ] {
            assert!(read(input).expect_err("refused").message.contains(says), "{says}");
        }
    }
}
