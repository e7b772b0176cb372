//! What applications said of their entities, kept for a while: a page that draws
//! a form asks the same again and again, and the answer costs a login.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tidegate_core::entity::{EntityField, EntityGroup};
use tidegate_core::{Connection, ConnectionName, ConnectorError, ConnectorType, OpenConnection};

use crate::app::App;
use crate::error::ApiError;

/// How long an answer is good. A new field is seen after this time, or at once
/// after ResetConnectorMetadataCache.
const KEEP: Duration = Duration::from_secs(300);

/// The most answers that are kept; beyond, the oldest make room.
const MOST: usize = 500;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The entities below a path, or those at the top.
    Entities(Option<String>),
    /// The fields of an entity.
    Fields(String),
}

#[derive(Clone)]
enum Answer {
    Entities(Arc<Vec<EntityGroup>>),
    Fields(Arc<Vec<EntityField>>),
}

/// The state of a connection that an answer was given over. An answer over
/// another address, or for another user, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    kind: ConnectorType,
    changed_at_ms: i64,
    credentials_version: u32,
}

struct Kept {
    answer: Answer,
    over: State,
    since: Instant,
}

/// The answers that are kept.
#[derive(Default)]
pub struct EntityCache(Mutex<HashMap<(ConnectionName, What), Kept>>);

impl EntityCache {
    /// Forgets answers: those over a connection, of a connector type, about one
    /// thing; each of them all where it is not given.
    pub fn forget(
        &self,
        connection: Option<&ConnectionName>,
        kind: Option<ConnectorType>,
        what: Option<&What>,
    ) {
        let named = |(name, asked): &(ConnectionName, What), kept: &Kept| {
            connection.is_none_or(|connection| connection == name)
                && kind.is_none_or(|kind| kind == kept.over.kind)
                && what.is_none_or(|what| what == asked)
        };
        self.0.lock().retain(|key, kept| !named(key, kept));
    }

    fn get(&self, connection: &Connection, what: &What, now: Instant) -> Option<Answer> {
        let held = self.0.lock();
        let kept = held.get(&(connection.name.clone(), what.clone()))?;
        let fresh = kept.over == State::of(connection) && now.duration_since(kept.since) < KEEP;
        fresh.then(|| kept.answer.clone())
    }

    fn put(&self, connection: &Connection, what: What, answer: Answer, now: Instant) {
        let mut held = self.0.lock();
        if held.len() >= MOST
            && let Some(oldest) = held.iter().min_by_key(|(_, kept)| kept.since).map(|(key, _)| key.clone())
        {
            held.remove(&oldest);
        }
        let kept = Kept { answer, over: State::of(connection), since: now };
        held.insert((connection.name.clone(), what), kept);
    }
}

impl State {
    fn of(connection: &Connection) -> Self {
        Self {
            kind: connection.connector_type,
            changed_at_ms: connection.updated_at_ms,
            credentials_version: connection.credentials_version,
        }
    }
}

impl App {
    /// The entities of an application, as it says now or said a while ago.
    ///
    /// # Errors
    /// The application's answer, if it has to be asked.
    pub async fn list_entities(
        &self,
        connection: &Connection,
        path: Option<&str>,
    ) -> Result<Arc<Vec<EntityGroup>>, ApiError> {
        let what = What::Entities(path.map(str::to_owned));
        if let Some(Answer::Entities(groups)) = self.entities.get(connection, &what, Instant::now()) {
            return Ok(groups);
        }
        let reader = self.readers.get(connection.connector_type)?;
        let open = self.open(&connection.name).await?;
        let groups = Arc::new(reader.list_entities(&open, path).await?);
        self.entities.put(&open.connection, what, Answer::Entities(Arc::clone(&groups)), Instant::now());
        Ok(groups)
    }

