//! Compares what a service answers to every filter with what reading everything
//! and filtering here gives, for every field and operator of an entity.
//!
//! `sap_compare URL USER ENTITY [FIELD …]`; the password comes from `SAP_PASSWORD`. Ends
//! non-zero when one differs. The literals are values that the entity holds, in
//! the spelling of Arrow's display of them.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int32Type,
    Int64Type, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use futures::TryStreamExt as _;
use tidegate_connectors::kit::civil::{Instant, civil_from_days, fraction};
use tidegate_connectors::kit::{Outbound, OutboundPolicy};
use tidegate_connectors::reader;
use tidegate_core::connector::{Connector, Progress};
use tidegate_core::plan::{Comparison, Filter, ReadRequest};
use tidegate_core::{Connection, ConnectionMode, ConnectionName, ConnectorType, Credentials, OpenConnection};

/// A value as something that is ordered, and as a flow's filter would write it.
#[derive(Clone, Debug, PartialEq)]
enum Sortable {
    Text(String),
    Number(i128),
    Float(f64),
}

type Cell = Option<(Sortable, String)>;

fn cells(array: &dyn Array) -> Vec<Cell> {
    fn numbers<T: ArrowPrimitiveType>(array: &dyn Array, write: impl Fn(i128) -> String) -> Vec<Cell>
    where
        T::Native: Into<i128>,
    {
        array
            .as_primitive::<T>()
            .iter()
            .map(|value| value.map(|value| (Sortable::Number(value.into()), write(value.into()))))
            .collect()
    }
    let stamp = |per: i128| {
        move |value: i128| {
            let seconds = i64::try_from(value.div_euclid(per)).unwrap();
            let nanos = u32::try_from(value.rem_euclid(per) * (1_000_000_000 / per)).unwrap();
            format!("{}Z", Instant { seconds, nanos }.iso())
        }
    };
    let clock = |per: i128| {
        move |value: i128| {
            let (seconds, part) = (value / per, value % per);
            let nanos = u32::try_from(part * (1_000_000_000 / per)).unwrap();
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            format!("{hour:02}:{minute:02}:{second:02}{}", fraction(nanos))
        }
    };
    match array.data_type() {
        DataType::Utf8 => array
            .as_string::<i32>()
            .iter()
            .map(|v| v.map(|v| (Sortable::Text(v.to_owned()), v.to_owned())))
            .collect(),
        DataType::Boolean => array
            .as_boolean()
            .iter()
            .map(|v| v.map(|v| (Sortable::Number(i128::from(v)), v.to_string())))
            .collect(),
        DataType::Int32 => numbers::<Int32Type>(array, |v| v.to_string()),
        DataType::Int64 => numbers::<Int64Type>(array, |v| v.to_string()),
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .iter()
            .map(|v| v.map(|v| (Sortable::Float(v.into()), v.to_string())))
            .collect(),
        DataType::Float64 => array
            .as_primitive::<Float64Type>()
            .iter()
            .map(|v| v.map(|v| (Sortable::Float(v), v.to_string())))
            .collect(),
        DataType::Decimal128(..) => {
            let array = array.as_primitive::<Decimal128Type>();
            (0..array.len())
                .map(|at| {
                    array.is_valid(at).then(|| (Sortable::Number(array.value(at)), array.value_as_string(at)))
                })
                .collect()
        }
        DataType::Decimal256(..) => {
            let array = array.as_primitive::<Decimal256Type>();
            (0..array.len())
                .map(|at| {
                    let number = array.value(at).to_i128().unwrap();
                    array.is_valid(at).then(|| (Sortable::Number(number), array.value_as_string(at)))
                })
                .collect()
        }
        DataType::Date32 => numbers::<Date32Type>(array, |days| {
            let (year, month, day) = civil_from_days(i64::try_from(days).unwrap());
            format!("{year:04}-{month:02}-{day:02}")
        }),
        DataType::Time64(TimeUnit::Nanosecond) => {
            numbers::<Time64NanosecondType>(array, clock(1_000_000_000))
        }
        DataType::Time64(_) => numbers::<Time64MicrosecondType>(array, clock(1_000_000)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            numbers::<TimestampNanosecondType>(array, stamp(1_000_000_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            numbers::<TimestampMicrosecondType>(array, stamp(1_000_000))
        }
        DataType::Timestamp(..) => numbers::<TimestampMillisecondType>(array, stamp(1_000)),
        _ => Vec::new(),
    }
}

fn holds(comparison: Comparison, cell: &Cell, values: &[(Sortable, String)]) -> bool {
    let Some((cell, _)) = cell else { return false };
    let order = |value: &Sortable| match (cell, value) {
        (Sortable::Text(a), Sortable::Text(b)) => a.cmp(b),
        (Sortable::Number(a), Sortable::Number(b)) => a.cmp(b),
        (Sortable::Float(a), Sortable::Float(b)) => a.total_cmp(b),
        _ => unreachable!("one column has one type"),
    };
    let any = |test: &dyn Fn(std::cmp::Ordering) -> bool| values.iter().any(|(value, _)| test(order(value)));
    match comparison {
        Comparison::Equal => any(&|o| o.is_eq()),
        Comparison::NotEqual => values.iter().all(|(value, _)| order(value).is_ne()),
        Comparison::Less => any(&|o| o.is_lt()),
        Comparison::LessOrEqual => any(&|o| o.is_le()),
        Comparison::Greater => any(&|o| o.is_gt()),
        Comparison::GreaterOrEqual => any(&|o| o.is_ge()),
        Comparison::Between => order(&values[0].0).is_ge() && order(&values[1].0).is_le(),
        Comparison::Contains => values.iter().any(|(value, _)| match (cell, value) {
            (Sortable::Text(a), Sortable::Text(b)) => a.contains(b.as_str()),
            _ => false,
        }),
    }
}

struct Session {
    connector: Box<dyn Connector>,
    open: OpenConnection,
    entity: String,
}

impl Session {
    async fn read(&self, filters: Vec<Filter>) -> Result<(Vec<RecordBatch>, Vec<bool>), Box<dyn Error>> {
        let request = ReadRequest { entity: self.entity.clone(), filters, ..ReadRequest::default() };
        let scan = self.connector.scan(&self.open, request, Arc::new(Progress::default())).await?;
        Ok((scan.batches.try_collect().await?, scan.pushed))
    }
}

fn column(batches: &[RecordBatch], name: &str) -> Vec<Cell> {
    batches.iter().flat_map(|batch| cells(batch.column_by_name(name).expect("it was read"))).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, user, entity, only @ ..] = arguments.as_slice() else {
        return Err("usage: sap_compare URL USER ENTITY [FIELD …]".into());
    };
    let url = reqwest::Url::parse(url)?;
    let properties = serde_json::json!({
        "applicationHostUrl": format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()),
        "applicationServicePath": url.path(), "portNumber": url.port_or_known_default(), "clientNumber": "100",
    });
    let password = std::env::var("SAP_PASSWORD").unwrap_or_default();
    let session = Session {
        connector: reader(ConnectorType::SapOData, Outbound::new(OutboundPolicy::default())?)
            .ok_or("no reader")?,
        open: OpenConnection {
            connection: Connection {
                name: ConnectionName::new("example"),
                connector_type: ConnectorType::SapOData,
                connector_label: None,
                mode: ConnectionMode::Public,
                properties,
                kms_arn: None,
                credentials_arn: None,
                credentials_version: 1,
                created_at_ms: 0,
                updated_at_ms: 0,
            },
            credentials: Credentials::new(
                serde_json::json!({"basicAuthCredentials": {"username": user, "password": password}}),
            ),
        },
        entity: entity.clone(),
    };
    let (all, _) = session.read(Vec::new()).await?;
    let fields = session.connector.describe_entity(&session.open, entity).await?;
    let (mut asked, mut wrong, mut left) = (0, 0, BTreeSet::new());
    for field in fields.iter().filter(|field| field.parent.is_none()) {
        if !only.is_empty() && !only.contains(&field.identifier) {
            continue;
        }
        let cells = column(&all, &field.identifier);
        let mut values: Vec<(Sortable, String)> = cells.iter().flatten().cloned().collect();
        values.dedup();
        let some: Vec<&str> = values.iter().take(4).map(|(_, text)| text.as_str()).collect();
        println!("{}: {} values, such as {some:?}", field.identifier, values.len());
        let step = (values.len() / 6).max(1);
        let picked: Vec<_> = values.into_iter().step_by(step).take(7).collect();
        for operator in &field.filter_operators {
            let comparison = Comparison::parse(operator).ok_or("an unknown operator")?;
            let mut lists: Vec<Vec<_>> = picked.windows(2).map(<[_]>::to_vec).collect();
            if comparison != Comparison::Between {
                lists.extend(picked.iter().map(|value| vec![value.clone()]));
            }
            for list in lists {
                let filter = Filter {
                    field: field.identifier.clone(),
                    comparison,
                    data_type: None,
                    values: list.iter().map(|(_, text)| text.clone()).collect(),
                };
                let (got, pushed) = match session.read(vec![filter.clone()]).await {
                    Ok(read) => read,
                    Err(error) => {
                        wrong += 1;
                        println!("FAILS: {filter:?}: {error}");
                        continue;
                    }
                };
                let mut got = column(&got, &field.identifier);
                if !pushed[0] {
                    left.insert(format!("{} {operator}", field.field_type));
                    got.retain(|cell| holds(comparison, cell, &list));
                }
                let expected: Vec<_> =
                    cells.iter().filter(|cell| holds(comparison, cell, &list)).cloned().collect();
                asked += 1;
                if got.len() != expected.len() || !expected.iter().all(|cell| got.contains(cell)) {
                    wrong += 1;
                    println!("DIFFERS: {filter:?}: {} instead of {}", got.len(), expected.len());
                }
            }
        }
    }
    println!("{entity}: {asked} filters, {wrong} differ; left to the engine: {left:?}");
    if wrong > 0 { Err("the service and we disagree".into()) } else { Ok(()) }
}
