//! All tasks against a reference that walks record by record and value by
//! value, over random schemas, records and task lists; and each flow twice,
//! with a source that evaluates the filters and with one that does not.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use proptest::prelude::*;
use tidegate_core::civil::civil_from_days;
use tidegate_core::connector::Progress;
use tidegate_core::flow::OutputFormat;
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::task::{
    ArithmeticOperator, MaskPart, MergePiece, OnBadValue, Task, ValidationAction, ValidationCheck,
};
use tidegate_engine::SourceInput;

use crate::support::{Bench, flow, sap, scan};

/// A value of the reference; decimals are units of `10^-scale`.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Int(i64),
    Decimal(i128, u32),
    Float(f64),
    Text(String),
    Bool(bool),
    Day(i32),
    Stamp(i64),
}

use Value::{Bool, Day, Decimal, Float, Int, Null, Stamp, Text};

/// The types of columns: integer, decimal(20,2), float, text, boolean, date, moment.
const TYPES: usize = 7;

fn value(kind: usize) -> BoxedStrategy<Value> {
    let ints = prop_oneof![-4..5_i64, Just(i64::MAX), Just(i64::MIN)];
    let cents = prop_oneof![-300..300_i128, Just(10_i128.pow(20) - 1), Just(1 - 10_i128.pow(20))];
    let floats = prop::sample::select(vec![0.0, -0.0, 1.5, -2.25, 1e300, f64::NAN, f64::INFINITY]);
    let words = vec!["", "a", "ab", "é𝄞x", "0", "-3", "12", "5.0", "0.5", "a\"\\\n", "%_", "null"];
    match kind {
        0 => ints.prop_map(Int).boxed(),
        1 => cents.prop_map(|units| Decimal(units, 2)).boxed(),
        2 => floats.prop_map(Float).boxed(),
        3 => prop::sample::select(words).prop_map(|text| Text(text.to_owned())).boxed(),
        4 => any::<bool>().prop_map(Bool).boxed(),
        5 => prop::sample::select(vec![-719_162, -1, 0, 19_358, 2_932_896]).prop_map(Day).boxed(),
        _ => prop::sample::select(vec![-62_135_596_800_000, -1, 0, 1_672_549_200_123, 253_402_300_799_999])
            .prop_map(Stamp)
            .boxed(),
    }
}

fn cell(kind: usize) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Null), 5 => value(kind)]
}

/// The text form, written anew.
fn text(value: &Value) -> Option<String> {
    let date = |days: i64| {
        let (year, month, day) = civil_from_days(days);
        format!("{year:04}-{month:02}-{day:02}")
    };
    Some(match value {
        Null => return None,
        Int(value) => value.to_string(),
        Decimal(units, 0) => units.to_string(),
        Decimal(units, scale) => {
            let (unit, sign) = (10_u128.pow(*scale), if *units < 0 { "-" } else { "" });
            let digits = units.unsigned_abs();
            format!("{sign}{}.{:0width$}", digits / unit, digits % unit, width = *scale as usize)
        }
        Float(value) if value.is_nan() => "NaN".to_owned(),
        Float(value) if value.is_infinite() => if *value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Float(value) => format!("{value:?}"),
        Text(text) => text.clone(),
        Bool(value) => value.to_string(),
        Day(days) => date(i64::from(*days)),
        Stamp(ms) => {
            let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
            let (seconds, millis) = (rest / 1_000, rest % 1_000);
            let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
            let clock = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            format!("{}T{:02}:{:02}:{:02}{fraction}Z", date(days), clock.0, clock.1, clock.2)
        }
    })
}

fn json(value: &Value) -> String {
    match (value, text(value)) {
        (_, None) => "null".to_owned(),
        (Float(value), Some(text)) if value.is_finite() => text,
        (Int(_) | Decimal(..) | Bool(_), Some(text)) => text,
        (_, Some(text)) => serde_json::to_string(&text).unwrap(),
    }
}

/// Floats have the order that databases give them: NaN above all, one zero.
fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Int(a), Int(b)) => a.cmp(b),
        (Decimal(a, _), Decimal(b, _)) => a.cmp(b),
        (Float(a), Float(b)) => a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        (Text(a), Text(b)) => a.cmp(b),
        (Bool(a), Bool(b)) => a.cmp(b),
        (Day(a), Day(b)) => a.cmp(b),
        (Stamp(a), Stamp(b)) => a.cmp(b),
        other => panic!("two types: {other:?}"),
    }
}

