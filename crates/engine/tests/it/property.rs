//! Filter, mask and map against a reference that walks row by row.

use std::sync::Arc;

use datafusion::arrow::array::{Decimal128Array, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use proptest::prelude::*;
use tidegate_core::flow::OutputFormat;
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::task::{MaskPart, Task};

use crate::support::{Bench, flow, sap, scan};

/// A record: an integer, a text, and a decimal of two places.
type Row = (Option<i32>, Option<String>, Option<i64>);

#[derive(Clone, Debug)]
enum Condition {
    Int(Comparison, Vec<i32>),
    Text(Comparison, Vec<String>),
    Money(Comparison, Vec<i64>),
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!['a', 'b', '%', '_', '\\', '"', 'é', '\n']), 0..5)
        .prop_map(|characters| characters.into_iter().collect())
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (prop::option::of(-3..4_i32), prop::option::of(text()), prop::option::of(-300..300_i64));
    prop::collection::vec(row, 0..40)
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Between, Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    prop::sample::select(vec![Equal, NotEqual, Contains, Less, LessOrEqual, Greater, GreaterOrEqual, Between])
}

fn condition() -> impl Strategy<Value = Condition> {
    let count = |comparison: Comparison| if comparison == Comparison::Between { 2..3 } else { 1..4_usize };
    let int = comparison().prop_flat_map(move |comparison| {
        prop::collection::vec(-3..4_i32, count(comparison)).prop_map(move |v| Condition::Int(comparison, v))
    });
    let text = comparison().prop_flat_map(move |comparison| {
        prop::collection::vec(text(), count(comparison)).prop_map(move |v| Condition::Text(comparison, v))
    });
    let money = comparison().prop_flat_map(move |comparison| {
        prop::collection::vec(-300..300_i64, count(comparison))
            .prop_map(move |v| Condition::Money(comparison, v))
    });
    prop_oneof![int, text, money]
}

fn mask() -> impl Strategy<Value = MaskPart> {
    prop_oneof![
        (0..6_u32).prop_map(MaskPart::All),
        (0..6_u32).prop_map(MaskPart::First),
        (0..6_u32).prop_map(MaskPart::Last)
    ]
}

fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// The reference for one condition.
fn holds<T: PartialOrd>(
    comparison: Comparison,
    value: &T,
    values: &[T],
    contains: impl Fn(&T) -> bool,
) -> bool {
    match comparison {
        Comparison::Equal => values.iter().any(|other| value == other),
        Comparison::NotEqual => values.iter().all(|other| value != other),
        Comparison::Contains => values.iter().any(contains),
        Comparison::Less => values.iter().any(|other| value < other),
        Comparison::LessOrEqual => values.iter().any(|other| value <= other),
        Comparison::Greater => values.iter().any(|other| value > other),
        Comparison::GreaterOrEqual => values.iter().any(|other| value >= other),
        Comparison::Between => &values[0] <= value && value <= &values[1],
    }
}

fn passes(condition: &Condition, (int, text, cents): &Row) -> bool {
    match condition {
        Condition::Int(comparison, values) => int.is_some_and(|value| {
            holds(*comparison, &value, values, |part| value.to_string().contains(&part.to_string()))
        }),
        Condition::Text(comparison, values) => text
            .as_ref()
            .is_some_and(|value| holds(*comparison, value, values, |part| value.contains(part.as_str()))),
        Condition::Money(comparison, values) => cents.is_some_and(|value| {
            holds(*comparison, &value, values, |part| money(value).contains(&money(*part)))
        }),
    }
}

fn cover(text: &str, part: MaskPart) -> String {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    match part {
        MaskPart::All(count) => "#".repeat(count as usize),
        MaskPart::First(count) => {
            characters.iter().enumerate().map(|(at, c)| if at < count as usize { '#' } else { *c }).collect()
        }
        MaskPart::Last(count) => characters
            .iter()
            .enumerate()
            .map(|(at, c)| if at + count as usize >= length { '#' } else { *c })
            .collect(),
    }
}

fn as_filter(condition: &Condition) -> Filter {
    let (field, comparison, values) = match condition {
        Condition::Int(comparison, values) => {
            ("i", comparison, values.iter().map(ToString::to_string).collect())
        }
        Condition::Text(comparison, values) => ("t", comparison, values.clone()),
        Condition::Money(comparison, values) => {
            ("m", comparison, values.iter().map(|cents| money(*cents)).collect())
        }
    };
    Filter { field: field.to_owned(), comparison: *comparison, data_type: None, values }
}

fn run(rows: &[Row], conditions: &[Condition], masks: &[MaskPart]) -> Vec<serde_json::Value> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int32, true),
        Field::new("t", DataType::Utf8, true),
        Field::new("m", DataType::Decimal128(9, 2), true),
    ]));
    let batch = |rows: &[Row]| {
        let money = Decimal128Array::from_iter(rows.iter().map(|row| row.2.map(i128::from)));
        RecordBatch::try_new(
            schema.clone(),
            vec![
                Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.0))),
                Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1.clone()))),
                Arc::new(money.with_precision_and_scale(9, 2).unwrap()),
            ],
        )
        .unwrap()
    };
    let mut tasks: Vec<Task> =
        conditions.iter().map(|condition| Task::Filter(as_filter(condition))).collect();
    tasks.extend(masks.iter().map(|part| Task::Mask { field: "t".to_owned(), part: *part, character: '#' }));
    for (from, to) in [("t", "text"), ("i", "t"), ("m", "money")] {
        tasks.push(Task::Map {
            source: from.to_owned(),
            destination: to.to_owned(),
            source_type: None,
            destination_type: None,
        });
    }
    let batches = rows.chunks(7).map(|rows| Ok(batch(rows))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let content = runtime
        .block_on(Bench::new().content(&flow(sap(), OutputFormat::Json, tasks), scan(&schema, batches)))
        .unwrap();
    let lines = String::from_utf8(content).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_gives_what_the_reference_gives(
        rows in rows(),
        conditions in prop::collection::vec(condition(), 0..3),
        masks in prop::collection::vec(mask(), 0..3),
    ) {
        let expected: Vec<serde_json::Value> = rows
            .iter()
            .filter(|row| conditions.iter().all(|condition| passes(condition, row)))
            .map(|(int, text, cents)| {
                let masked = text.clone().map(|text| masks.iter().fold(text, |text, part| cover(&text, *part)));
                let number = cents.map(|cents| money(cents).parse::<serde_json::Number>().unwrap());
                serde_json::json!({ "text": masked, "t": int, "money": number })
            })
            .collect();
        prop_assert_eq!(run(&rows, &conditions, &masks), expected);
    }
}
