//! What is read as a schedule expression, and AWS's cron examples.

use serde::Deserialize;
use tidegate_core::schedule::{MAX_EXPRESSION_LENGTH, ScheduleError, ScheduleExpression};

use crate::{check_times, ms, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    text: String,
    plain: Option<String>,
    frequency: Option<String>,
    error: Option<String>,
}

#[test]
fn expressions_are_read_or_refused_with_a_hint() {
    for example in read::<Example>(include_str!("../data/expressions.yaml")) {
        match (ScheduleExpression::parse(&example.text), example.error) {
            (Ok(expression), None) => {
                assert_eq!(Some(expression.to_string()), example.plain, "{}", example.text);
                let frequency = expression.frequency().as_str().to_owned();
                assert_eq!(Some(frequency), example.frequency, "{}", example.text);
                assert_eq!(ScheduleExpression::parse(&expression.to_string()), Ok(expression));
            }
            (Err(error), Some(expected)) => {
                let error = error.to_string();
                assert!(error.contains(&expected), "{}: {error}", example.text);
                assert!(error.ends_with('.') && error.contains(example.text.trim()), "{error}");
            }
            (found, expected) => panic!("{}: {found:?}, expected {expected:?}", example.text),
        }
    }
}

#[test]
fn an_expression_has_at_most_256_characters() {
    let longest = format!("rate({}5minutes)", " ".repeat(MAX_EXPRESSION_LENGTH - "rate(5minutes)".len()));
    assert_eq!(longest.len(), MAX_EXPRESSION_LENGTH);
    assert!(ScheduleExpression::parse(&longest).is_ok());
    let longer = longest.replace('5', "55");
    assert_eq!(ScheduleExpression::parse(&longer), Err(ScheduleError::TooLong(257)));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cron {
    cron: String,
    means: String,
    translated: Option<String>,
    after: String,
    next: Vec<String>,
}

#[test]
fn cron_examples_are_due_when_aws_says() {
    let examples = read::<Cron>(include_str!("../data/cron.yaml"));
    assert!(examples.len() > 35, "the file is read whole");
    for example in examples {
        let name = format!("{} ({})", example.cron, example.means);
        let parsed = ScheduleExpression::parse(&format!("cron({})", example.cron));
        let Ok(ScheduleExpression::Cron(cron)) = parsed else { panic!("{name}: {parsed:?}") };
        if let Some(translated) = example.translated {
            assert_eq!(cron.translated(), translated, "{name}");
        }
        check_times(&name, ms(&example.after), &example.next, |after| cron.next(after));
    }
}

#[test]
fn a_cron_that_never_matches_is_answered_quickly() {
    let start = std::time::Instant::now();
    for fields in
        ["0 0 31 2 ? *", "0 0 30 FEB ? *", "0 0 31 4,6,9,11 ? *", "0 0 29 2 ? 2027", "* * * * ? 1970"]
    {
        let expression = ScheduleExpression::parse(&format!("cron({fields})")).expect("valid");
        let ScheduleExpression::Cron(cron) = expression else { unreachable!("it was written as cron") };
        assert_eq!(cron.next(ms("2026-03-01T00:00:00Z")), None, "{fields}");
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