#[derive(Clone, Debug)]
struct Condition {
    column: usize,
    comparison: Comparison,
    values: Vec<Value>,
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        let Some(form) = text(value) else { return false };
        let any =
            |accepts: fn(Ordering) -> bool| self.values.iter().any(|other| accepts(order(value, other)));
        match self.comparison {
            Comparison::Equal => any(Ordering::is_eq),
            Comparison::NotEqual => !any(Ordering::is_eq),
            Comparison::Contains => self.values.iter().any(|part| form.contains(&text(part).unwrap())),
            Comparison::Less => any(Ordering::is_lt),
            Comparison::LessOrEqual => any(Ordering::is_le),
            Comparison::Greater => any(Ordering::is_gt),
            Comparison::GreaterOrEqual => any(Ordering::is_ge),
            Comparison::Between => {
                order(value, &self.values[0]).is_ge() && order(value, &self.values[1]).is_le()
            }
        }
    }
}

fn condition(column: usize, kind: usize) -> impl Strategy<Value = Condition> {
    use Comparison::{Between, Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let all = vec![Equal, NotEqual, Contains, Less, LessOrEqual, Greater, GreaterOrEqual, Between];
    (prop::sample::select(all), prop::collection::vec(value(kind), 2..4)).prop_map(
        move |(comparison, mut values)| {
            if comparison == Between {
                values.truncate(2);
            }
            Condition { column, comparison, values }
        },
    )
}

/// A number for arithmetic: exact, or not.
enum Number {
    Exact(i128, u32),
    Float(f64),
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Int(value) => Some(Number::Exact(i128::from(*value), 0)),
        Decimal(units, scale) => Some(Number::Exact(*units, *scale)),
        Float(value) => Some(Number::Float(*value)),
        _ => None,
    }
}

const LIMIT: i128 = 10_i128.pow(38);

/// `Err` for what does not compute.
fn compute(operator: ArithmeticOperator, left: &Value, right: &Value) -> Result<Value, ()> {
    let (Some(a), Some(b)) = (number(left), number(right)) else { return Ok(Null) };
    let float = |number: &Number| match number {
        Number::Exact(units, scale) => text(&Decimal(*units, *scale)).unwrap().parse().unwrap(),
        Number::Float(value) => *value,
    };
    if let (Number::Exact(a, left_scale), Number::Exact(b, right_scale)) = (&a, &b) {
        let (a, b, left_scale, right_scale) = (*a, *b, *left_scale, *right_scale);
        let larger = left_scale.max(right_scale);
        let raise = |units: i128, from: u32, to: u32| units.checked_mul(10_i128.pow(to - from)).ok_or(());
        let (units, scale) = match operator {
            ArithmeticOperator::Add | ArithmeticOperator::Subtract => {
                let (a, b) = (raise(a, left_scale, larger)?, raise(b, right_scale, larger)?);
                (if operator == ArithmeticOperator::Add { a + b } else { a - b }, larger)
            }
            ArithmeticOperator::Multiply => (a.checked_mul(b).ok_or(())?, left_scale + right_scale),
            ArithmeticOperator::Divide => {
                if b == 0 {
                    return Err(());
                }
                // Twice the quotient, so that its last bit tells a half.
                let raised = raise(a, 0, 10 + right_scale - left_scale)?;
                let doubled = raised.checked_mul(2).ok_or(())? / b;
                ((doubled + doubled.signum()) / 2, 10)
            }
        };
        let is_int = matches!((left, right), (Int(_), Int(_))) && operator != ArithmeticOperator::Divide;
        return match i64::try_from(units) {
            Ok(value) if is_int => Ok(Int(value)),
            Err(_) if is_int => Err(()),
            _ if units.abs() >= LIMIT => Err(()),
            _ if operator == ArithmeticOperator::Divide => {
                let (mut units, mut scale) = (units, scale);
                while scale > 0 && units % 10 == 0 {
                    (units, scale) = (units / 10, scale - 1);
                }
                Ok(Decimal(units, scale))
            }
            _ => Ok(Decimal(units, scale)),
        };
    }
    let (a, b) = (float(&a), float(&b));
    let value = match operator {
        ArithmeticOperator::Add => a + b,
        ArithmeticOperator::Subtract => a - b,
        ArithmeticOperator::Multiply => a * b,
        ArithmeticOperator::Divide if b == 0.0 => return Err(()),
        ArithmeticOperator::Divide => a / b,
    };
    if a.is_finite() && b.is_finite() && !value.is_finite() { Err(()) } else { Ok(Float(value)) }
}

