//! Reading an entity: the plan of a scan, and the stream that its pages become.

mod fetch;
mod parallel;
mod sequential;
mod stream;
mod tracked;

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use tidegate_core::connector::{CursorCell, Progress, Scan};
use tidegate_core::plan::ReadRequest;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::changes::{CHANGE_MODE, Cursor, ENTITY_COUNTER, Plan, Queue, Tracking, cannot, is_about_changes};
use super::client::Client;
use super::columns::{Column, column, navigation_column, text_column};
use super::filter::{Pushed, push};
use super::metadata::{EntitySet, Metadata, StructuredType};
use super::page::{Changes, Decoder};
use super::target::Target;
use fetch::Reader;
use tracked::Following;

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
    let mut request = request;
    if request.skip_missing {
        let has = |name: &str| {
            name == CHANGE_MODE || entity.property(name).is_some() || entity.navigation(name).is_some()
        };
        request.filters.retain(|filter| has(&filter.field));
        if let Some(fields) = &mut request.fields {
            fields.retain(|name| has(name));
        }
    }
    let tracking = Tracking::of(&metadata, set);
    let tracked = request.track_changes || request.cursor.is_some();
    if tracked && tracking.is_none() {
        return Err(cannot(&request.entity));
    }
    let cursor = request.cursor.as_deref().map(Cursor::read).transpose()?;
    let pushed = match tracking {
        Some(_) => push_known(&metadata, set, entity, &request)?,
        None => push(&metadata, set, entity, &request.filters)?,
    };
    // V4 has no column of its own that says what became of a record.
    let makes_mode = tracking == Some(Tracking::DeltaLinks) && entity.property(CHANGE_MODE).is_none();
    let (columns, fields) =
        columns(&metadata, entity, request.fields.as_deref(), makes_mode.then_some(tracked))?;
    let mode = columns.iter().position(|column| column.name == CHANGE_MODE);
    let keys = sortable_keys(entity);
    let parallelism = request.parallelism.unwrap_or(1).clamp(1, 10);
    let page_size = request.page_size.map(|size| size.clamp(1, 10_000));

    let mut options = Vec::new();
    let asked = || columns.iter().map(|c| c.name.as_str()).filter(|name| !makes_mode || *name != CHANGE_MODE);
    let expand: Vec<&str> = asked().filter(|name| entity.property(name).is_none()).collect();
    if let (true, Some(name)) = (tracked, expand.first()) {
        let text = format!(
            "the changes of related entities are not followed: leave the field {name} out of the flow"
        );
        return Err(ConnectorError::new(ConnectorErrorKind::Invalid, text));
    }
    let mut plan = Plan { filter: pushed.expression.clone(), fields: None };
    if request.fields.is_some() {
        let mut select: Vec<&str> = asked().collect();
        // Without the keys it could not be said where reading went on, nor what was deleted.
        if parallelism > 1 || select.is_empty() || tracked {
            let keys = if tracked { entity.key.as_slice() } else { keys.as_deref().unwrap_or_default() };
            select.extend(keys.iter().map(String::as_str).filter(|k| !columns.iter().any(|c| c.name == *k)));
        }
        if tracked {
            let own = [CHANGE_MODE, ENTITY_COUNTER];
            let missing: Vec<&str> = own
                .into_iter()
                .filter(|name| entity.property(name).is_some() && !select.contains(name))
                .collect();
            select.extend(missing);
        }
        let joined = select.join(",");
        if !joined.is_empty() && joined.len() <= MAX_SELECT {
            plan.fields = Some(select.iter().map(ToString::to_string).collect());
            options.push(("$select", joined));
        }
    }
    if let Some(cursor) = &cursor {
        let wanted = request.fields.is_some().then(|| asked().map(str::to_owned).collect());
        cursor.check(&Plan { filter: plan.filter.clone(), fields: wanted })?;
        plan = cursor.plan.clone();
        warn(&progress, entity, mode.is_some(), &request);
    }
    if !expand.is_empty() {
        options.push(("$expand", expand.join(",")));
    }
    let schema = Arc::new(Schema::new(fields));
    let mut decoder = Decoder::new(columns, Arc::clone(&schema), keys.as_deref().unwrap_or_default());
    if tracked || (makes_mode && mode.is_some()) {
        decoder = decoder.with_changes(Changes {
            keys: entity.key.clone(),
            column: mode.filter(|_| makes_mode),
            otherwise: if cursor.is_some() { "U" } else { "C" },
        });
    }
    let queue = (tracking == Some(Tracking::Odp)).then(|| Queue::new(&metadata, &target));
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
    let next_cursor = CursorCell::default();
    let follow = tracked.then(|| Following { cursor, plan, queue, next: next_cursor.clone() });
    let batches = stream::start(move |out| async move {
        if let Some(follow) = follow {
            if parallelism > 1 {
                reader
                    .progress
                    .note("The pages were read one after the other: changes are followed in order.");
            }
            tracked::read(reader, follow, out).await
        } else if parallelism > 1 {
            parallel::read(reader, parallelism, out).await
        } else {
            sequential::read(reader, out).await
        }
    });
    Ok(Scan { schema, pushed: pushed.exact, batches, next_cursor })
}

/// Pushes down what an entity set with changes may take: no filter on what is
/// told of the changes themselves.
fn push_known(
    metadata: &Metadata,
    set: Option<&EntitySet>,
    entity: &StructuredType,
    request: &ReadRequest,
) -> Result<Pushed, ConnectorError> {
    let others: Vec<_> = request.filters.iter().filter(|filter| !is_about_changes(filter)).cloned().collect();
    let pushed = push(metadata, set, entity, &others)?;
    let mut exact = pushed.exact.into_iter();
    let all = request.filters.iter().map(|filter| !is_about_changes(filter) && exact.next() == Some(true));
    Ok(Pushed { exact: all.collect(), expression: pushed.expression })
}

/// Says in the run's record what may become of deletions.
fn warn(progress: &Progress, entity: &StructuredType, has_mode: bool, request: &ReadRequest) {
    if !has_mode {
        progress.note(format!(
            "The flow does not take the field {CHANGE_MODE}, so deleted records cannot be told from others."
        ));
    }
    let not_a_key = |field: &str| field != CHANGE_MODE && !entity.key.iter().any(|key| key == field);
    if let Some(filter) = request.filters.iter().find(|filter| not_a_key(&filter.field)) {
        progress.note(format!(
            "Deleted records mostly have nothing but their key, so the filter on {} leaves them out.",
            filter.field
        ));
    }
}

/// The columns of the request, in its order; without one, all structural
/// properties (related entities only come when they are asked for). `mode` says
/// that there is a column for what became of a record, which the service does not
/// have, and whether it belongs to all of them.
fn columns(
    metadata: &Metadata,
    entity: &StructuredType,
    wanted: Option<&[String]>,
    mode: Option<bool>,
) -> Result<(Vec<Column>, Vec<Field>), ConnectorError> {
    let Some(wanted) = wanted else {
        let all = entity.properties.iter().filter_map(|property| column(metadata, property));
        return Ok(all.chain((mode == Some(true)).then(|| text_column(CHANGE_MODE))).unzip());
    };
    let mut all = Vec::new();
    for name in wanted {
        let found = match entity.property(name) {
            Some(property) => column(metadata, property),
            None if mode.is_some() && name == CHANGE_MODE => Some(text_column(CHANGE_MODE)),
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
