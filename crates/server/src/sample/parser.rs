//! Reads the text of a `$filter` into an [`Expression`] and checks its types.
//!
//! Precedence is the protocol's (URL Conventions 4.0, section 5.1.1.9): `not`,
//! then order comparisons, then `eq` and `ne`, then `and`, then `or`.

use super::error::ODataError;
use super::filter::{Comparison, Expression, Function, TextTest, Type, Value};
use super::metadata::EntitySet;
use super::query::property;

/// How deep parentheses and calls may nest: more is an attack on the stack.
const DEEPEST: usize = 100;
/// How many operands a filter may have: a chain of `and` is as deep as it is long.
const MOST_OPERANDS: usize = 500;

/// Reads a filter on the entities of `set`.
///
/// # Errors
///
/// 400 for a filter that is malformed, names an unknown property or compares
/// two types; 501 for a function or an operator that this service lacks.
pub fn parse(text: &str, set: &EntitySet) -> Result<Expression, ODataError> {
    let mut parser = Parser { rest: text, text, set, depth: 0, operands: 0 };
    let expression = parser.or()?;
    parser.skip_space();
    if !parser.rest.is_empty() {
        return Err(parser.unexpected("the end"));
    }
    boolean(&expression, "$filter")?;
    Ok(expression)
}

struct Parser<'a> {
    rest: &'a str,
    text: &'a str,
    set: &'a EntitySet,
    depth: usize,
    operands: usize,
}

fn bad(message: String) -> ODataError {
    ODataError::bad_request("MalformedFilter", message)
}