fn is_valid(check: ValidationCheck, value: &Value) -> bool {
    let as_number: Option<f64> = match value {
        Int(value) => Some(*value as f64),
        Decimal(units, _) => Some(*units as f64),
        Float(value) => Some(*value),
        Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    match check {
        ValidationCheck::NonNull => *value != Null,
        ValidationCheck::NonZero => as_number != Some(0.0),
        ValidationCheck::NonNegative => !as_number.is_some_and(|number| number < 0.0),
        ValidationCheck::Numeric => match value {
            Null => true,
            Text(text) if text.trim().is_empty() => true,
            _ => as_number.is_some_and(f64::is_finite),
        },
    }
}

/// Text to a 64-bit integer, as DESTINATION_DATA_TYPE `long` asks.
fn to_long(value: &Value) -> Result<Value, ()> {
    let Some(form) = text(value).filter(|text| !text.is_empty()) else { return Ok(Null) };
    let (whole, fraction) = form.split_once('.').unwrap_or((&form, ""));
    if fraction.chars().any(|digit| digit != '0') {
        return Err(());
    }
    whole.parse().map(Int).map_err(|_| ())
}

fn cover(text: &str, part: MaskPart) -> String {
    let all: Vec<char> = text.chars().collect();
    let hides = |at: usize| match part {
        MaskPart::All(_) => true,
        MaskPart::First(count) => at < count as usize,
        MaskPart::Last(count) => at + count as usize >= all.len(),
    };
    match part {
        MaskPart::All(count) => "#".repeat(count as usize),
        _ => all.iter().enumerate().map(|(at, c)| if hides(at) { '#' } else { *c }).collect(),
    }
}

#[derive(Clone, Debug)]
enum Change {
    Mask(MaskPart),
    Truncate(u32),
}

/// A random flow: everything refers to columns by their number.
#[derive(Clone, Debug)]
struct Plan {
    kinds: Vec<usize>,
    rows: Vec<Vec<Value>>,
    conditions: Vec<Condition>,
    validations: Vec<(usize, ValidationCheck)>,
    merge: Vec<usize>,
    arithmetic: Option<(ArithmeticOperator, usize, usize)>,
    changes: Vec<(usize, Change)>,
    to_long: Option<usize>,
    policy: OnBadValue,
}

fn plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec(0..TYPES, 1..5).prop_flat_map(|kinds| {
        let count = kinds.len();
        let row: Vec<_> = kinds.iter().map(|kind| cell(*kind).boxed()).collect();
        let of_column = kinds.clone();
        let one = (0..count).prop_flat_map(move |column| condition(column, of_column[column]));
        let check = prop::sample::select(vec![
            ValidationCheck::NonNull,
            ValidationCheck::NonZero,
            ValidationCheck::NonNegative,
            ValidationCheck::Numeric,
        ]);
        let numeric: Vec<usize> = (0..count).filter(|at| kinds[*at] < 3).collect();
        let operator = prop::sample::select(vec![
            ArithmeticOperator::Add,
            ArithmeticOperator::Subtract,
            ArithmeticOperator::Multiply,
            ArithmeticOperator::Divide,
        ]);
        let arithmetic = if numeric.is_empty() {
            Just(None).boxed()
        } else {
            let operand = prop::sample::select(numeric);
            prop::option::of((operator, operand.clone(), operand)).boxed()
        };
        let change = prop_oneof![
            (0..4_u32).prop_map(|count| Change::Mask(MaskPart::All(count))),
            (0..4_u32).prop_map(|count| Change::Mask(MaskPart::First(count))),
            (0..4_u32).prop_map(|count| Change::Mask(MaskPart::Last(count))),
            (0..6_u32).prop_map(Change::Truncate),
        ];
        let texts: Vec<usize> = (0..count).filter(|at| kinds[*at] == 3).collect();
        let to_long = if texts.is_empty() {
            Just(None).boxed()
        } else {
            prop::option::of(prop::sample::select(texts)).boxed()
        };
        let policy = prop::sample::select(vec![OnBadValue::Null, OnBadValue::Drop]);
        (
            Just(kinds),
            prop::collection::vec(row, 0..30),
            prop::collection::vec(one, 0..2),
            prop::collection::vec((0..count, check), 0..2),
            prop::collection::vec(0..count, 0..3),
            arithmetic,
            prop::collection::vec((0..count, change), 0..2),
            to_long,
            policy,
        )
            .prop_map(
                |(kinds, rows, conditions, validations, merge, arithmetic, changes, to_long, policy)| Plan {
                    kinds,
                    rows,
                    conditions,
                    validations,
                    merge,
                    arithmetic,
                    changes,
                    to_long,
                    policy,
                },
            )
    })
}

