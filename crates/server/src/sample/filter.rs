//! What a `$filter` means: its tree, and how a row is tried against it.
//!
//! Null follows OData (URL Conventions 4.0, sections 5.1.1.1 and 5.1.1.3):
//! `eq` and `ne` treat it as one more value, an order comparison with it is
//! false, and `and`, `or` and `not` know three values. A row passes when the
//! whole is true.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::data::{Column, FIRST_HOUR};
use super::metadata::Edm;

const NANOSECONDS: i128 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// A value that an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null, of any type.
    Null,
    /// `Edm.Boolean`.
    Boolean(bool),
    /// A number of any type; all of the data's are small enough to be exact.
    Number(f64),
    /// `Edm.String`.
    Text(Cow<'a, str>),
    /// `Edm.DateTimeOffset`, in nanoseconds since 1970.
    Moment(i128),
    /// `Edm.Date`, in days since 1970.
    Date(i64),
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// The literal `null`, which compares with all types.
    Null,
    /// See [`Value::Boolean`].
    Boolean,
    /// See [`Value::Number`].
    Number,
    /// See [`Value::Text`].
    Text,
    /// See [`Value::Moment`].
    Moment,
    /// See [`Value::Date`].
    Date,
}

/// A comparison, named as the protocol does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A function of two strings that gives a Boolean, named as the protocol does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// A function of one value, named as the protocol does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    ToLower,
    ToUpper,
    Trim,
    Length,
    Date,
    Year,
    Month,
    Day,
    Hour,
}

/// An expression whose types have been checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Literal(Value<'static>),
    /// The property at that place.
    Property(usize, Edm),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Test(TextTest, Box<Expression>, Box<Expression>),
    Call(Function, Box<Expression>),
}

impl Expression {
    /// The type of what it gives.
    pub fn kind(&self) -> Type {
        match self {
            Self::Literal(value) => match value {
                Value::Null => Type::Null,
                Value::Boolean(_) => Type::Boolean,
                Value::Number(_) => Type::Number,
                Value::Text(_) => Type::Text,
                Value::Moment(_) => Type::Moment,
                Value::Date(_) => Type::Date,
            },
            Self::Property(_, edm) => match edm {
                Edm::String(_) => Type::Text,
                Edm::Int16 | Edm::Int32 | Edm::Decimal(_) => Type::Number,
                Edm::DateTimeOffset => Type::Moment,
            },
            Self::Compare(..) | Self::And(..) | Self::Or(..) | Self::Not(_) | Self::Test(..) => Type::Boolean,
            Self::Call(Function::ToLower | Function::ToUpper | Function::Trim, _) => Type::Text,
            Self::Call(Function::Date, _) => Type::Date,
            Self::Call(_, _) => Type::Number,
        }
    }

    /// Whether the row passes; `columns` are those of the entity type, in order.
    pub fn passes(&self, columns: &[&Column], row: usize) -> bool {
        self.value(columns, row) == Value::Boolean(true)
    }

    fn value<'a>(&'a self, columns: &[&'a Column], row: usize) -> Value<'a> {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Property(place, edm) => property(columns[*place], *edm, row),
            Self::Compare(comparison, left, right) => {
                Value::Boolean(compare(*comparison, &left.value(columns, row), &right.value(columns, row)))
            }
            Self::And(left, right) => junction(false, left, right, columns, row),
            Self::Or(left, right) => junction(true, left, right, columns, row),
            Self::Not(inner) => match inner.value(columns, row) {
                Value::Boolean(inner) => Value::Boolean(!inner),
                _ => Value::Null,
            },
            Self::Test(test, text, part) => match (text.value(columns, row), part.value(columns, row)) {
                (Value::Text(text), Value::Text(part)) => Value::Boolean(match test {
                    TextTest::Contains => text.contains(&*part),
                    TextTest::StartsWith => text.starts_with(&*part),
                    TextTest::EndsWith => text.ends_with(&*part),
                }),
                _ => Value::Null,
            },
            Self::Call(function, argument) => call(*function, argument.value(columns, row)),
        }
    }
}

fn property<'a>(column: &'a Column, edm: Edm, row: usize) -> Value<'a> {
    let Some(number) = column.get(row) else {
        return Value::Null;
    };
    match edm {
        Edm::String(_) => Value::Text(Cow::Borrowed(column.text(number))),
        Edm::Int16 | Edm::Int32 | Edm::Decimal(_) => Value::Number(f64::from(number)),
        Edm::DateTimeOffset => {
            Value::Moment(i128::from(FIRST_HOUR + i64::from(number) * 3_600) * NANOSECONDS)
        }
    }
}

/// `and` (decided by false) and `or` (decided by true).
fn junction<'a>(
    decisive: bool,
    left: &'a Expression,
    right: &'a Expression,
    columns: &[&'a Column],
    row: usize,
) -> Value<'a> {
    let left = left.value(columns, row);
    if left == Value::Boolean(decisive) {
        return left;
    }
    let right = right.value(columns, row);
    if right == Value::Boolean(decisive) || left != Value::Null { right } else { Value::Null }
}

fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    let order = match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Boolean(left), Value::Boolean(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Moment(left), Value::Moment(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        // One of the two is null, since the types were checked.
        _ => None,
    };
    let both_null = *left == Value::Null && *right == Value::Null;
    match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        _ if both_null => false,
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

fn call(function: Function, argument: Value<'_>) -> Value<'_> {
    match (function, argument) {
        (Function::ToLower, Value::Text(text)) => Value::Text(text.to_lowercase().into()),
        (Function::ToUpper, Value::Text(text)) => Value::Text(text.to_uppercase().into()),
        (Function::Trim, Value::Text(text)) => Value::Text(text.trim().to_owned().into()),
        (Function::Length, Value::Text(text)) => Value::Number(text.chars().count() as f64),
        (Function::Date, Value::Moment(moment)) => Value::Date(day(moment)),
        (Function::Hour, Value::Moment(moment)) => {
            let second = (moment.div_euclid(NANOSECONDS) as i64).rem_euclid(SECONDS_A_DAY);
            Value::Number((second / 3_600) as f64)
        }
        (Function::Year | Function::Month | Function::Day, Value::Moment(moment)) => {
            civil(function, day(moment))
        }
        (Function::Year | Function::Month | Function::Day, Value::Date(date)) => civil(function, date),
        _ => Value::Null,
    }
}

fn day(moment: i128) -> i64 {
    (moment.div_euclid(NANOSECONDS) as i64).div_euclid(SECONDS_A_DAY)
}

fn civil(function: Function, days: i64) -> Value<'static> {
    let Ok(start) = jiff::Timestamp::from_second(days.saturating_mul(SECONDS_A_DAY)) else {
        return Value::Null;
    };
    let date = jiff::tz::Offset::UTC.to_datetime(start).date();
    Value::Number(match function {
        Function::Year => f64::from(date.year()),
        Function::Month => f64::from(date.month()),
        _ => f64::from(date.day()),
    })
}
