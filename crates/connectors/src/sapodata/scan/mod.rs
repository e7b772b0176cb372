//! Reading an entity: the plan of a scan, and the stream that its pages become.

mod fetch;
mod parallel;
mod sequential;
mod stream;

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use tidegate_core::connector::{Progress, Scan};
use tidegate_core::plan::ReadRequest;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::client::Client;
use super::columns::{Column, column, navigation_column};
use super::filter::push;
use super::metadata::{Metadata, StructuredType};
use super::page::Decoder;
use super::target::Target;
use fetch::Reader;

/// The longest `$select` that is sent; longer ones are left out, and the
/// decoder skips what was not asked for.
const MAX_SELECT: usize = 3_000;

/// Opens a scan: reads the metadata, decides what is pushed down, and starts the
/// task that reads pages ahead of whoever polls the stream.
pub(super) async fn open(
    client: Client,
    request: ReadRequest,
    progress: Arc<Progress>,
) -> Result<Scan, ConnectorError> {
    let target = Target::parse(client.root().path(), &request.entity)?;
    let (_, metadata) = client.metadata(&target.service).await?;
    let (set, entity) = target.resolve(&metadata)?;
    let pushed = push(&metadata, set, entity, &request.filters)?;
    let (columns, fields) = columns(&metadata, entity, request.fields.as_deref())?;
    let keys = sortable_keys(entity);
    let parallelism = request.parallelism.unwrap_or(1).clamp(1, 10);
    let page_size = request.page_size.map(|size| size.clamp(1, 10_000));

    let mut options = Vec::new();
    let expand: Vec<&str> =
        columns.iter().map(|c| c.name.as_str()).filter(|name| entity.property(name).is_none()).collect();
    if request.fields.is_some() {
        let mut select: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        // Without the keys it could not be said where reading went on.
        if parallelism > 1 || select.is_empty() {
            select.extend(
                keys.iter().flatten().map(String::as_str).filter(|k| !columns.iter().any(|c| c.name == *k)),
            );
        }
        let select = select.join(",");
        if !select.is_empty() && select.len() <= MAX_SELECT {
            options.push(("$select", select));
        }
    }
    if !expand.is_empty() {
        options.push(("$expand", expand.join(",")));
    }
    let schema = Arc::new(Schema::new(fields));
    let decoder = Decoder::new(columns, Arc::clone(&schema), keys.as_deref().unwrap_or_default());
    let reader = Arc::new(Reader {
        client,
        path: target.path(),
        version: metadata.version,
        options,
        filter: pushed.expression,
        keys,
        page_size,
        decoder: Arc::new(decoder),
        metadata,
        entity: target,
        progress,
    });
    let batches = stream::start(move |out| async move {
        if parallelism > 1 {
            parallel::read(reader, parallelism, out).await
        } else {
            sequential::read(reader, out).await
        }
    });
    Ok(Scan { schema, pushed: pushed.exact, batches })
}

/// The columns of the request, in its order; without one, all structural
/// properties (related entities only come when they are asked for).
fn columns(
    metadata: &Metadata,
    entity: &StructuredType,
    wanted: Option<&[String]>,
) -> Result<(Vec<Column>, Vec<Field>), ConnectorError> {
    let Some(wanted) = wanted else {
        return Ok(entity.properties.iter().filter_map(|property| column(metadata, property)).unzip());
    };
    let mut all = Vec::new();
    for name in wanted {
        let found = match entity.property(name) {
            Some(property) => column(metadata, property),
            None => entity.navigation(name).map(|_| navigation_column(name)),
        };
        all.push(found.ok_or_else(|| {
            let text = format!("the entity has no field {name} that can be read");
            ConnectorError::new(ConnectorErrorKind::Invalid, text)
        })?);
    }
    Ok(all.into_iter().unzip())
}

/// The properties of the key, when the service sorts by all of them.
fn sortable_keys(entity: &StructuredType) -> Option<Vec<String>> {
    let sortable = |key: &String| entity.property(key).is_some_and(|property| !property.not_sortable);
    (!entity.key.is_empty() && entity.key.iter().all(sortable)).then(|| entity.key.clone())
}