impl Plan {
    fn passes(&self, row: &[Value]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(&row[condition.column]))
    }

    /// The lines that the flow must write.
    fn expected(&self) -> Vec<String> {
        self.rows.iter().filter_map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[Value]) -> Option<String> {
        let is_valid = self.validations.iter().all(|(column, check)| is_valid(*check, &row[*column]));
        if !self.passes(row) || !is_valid {
            return None;
        }
        let mut members = Vec::new();
        let mut is_bad = false;
        let mut settle = |result: Result<Value, ()>| {
            is_bad |= result.is_err();
            result.unwrap_or(Null)
        };
        let computed =
            self.arithmetic.map(|(operator, left, right)| settle(compute(operator, &row[left], &row[right])));
        let mut changed = row.to_vec();
        for (column, change) in &self.changes {
            if let Some(form) = text(&changed[*column]) {
                changed[*column] = Text(match change {
                    Change::Mask(part) => cover(&form, *part),
                    Change::Truncate(length) => form.chars().take(*length as usize).collect(),
                });
            }
        }
        for (column, value) in changed.iter().enumerate() {
            let is_masked =
                self.changes.iter().any(|(at, change)| *at == column && matches!(change, Change::Mask(_)));
            let value = if self.to_long == Some(column) && !is_masked {
                settle(to_long(value))
            } else {
                value.clone()
            };
            members.push(format!("\"out {column}\":{}", json(&value)));
        }
        if let Some(value) = computed {
            members.push(format!("\"number\":{}", json(&value)));
        }
        if !self.merge.is_empty() {
            let forms: Vec<Option<String>> = self.merge.iter().map(|column| text(&row[*column])).collect();
            let merged = if forms.iter().all(Option::is_none) {
                Null
            } else {
                Text(forms.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("-"))
            };
            members.push(format!("\"merged\":{}", json(&merged)));
        }
        (!is_bad || self.policy == OnBadValue::Null).then(|| format!("{{{}}}", members.join(",")))
    }

    /// The same as the engine takes it, with the tasks turned round.
    fn tasks(&self) -> Vec<Task> {
        let name = |column: &usize| format!("c{column}");
        let map = |source: String, destination: String, destination_type: Option<&str>| Task::Map {
            source,
            destination,
            source_type: None,
            destination_type: destination_type.map(str::to_owned),
        };
        let mut tasks: Vec<Task> = (0..self.kinds.len())
            .map(|column| {
                let data_type = (self.to_long == Some(column)).then_some("long");
                map(name(&column), format!("out {column}"), data_type)
            })
            .collect();
        if let Some((operator, left, right)) = self.arithmetic {
            tasks.push(map("computed".to_owned(), "number".to_owned(), None));
            tasks.push(Task::Arithmetic {
                operator,
                left: name(&left),
                right: name(&right),
                name: "computed".to_owned(),
                source_type: None,
                destination_type: None,
            });
        }
        if !self.merge.is_empty() {
            let pieces = (0..self.merge.len()).flat_map(|at| {
                let between = (at > 0).then(|| MergePiece::Text("-".to_owned()));
                between.into_iter().chain([MergePiece::Field(at)])
            });
            let (fields, format) = (self.merge.iter().map(name).collect(), pieces.collect());
            tasks.push(Task::Merge { fields, name: "merged".to_owned(), format });
        }
        for (column, change) in &self.changes {
            let field = name(column);
            tasks.push(match change {
                Change::Mask(part) => Task::Mask { field, part: *part, character: '#' },
                Change::Truncate(length) => Task::Truncate { field, length: *length },
            });
        }
        for (column, check) in &self.validations {
            tasks.push(Task::Validate {
                field: name(column),
                check: *check,
                action: ValidationAction::DropRecord,
            });
        }
        for condition in &self.conditions {
            tasks.push(Task::Filter(Filter {
                field: name(&condition.column),
                comparison: condition.comparison,
                data_type: None,
                values: condition.values.iter().map(|value| text(value).unwrap()).collect(),
            }));
        }
        tasks
    }

    fn batch(&self, rows: &[&Vec<Value>]) -> RecordBatch {
        let mut fields = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (at, kind) in self.kinds.iter().enumerate() {
            macro_rules! column {
                ($array:ty, $variant:ident) => {
                    <$array>::from_iter(rows.iter().map(|row| match &row[at] {
                        $variant(value) => Some(value.clone()),
                        _ => None,
                    }))
                };
            }
            columns.push(match kind {
                0 => Arc::new(column!(Int64Array, Int)),
                1 => {
                    let units = rows.iter().map(|row| match &row[at] {
                        Decimal(units, _) => Some(*units),
                        _ => None,
                    });
                    Arc::new(Decimal128Array::from_iter(units).with_precision_and_scale(20, 2).unwrap())
                }
                2 => Arc::new(column!(Float64Array, Float)),
                3 => Arc::new(column!(StringArray, Text)),
                4 => Arc::new(column!(BooleanArray, Bool)),
                5 => Arc::new(column!(Date32Array, Day)),
                _ => Arc::new(column!(TimestampMillisecondArray, Stamp).with_timezone("UTC")),
            });
            let data_type = match kind {
                1 => DataType::Decimal128(20, 2),
                6 => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                _ => columns[at].data_type().clone(),
            };
            fields.push(Field::new(format!("c{at}"), data_type, true));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    /// Runs the flow over rows; the source claims whether it filtered them.
    fn run(&self, rows: &[&Vec<Value>], pushed: bool) -> (Vec<String>, [u64; 3]) {
        let batches: Vec<_> = rows.chunks(7).map(|rows| Ok(self.batch(rows))).collect();
        let schema = self.batch(&[]).schema();
        let SourceInput::Scan(mut source) = scan(&schema, batches) else { panic!("a scan") };
        source.pushed = vec![pushed; self.conditions.len()];
        let mut spec = flow(sap(), OutputFormat::Json, self.tasks());
        spec.policies.on_bad_value = self.policy;
        let bench = Bench::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let content = runtime.block_on(bench.content(&spec, SourceInput::Scan(source))).unwrap();
        let lines = String::from_utf8(content).unwrap().lines().map(str::to_owned).collect();
        let progress = &bench.progress;
        let counts = [&progress.records_written, &progress.records_filtered, &progress.records_dropped];
        (lines, counts.map(Progress::get))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_task_gives_what_the_reference_gives_pushed_down_or_not(plan in plan()) {
        let all: Vec<&Vec<Value>> = plan.rows.iter().collect();
        let left: Vec<&Vec<Value>> = plan.rows.iter().filter(|row| plan.passes(row)).collect();
        let expected = plan.expected();
        let written = expected.len() as u64;
        let (lines, counts) = plan.run(&all, false);
        prop_assert_eq!(&lines, &expected);
        let filtered = (all.len() - left.len()) as u64;
        prop_assert_eq!(counts, [written, filtered, left.len() as u64 - written]);
        let (lines, counts) = plan.run(&left, true);
        prop_assert_eq!(&lines, &expected);
        prop_assert_eq!(counts, [written, 0, left.len() as u64 - written]);
    }
}

/// Every operator on every type, with each value of the type as the literal.
#[test]
fn every_operator_on_every_type_is_the_same_pushed_down_or_not() {
    use Comparison::{Between, Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let of_type: [Vec<Value>; TYPES] = [
        vec![Int(-4), Int(0), Int(i64::MAX), Null],
        vec![Decimal(-300, 2), Decimal(0, 2), Decimal(125, 2), Null],
        vec![Float(-2.25), Float(1e300), Float(f64::INFINITY), Null],
        ["", "a", "é𝄞", "%_"].into_iter().map(|text| Text(text.to_owned())).chain([Null]).collect(),
        vec![Bool(false), Bool(true), Null],
        vec![Day(-719_162), Day(-1), Day(19_358), Null],
        vec![Stamp(-62_135_596_800_000), Stamp(-1), Stamp(1_672_549_200_123), Null],
    ];
    for (kind, values) in of_type.iter().enumerate() {
        let rows: Vec<Vec<Value>> = values.iter().map(|value| vec![value.clone()]).collect();
        for comparison in [Equal, NotEqual, Contains, Less, LessOrEqual, Greater, GreaterOrEqual, Between] {
            let literals: Vec<Value> =
                values.iter().filter(|value| **value != Null).take(2).cloned().collect();
            let plan = Plan {
                kinds: vec![kind],
                rows: rows.clone(),
                conditions: vec![Condition { column: 0, comparison, values: literals }],
                validations: vec![],
                merge: vec![],
                arithmetic: None,
                changes: vec![],
                to_long: None,
                policy: OnBadValue::Null,
            };
            let all: Vec<&Vec<Value>> = plan.rows.iter().collect();
            let left: Vec<&Vec<Value>> = plan.rows.iter().filter(|row| plan.passes(row)).collect();
            let expected = plan.expected();
            assert_eq!(plan.run(&all, false).0, expected, "{comparison:?} on type {kind}");
            assert_eq!(plan.run(&left, true).0, expected, "{comparison:?} on type {kind}, pushed down");
        }
    }
}
