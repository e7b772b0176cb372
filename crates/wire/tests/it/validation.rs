//! Validation cases from `cases.json`: an input, and what it becomes or which words refuse it.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_wire::{InputError, Operation, parse_body, validate_input};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    operation: String,
    /// Laid over the smallest valid input of the operation, which `bases` holds.
    input: Value,
    /// Changed members of the pruned input; absent when it stays as sent.
    accepted: Option<Value>,
    serialization: Option<String>,
    validation: Option<String>,
}

#[derive(Deserialize)]
struct Cases {
    bases: Map<String, Value>,
    cases: Vec<Case>,
}

#[test]
fn cases_hold() {
    let file: Cases = serde_json::from_str(include_str!("cases.json")).unwrap();
    for case in file.cases {
        let mut input = case.input.clone();
        if let (Some(Value::Object(base)), Value::Object(members)) =
            (file.bases.get(&case.operation), &case.input)
        {
            let mut whole = base.clone();
            whole.extend(members.clone());
            input = Value::Object(whole);
        }
        let operation = Operation::from_name(&case.operation).unwrap();
        let found = validate_input(operation, input.clone());
        let expected = match (&case.serialization, &case.validation) {
            (Some(message), None) => Err(InputError::Serialization { message: message.clone() }),
            (None, Some(message)) => Err(InputError::Validation { message: message.clone() }),
            (None, None) => Ok(case.accepted.unwrap_or(input)),
            (Some(_), Some(_)) => panic!("{}: one error at a time", case.name),
        };
        assert_eq!(found, expected, "{}", case.name);
        if let Ok(value) = found {
            assert_eq!(value.to_string(), expected.unwrap().to_string(), "{}: the order changed", case.name);
        }
    }
}

#[test]
fn at_most_twenty_problems_are_listed_and_values_are_cut() {
    let names: Vec<String> = (0..30).map(|i| format!("{} {i}", "x".repeat(5000))).collect();
    let error = validate_input(Operation::DescribeConnectorProfiles, json!({"connectorProfileNames": names}))
        .unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("60 validation errors detected: Value 'xxx"), "{message}");
    assert_eq!(message.matches("failed to satisfy").count(), 20);
    assert!(message.len() < 20 * 400, "{}", message.len());
    assert!(message.contains("xxx…' at 'connectorProfileNames.1.member'"));
}

#[test]
fn lengths_count_characters() {
    let name = "𝒂".repeat(256);
    let input = |name: &str| json!({"connectorEntityName": name});
    assert!(validate_input(Operation::DescribeConnectorEntity, input(&name)).is_ok());
    let long = "𝒂".repeat(1025);
    let error = validate_input(Operation::DescribeConnectorEntity, input(&long)).unwrap_err();
    assert!(error.to_string().contains("length less than or equal to 1024"));
}

#[test]
fn bodies_are_read_or_refused_with_a_reason() {
    assert_eq!(parse_body(b"").unwrap(), json!({}));
    assert_eq!(parse_body(b" \r\n").unwrap(), json!({}));
    assert_eq!(parse_body(br#"{"a": 1.10}"#).unwrap().to_string(), r#"{"a":1.10}"#);
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], &str); 5] = [
        (b"{", "The request body is not valid JSON: "),
        (b"{} {}", "The request body is not valid JSON: "),
        (b"{\"password\": secret}", "The request body is not valid JSON: "),
        (b"{\"a\": \"\xff\"}", "The request body is not UTF-8"),
        (deep.as_bytes(), "The request body is not valid JSON: "),
    ];
    for (body, words) in cases {
        let error = parse_body(body).unwrap_err();
        assert!(matches!(error, InputError::Serialization { .. }));
        assert_eq!(error.kind().name(), "SerializationException");
        assert!(error.to_string().starts_with(words), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
