//! SAP's catalogue services, which list the other services of a system.

use reqwest::Url;
use serde_json::Value;
use tidegate_core::entity::Entity;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::client::{Client, accept, version_header};
use super::metadata::Metadata;

/// How many pages of a catalogue are read; a system has thousands of services, not millions.
const MAX_PAGES: usize = 1_000;

/// The services that a catalogue lists, as nested entities named by their paths;
/// `None` when the metadata are not those of a catalogue. Known are the V2
/// catalogue (`ServiceCollection`) and the V4 one (`ServiceGroups`).
pub(super) async fn services(
    client: &Client,
    metadata: &Metadata,
) -> Result<Option<Vec<Entity>>, ConnectorError> {
    let has = |set: &str, property: &str| {
        metadata.set(set).and_then(|set| metadata.type_of(set)).is_some_and(|entity| {
            entity.property(property).is_some() || entity.navigation(property).is_some()
        })
    };
    let root = client.root().path();
    let first = if has("ServiceCollection", "ServiceUrl") {
        client.url(&format!("{root}/ServiceCollection"), &[])
    } else if has("ServiceGroups", "DefaultSystem") {
        let expand = "DefaultSystem($expand=Services)".to_owned();
        client.url(&format!("{root}/ServiceGroups"), &[("$expand", expand)])
    } else {
        return Ok(None);
    };
    let mut next = Some(first);
    let mut entities = Vec::new();
    for _ in 0..MAX_PAGES {
        let Some(url) = next.take() else { break };
        let answer = client.get(&url, accept(metadata.version), &[version_header(metadata.version)]).await?;
        let page: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| client.not_data(&answer, "something else than the list of services"))?;
        let body = page.get("d").unwrap_or(&page);
        let rows = ["results", "value"].iter().find_map(|name| body.get(name)).unwrap_or(body);
        let rows = rows.as_array().ok_or_else(|| {
            client.origin.error(ConnectorErrorKind::BadAnswer, &format!("{} lists no services", answer.url))
        })?;
        for row in rows {
            match row.pointer("/DefaultSystem/Services").and_then(Value::as_array) {
                Some(services) => entities.extend(services.iter().filter_map(|s| entity(client.root(), s))),
                None => entities.extend(entity(client.root(), row)),
            }
        }
        let link =
            ["__next", "@odata.nextLink"].iter().find_map(|name| body.get(name)).and_then(Value::as_str);
        next = link.map(|link| client.origin.link(&answer.url, link)).transpose()?;
    }
    Ok(Some(entities))
}

/// A service by the path of its URL. Catalogues tell the name by which the
/// system knows itself, which is often not the one it is reached by, so only the
/// path counts: the request goes to the connection's own address anyhow.
fn entity(root: &Url, service: &Value) -> Option<Entity> {
    let text = |name: &str| service.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let url = root.join(text("ServiceUrl")?).ok()?;
    let path = url.path().trim_end_matches('/').to_owned();
    if path.is_empty() {
        return None;
    }
    let label =
        ["Title", "Description", "ServiceId", "TechnicalServiceName"].iter().find_map(|name| text(name));
    Some(Entity { label: label.unwrap_or(&path).to_owned(), name: path, has_nested: true })
}