fn boolean(expression: &Expression, whose: &str) -> Result<(), ODataError> {
    match expression.kind() {
        Type::Boolean | Type::Null => Ok(()),
        other => Err(bad(format!("{whose} needs a Boolean expression, not one of type {other:?}."))),
    }
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Expression, ODataError> {
        let mut left = self.and()?;
        while self.take_operator("or") {
            let right = self.and()?;
            boolean(&left, "or")?;
            boolean(&right, "or")?;
            left = Expression::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, ODataError> {
        let mut left = self.equality()?;
        while self.take_operator("and") {
            let right = self.equality()?;
            boolean(&left, "and")?;
            boolean(&right, "and")?;
            left = Expression::And(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Result<Expression, ODataError> {
        let mut left = self.relation()?;
        while let Some(comparison) = self.take_comparison(&[("eq", Comparison::Eq), ("ne", Comparison::Ne)]) {
            let right = self.relation()?;
            left = comparable(comparison, left, right)?;
        }
        Ok(left)
    }

    fn relation(&mut self) -> Result<Expression, ODataError> {
        let operators =
            [("gt", Comparison::Gt), ("ge", Comparison::Ge), ("lt", Comparison::Lt), ("le", Comparison::Le)];
        let mut left = self.unary()?;
        while let Some(comparison) = self.take_comparison(&operators) {
            let right = self.unary()?;
            left = comparable(comparison, left, right)?;
        }
        for lacking in ["add", "sub", "mul", "div", "mod", "has", "in"] {
            if self.take_operator(lacking) {
                return Err(ODataError::not_implemented(format!(
                    "$filter: the operator {lacking} is not supported."
                )));
            }
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, ODataError> {
        self.depth += 1;
        self.operands += 1;
        if self.depth > DEEPEST || self.operands > MOST_OPERANDS {
            let limits = format!("{DEEPEST} levels deep or of more than {MOST_OPERANDS} operands");
            return Err(bad(format!("A filter more than {limits} is not supported.")));
        }
        let expression = if self.take_operator("not") {
            let inner = self.unary()?;
            boolean(&inner, "not")?;
            Expression::Not(Box::new(inner))
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn primary(&mut self) -> Result<Expression, ODataError> {
        self.skip_space();
        let Some(first) = self.rest.chars().next() else {
            return Err(self.unexpected("an expression"));
        };
        match first {
            '(' => {
                self.rest = &self.rest[1..];
                let inner = self.or()?;
                self.expect(')')?;
                Ok(inner)
            }
            '\'' => self.string().map(|text| Expression::Literal(Value::Text(text.into()))),
            '0'..='9' | '-' | '+' => self.number_or_time(),
            'a'..='z' | 'A'..='Z' | '_' => {
                let name = self.word();
                if self.rest.starts_with('(') {
                    self.rest = &self.rest[1..];
                    return self.call(name);
                }
                match name {
                    "null" => Ok(Expression::Literal(Value::Null)),
                    "true" | "false" => Ok(Expression::Literal(Value::Boolean(name == "true"))),
                    _ => {
                        let place = property(name, self.set)?;
                        Ok(Expression::Property(place, self.set.properties[place].edm))
                    }
                }
            }
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// The arguments and the closing parenthesis of a call.
    fn call(&mut self, name: &str) -> Result<Expression, ODataError> {
        let test = match name {
            "contains" => Some(TextTest::Contains),
            "startswith" => Some(TextTest::StartsWith),
            "endswith" => Some(TextTest::EndsWith),
            _ => None,
        };
        if let Some(test) = test {
            let text = self.argument(name, &[Type::Text])?;
            self.expect(',')?;
            let part = self.argument(name, &[Type::Text])?;
            self.expect(')')?;
            return Ok(Expression::Test(test, Box::new(text), Box::new(part)));
        }
        let (function, takes): (_, &[Type]) = match name {
            "tolower" => (Function::ToLower, &[Type::Text]),
            "toupper" => (Function::ToUpper, &[Type::Text]),
            "trim" => (Function::Trim, &[Type::Text]),
            "length" => (Function::Length, &[Type::Text]),
            "date" => (Function::Date, &[Type::Moment]),
            "year" => (Function::Year, &[Type::Moment, Type::Date]),
            "month" => (Function::Month, &[Type::Moment, Type::Date]),
            "day" => (Function::Day, &[Type::Moment, Type::Date]),
            "hour" => (Function::Hour, &[Type::Moment]),
            _ => {
                return Err(ODataError::not_implemented(format!(
                    "$filter: the function {name} is not supported."
                )));
            }
        };
        let argument = self.argument(name, takes)?;
        self.expect(')')?;
        Ok(Expression::Call(function, Box::new(argument)))
    }

    fn argument(&mut self, name: &str, takes: &[Type]) -> Result<Expression, ODataError> {
        let argument = self.or()?;
        let kind = argument.kind();
        if kind != Type::Null && !takes.contains(&kind) {
            return Err(bad(format!("{name} takes {takes:?}, not {kind:?}.")));
        }
        Ok(argument)
    }

    /// A string literal, in which a quote is written twice.
    fn string(&mut self) -> Result<String, ODataError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            if character != '\'' {
                text.push(character);
            } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
                text.push('\'');
            } else {
                self.rest = &self.rest[at + 1..];
                return Ok(text);
            }
        }
        Err(bad("The filter has a string without its closing quote.".to_owned()))
    }

    /// A number, a date or a point in time.
    fn number_or_time(&mut self) -> Result<Expression, ODataError> {
        let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '+' | '-'));
        let literal = &self.rest[..self.rest.find(ends).unwrap_or(self.rest.len())];
        self.rest = &self.rest[literal.len()..];
        let value = if literal.contains('T') {
            literal.parse().ok().map(|moment: jiff::Timestamp| Value::Moment(moment.as_nanosecond()))
        } else if literal.len() == 10 && literal.matches('-').count() == 2 {
            let date: Option<jiff::civil::Date> = literal.parse().ok();
            let start = date.and_then(|date| {
                jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(Default::default())).ok()
            });
            start.map(|start| Value::Date(start.as_second().div_euclid(86_400)))
        } else if literal.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E')) {
            literal.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number)
        } else {
            None
        };
        value.map(Expression::Literal).ok_or_else(|| {
            bad(format!(
                "`{literal}` is no number, no date (2013-07-01) and no point in time (2013-07-01T10:00:00Z)."
            ))
        })
    }

    fn take_comparison(&mut self, operators: &[(&str, Comparison)]) -> Option<Comparison> {
        operators.iter().find(|(word, _)| self.take_operator(word)).map(|(_, comparison)| *comparison)
    }

    /// Takes the word if it comes next, as a whole word and not as a call.
    fn take_operator(&mut self, word: &str) -> bool {
        let trimmed = self.rest.trim_start();
        let Some(after) = trimmed.strip_prefix(word) else {
            return false;
        };
        // `not` may be followed by a parenthesis at once; all others by space.
        let ends = after.starts_with(char::is_whitespace) || (word == "not" && after.starts_with('('));
        if ends {
            self.rest = after;
        }
        ends
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest;
        let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        self.rest = after;
        word
    }

    fn expect(&mut self, wanted: char) -> Result<(), ODataError> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(wanted).ok_or_else(|| self.unexpected(&format!("`{wanted}`")))?;
        Ok(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self, wanted: &str) -> ODataError {
        let at = self.text[..self.text.len() - self.rest.len()].chars().count() + 1;
        bad(format!("The filter has `{}` at character {at} where {wanted} should be.", self.rest))
    }
}

/// A comparison of two expressions of one type, or of any with null.
fn comparable(comparison: Comparison, left: Expression, right: Expression) -> Result<Expression, ODataError> {
    let (a, b) = (left.kind(), right.kind());
    if a != b && a != Type::Null && b != Type::Null {
        return Err(bad(format!("{a:?} and {b:?} cannot be compared.")));
    }
    Ok(Expression::Compare(comparison, Box::new(left), Box::new(right)))
}