    /// The fields of an entity, as the application says now or said a while ago.
    ///
    /// # Errors
    /// As [`App::list_entities`].
    pub async fn describe_entity(
        &self,
        connection: &Connection,
        entity: &str,
    ) -> Result<Arc<Vec<EntityField>>, ApiError> {
        let what = What::Fields(entity.to_owned());
        if let Some(Answer::Fields(fields)) = self.entities.get(connection, &what, Instant::now()) {
            return Ok(fields);
        }
        let open = self.open(&connection.name).await?;
        self.ask_for_fields(&open, entity).await
    }

    /// The fields of an entity, as the application says now.
    ///
    /// # Errors
    /// As [`App::list_entities`].
    pub async fn ask_for_fields(
        &self,
        open: &OpenConnection,
        entity: &str,
    ) -> Result<Arc<Vec<EntityField>>, ApiError> {
        let reader = self.readers.get(open.connection.connector_type)?;
        let fields = reader.describe_entity(open, entity).await;
        let fields = Arc::new(fields.map_err(|error: ConnectorError| ApiError::from(error))?);
        let what = What::Fields(entity.to_owned());
        self.entities.put(&open.connection, what, Answer::Fields(Arc::clone(&fields)), Instant::now());
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_core::ConnectionMode;

    use super::*;

    fn connection(name: &str) -> Connection {
        Connection {
            name: name.into(),
            connector_type: ConnectorType::SapOData,
            connector_label: None,
            mode: ConnectionMode::Public,
            properties: json!({}),
            kms_arn: None,
            credentials_arn: None,
            credentials_version: 1,
            created_at_ms: 1,
            updated_at_ms: 1,
        }
    }

    fn fields(name: &str) -> What {
        What::Fields(name.to_owned())
    }

    fn filled(now: Instant) -> EntityCache {
        let cache = EntityCache::default();
        for name in ["a", "b"] {
            for what in [fields("x"), fields("y"), What::Entities(None)] {
                cache.put(&connection(name), what, Answer::Fields(Arc::default()), now);
            }
        }
        cache
    }

    #[test]
    fn an_answer_is_good_for_a_while_and_for_the_connection_as_it_was() {
        let now = Instant::now();
        let cache = filled(now);
        let holds = |of: &Connection, what: &What, at| cache.get(of, what, at).is_some();
        let a = connection("a");
        assert!(holds(&a, &fields("x"), now + KEEP - Duration::from_millis(1)));
        assert!(!holds(&a, &fields("x"), now + KEEP));
        assert!(!holds(&a, &fields("z"), now));
        assert!(!holds(&a, &What::Entities(Some("x".to_owned())), now));
        let other = [
            Connection { updated_at_ms: 2, ..a.clone() },
            Connection { credentials_version: 2, ..a.clone() },
            connection("c"),
        ];
        assert!(other.iter().all(|of| !holds(of, &fields("x"), now)));
    }

    #[test]
    fn what_is_named_is_forgotten_and_nothing_else() {
        let now = Instant::now();
        let left = |connection: Option<&str>, kind, what: Option<What>| {
            let cache = filled(now);
            cache.forget(connection.map(ConnectionName::new).as_ref(), kind, what.as_ref());
            cache.0.lock().len()
        };
        assert_eq!(left(None, None, None), 0);
        assert_eq!(left(Some("a"), None, None), 3);
        assert_eq!(left(Some("a"), Some(ConnectorType::SapOData), Some(fields("x"))), 5);
        assert_eq!(left(None, None, Some(What::Entities(None))), 4);
        assert_eq!(left(None, Some(ConnectorType::Slack), None), 6);
    }

    #[test]
    fn the_oldest_make_room() {
        let cache = EntityCache::default();
        let now = Instant::now();
        let a = connection("a");
        for number in 0..=MOST {
            let at = now + Duration::from_millis(u64::try_from(number).expect("small"));
            cache.put(&a, fields(&number.to_string()), Answer::Fields(Arc::default()), at);
        }
        assert_eq!(cache.0.lock().len(), MOST);
        assert!(cache.get(&a, &fields("0"), now).is_none() && cache.get(&a, &fields("1"), now).is_some());
    }
}
