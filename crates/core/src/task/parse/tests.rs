//! Tasks as the wire sends them, and what is understood of them.

use super::*;
use crate::plan::{Comparison, Filter};
use crate::task::{
    ArithmeticOperator, MaskPart, MergePiece, OnBadValue, OnMissingField, Policies, ValidationAction,
    ValidationCheck, source_fields,
};

fn raw(kind: &str, operator: &str, fields: &[&str], to: &str, properties: &[(&str, &str)]) -> RawTask {
    RawTask {
        task_type: kind.to_owned(),
        source_fields: fields.iter().map(|&field| field.to_owned()).collect(),
        operator: (!operator.is_empty()).then(|| operator.to_owned()),
        destination_field: Some(to.to_owned()),
        properties: properties.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
    }
}

fn filter(comparison: Comparison, data_type: Option<&str>, values: &[&str]) -> Task {
    Task::Filter(Filter {
        field: "f".to_owned(),
        comparison,
        data_type: data_type.map(str::to_owned),
        values: values.iter().map(|&value| value.to_owned()).collect(),
    })
}

#[test]
fn tasks_are_understood() {
    let mask = |part, character| Task::Mask { field: "f".to_owned(), part, character };
    let cases = [
        (
            raw("Filter", "PROJECTION", &["a", "b"], "", &[]),
            Task::Projection { fields: vec!["a".to_owned(), "b".to_owned()] },
        ),
        (
            raw("Filter", "EQUAL_TO", &["f"], "", &[("DATA_TYPE", "string"), ("VALUE", "a,b")]),
            filter(Comparison::Equal, Some("string"), &["a,b"]),
        ),
        (
            raw("Filter", "NOT_EQUAL_TO", &["f"], "", &[("VALUES", "a, b")]),
            filter(Comparison::NotEqual, None, &["a", "b"]),
        ),
        (
            raw("Filter", "BETWEEN", &["f"], "", &[("UPPER_BOUND", "9"), ("LOWER_BOUND", "1")]),
            filter(Comparison::Between, None, &["1", "9"]),
        ),
        (raw("Map_all", "NO_OP", &[], "", &[]), Task::MapAll { exclude: vec![], include_new: false }),
        (
            raw("Map_all", "", &[""], "", &[("EXCLUDE_SOURCE_FIELDS_LIST", r#"["a","b"]"#)]),
            Task::MapAll { exclude: vec!["a".to_owned(), "b".to_owned()], include_new: false },
        ),
        (
            raw("Map", "NO_OP", &["f"], "g", &[("SOURCE_DATA_TYPE", "string")]),
            Task::Map {
                source: "f".to_owned(),
                destination: "g".to_owned(),
                source_type: Some("string".to_owned()),
                destination_type: None,
            },
        ),
        (raw("Mask", "MASK_ALL", &["f"], "", &[]), mask(MaskPart::All(5), '*')),
        (
            raw("Mask", "MASK_LAST_N", &["f"], "", &[("MASK_LENGTH", "4"), ("MASK_VALUE", "•")]),
            mask(MaskPart::Last(4), '•'),
        ),
        (raw("Mask", "MASK_FIRST_N", &["f"], "", &[("MASK_LENGTH", "0")]), mask(MaskPart::First(0), '*')),
    ];
    for (task, expected) in cases {
        assert_eq!(parse(std::slice::from_ref(&task), ConnectorType::S3), Ok(vec![expected]), "{task:?}");
    }
}

#[test]
fn what_is_wrong_is_found() {
    let cases = [
        (
            raw("Filter", "", &["f"], "", &[]),
            "The operator NO_OP is not valid for filtering tasks.  The task sourceConnectorType is FILTERING and the task operator is NO_OP",
        ),
        (
            raw("Map", "EQUAL_TO", &["f"], "g", &[]),
            "The operator EQUAL_TO is not valid for mapping tasks.  The task sourceConnectorType is MAPPING and the task operator is EQUAL_TO",
        ),
        (
            raw("Mask", "NO_OP", &["f"], "", &[]),
            "The operator NO_OP is not valid for masking tasks.  The task sourceConnectorType is MASKING and the task operator is NO_OP",
        ),
        (raw("Mapping", "NO_OP", &["a"], "b", &[]), "The task type Mapping is not valid"),
        (raw("Map", "NO_OP", &["a", "b"], "c", &[]), "A task of type Map must name exactly one source field"),
        (raw("Map", "NO_OP", &["f"], "", &[]), "The Map task of the field f needs a destination field"),
        (
            raw("Filter", "EQUAL_TO", &["f"], "", &[]),
            "The filter EQUAL_TO on the field f needs the task property VALUE or VALUES",
        ),
        (
            raw("Filter", "BETWEEN", &["f"], "", &[("LOWER_BOUND", "1")]),
            "The filter BETWEEN on the field f needs the task properties LOWER_BOUND and UPPER_BOUND",
        ),
        (
            raw("Mask", "MASK_ALL", &["f"], "", &[("MASK_LENGTH", "1000000000")]),
            "The task property MASK_LENGTH of the field f must be a whole number from 0 to 10000",
        ),
        (
            raw("Mask", "MASK_FIRST_N", &["f"], "", &[]),
            "The mask MASK_FIRST_N on the field f needs the task property MASK_LENGTH",
        ),
        (
            raw("Mask", "MASK_ALL", &["f"], "", &[("MASK_VALUE", "**")]),
            "The task property MASK_VALUE of the field f must be one character",
        ),
        (
            raw("Map_all", "NO_OP", &[], "", &[("EXCLUDE_SOURCE_FIELDS_LIST", "a,b")]),
            "The task property EXCLUDE_SOURCE_FIELDS_LIST must be a JSON array of field names, such as [\"a\",\"b\"]",
        ),
    ];
    for (task, finding) in cases {
        assert_eq!(parse(&[task], ConnectorType::S3), Err(vec![finding.to_owned()]));
    }
}

#[test]
fn an_application_needs_a_projection_or_map_all_and_findings_add_up() {
    let map = raw("Map", "NO_OP", &["f"], "g", &[]);
    let missing = "You must specify a projection task or a MAP_ALL task".to_owned();
    assert_eq!(parse(std::slice::from_ref(&map), ConnectorType::SapOData), Err(vec![missing.clone()]));
    let twice = "More than one task maps to the destination field g".to_owned();
    assert_eq!(parse(&[map.clone(), map.clone()], ConnectorType::SapOData), Err(vec![twice, missing]));
    let projection = raw("Filter", "PROJECTION", &["f"], "", &[]);
    assert!(parse(&[map.clone(), projection], ConnectorType::SapOData).is_ok());
    assert!(parse(&[map], ConnectorType::S3).is_ok());
}

fn parsed(task: RawTask) -> Result<Task, String> {
    let described = format!("{task:?}");
    match parse(&[task], ConnectorType::S3) {
        Ok(mut tasks) => Ok(tasks.pop().expect("one task")),
        Err(findings) => Err(findings.into_iter().next().unwrap_or(described)),
    }
}

#[test]
fn computing_tasks_are_understood() {
    let arithmetic = |left: &str, right: &str, name: &str| Task::Arithmetic {
        operator: ArithmeticOperator::Subtract,
        left: left.to_owned(),
        right: right.to_owned(),
        name: name.to_owned(),
        source_type: None,
        destination_type: None,
    };
    let order = "MATH_OPERATION_FIELDS_ORDER";
    let subtraction = |fields: &[&str], to: &str, order_is: &str| {
        let properties = [(order, order_is)];
        parsed(raw(
            "Arithmetic",
            "SUBTRACTION",
            fields,
            to,
            if order_is.is_empty() { &[] } else { &properties },
        ))
    };
    assert_eq!(subtraction(&["a", "b"], "a,b", "b,a"), Ok(arithmetic("b", "a", "a,b")));
    assert_eq!(subtraction(&["a", "b"], "", ""), Ok(arithmetic("a", "b", "a,b")));
    assert_eq!(subtraction(&["a", "b"], "x", r#"["b","a"]"#), Ok(arithmetic("b", "a", "x")));
    assert_eq!(subtraction(&["a", "b"], "x", "a , b"), Ok(arithmetic("a", "b", "x")));
    assert_eq!(subtraction(&["a,b", "c"], "x", "c,a,b"), Ok(arithmetic("c", "a,b", "x")));
    assert_eq!(subtraction(&["a"], "x", "a,a"), Ok(arithmetic("a", "a", "x")));
    assert!(subtraction(&["a", "b"], "x", "a,c").unwrap_err().contains("such as a,b"));
    assert!(subtraction(&["a", "b", "c"], "x", "").unwrap_err().contains("exactly two"));
    let truncate = |length| parsed(raw("Truncate", "", &["f"], "", &[("TRUNCATE_LENGTH", length)]));
    assert_eq!(truncate("0"), Ok(Task::Truncate { field: "f".to_owned(), length: 0 }));
    for bad in ["-1", "x", "99999999999"] {
        assert!(truncate(bad).unwrap_err().contains("TRUNCATE_LENGTH"), "{bad}");
    }
    assert!(parsed(raw("Truncate", "", &["f"], "", &[])).unwrap_err().contains("needs the task property"));
}

#[test]
fn formats_of_a_merge_are_read_as_people_write_them() {
    let show = |pieces: &[MergePiece]| -> String {
        let piece = |piece: &MergePiece| match piece {
            MergePiece::Text(text) => format!("[{text}]"),
            MergePiece::Field(at) => at.to_string(),
        };
        pieces.iter().map(piece).collect()
    };
    let cases = [
        ("${first} ${last}", "0[ ]1"),
        ("${last}, ${first}!", "1[, ]0[!]"),
        ("{last} {first}", "1[ ]0"),
        ("{0}-{1}", "0[-]1"),
        ("${1}${0}", "10"),
        ("%s: %s", "0[: ]1"),
        ("first last", "0[ ]1"),
        ("last/first", "1[/]0"),
        ("Dear first", "0[Dear first]1"),
        (" ", "0[ ]1"),
        (" - ", "0[ - ]1"),
        ("", "01"),
        ("$${first} ${first}", "[${first} ]0"),
        ("{x} {first} 100%", "[{x} ]0[ 100%]"),
        ("firstly last", "0[firstly last]1"),
    ];
    for (format, expected) in cases {
        let properties = [("CONCAT_FORMAT", format)];
        let task =
            parsed(raw("Merge", "NO_OP", &["first", "last"], "first,last", &properties)).expect("a format");
        let Task::Merge { fields, name, format: pieces } = task else { panic!("a merge") };
        assert_eq!(
            (show(&pieces).as_str(), name.as_str(), fields.len()),
            (expected, "first,last", 2),
            "{format}"
        );
    }
    let unknown = parsed(raw("Merge", "", &["a"], "", &[("CONCAT_FORMAT", "${b}")])).unwrap_err();
    assert_eq!(
        unknown,
        "The task property CONCAT_FORMAT names the field b, which is none of the task's source fields"
    );
    assert!(parsed(raw("Merge", "", &[""], "", &[])).unwrap_err().contains("at least one"));
}

#[test]
fn validations_partitions_and_passthroughs_are_understood() {
    let action = |value| [("VALIDATION_ACTION", value)];
    for (operator, check) in [
        ("VALIDATE_NON_NULL", ValidationCheck::NonNull),
        ("VALIDATE_NON_ZERO", ValidationCheck::NonZero),
        ("VALIDATE_NON_NEGATIVE", ValidationCheck::NonNegative),
        ("VALIDATE_NUMERIC", ValidationCheck::Numeric),
    ] {
        for (text, action_is) in
            [("DropRecord", ValidationAction::DropRecord), ("DropDataset", ValidationAction::DropDataset)]
        {
            let task = parsed(raw("Validate", operator, &["f"], "", &action(text)));
            assert_eq!(task, Ok(Task::Validate { field: "f".to_owned(), check, action: action_is }));
        }
    }
    let missing = parsed(raw("Validate", "VALIDATE_NUMERIC", &["f"], "", &[])).unwrap_err();
    assert!(missing.contains("VALIDATION_ACTION with the value DropRecord or DropDataset"), "{missing}");
    assert!(
        parsed(raw("Validate", "", &["f"], "", &action("DropRecord")))
            .unwrap_err()
            .contains("validating tasks")
    );

    let keys = |text| parsed(raw("Partition", "", &["x"], "", &[("ORDERED_PARTITION_KEYS_LIST", text)]));
    let expected = Ok(Task::Partition { keys: vec!["b".to_owned(), "a".to_owned()] });
    assert_eq!(keys(r#"["b","a"]"#), expected);
    assert_eq!(keys("b, a"), expected);
    assert_eq!(parsed(raw("Partition", "", &["b", "a"], "", &[])), expected);
    assert!(keys("a,a").unwrap_err().contains("twice"));
    assert!(keys("a,b,c,d,e,f,g,h,i,j,k").unwrap_err().contains("from one to 10"));
    assert!(keys("[a]").unwrap_err().contains("JSON array"));

    assert_eq!(parsed(raw("Passthrough", "NO_OP", &[], "", &[])), Ok(Task::Passthrough));
    let both = [raw("Passthrough", "", &[], "", &[]), raw("Map_all", "", &[], "", &[])];
    assert!(parse(&both, ConnectorType::S3).unwrap_err()[0].contains("no other tasks"));
    assert!(
        parse(&both[..1], ConnectorType::SapOData).unwrap_err()[0].contains("must be S3 and not SAPOData")
    );
}

#[test]
fn new_fields_and_lists_of_one_empty_name() {
    let all = |properties: &[(&str, &str)]| parsed(raw("Map_all", "", &[""], "", properties));
    let exclude = ("EXCLUDE_SOURCE_FIELDS_LIST", r#"[""]"#);
    assert_eq!(all(&[exclude]), Ok(Task::MapAll { exclude: vec![], include_new: false }));
    assert_eq!(
        all(&[exclude, ("INCLUDE_NEW_FIELDS", "True")]),
        Ok(Task::MapAll { exclude: vec![], include_new: true })
    );
    assert!(all(&[("INCLUDE_NEW_FIELDS", "yes")]).is_err());
    assert_eq!(
        parsed(raw("Map", "", &["a,b"], "", &[])),
        Ok(Task::Map {
            source: "a,b".to_owned(),
            destination: "a,b".to_owned(),
            source_type: None,
            destination_type: None
        })
    );
}

#[test]
fn the_source_is_not_asked_for_what_tasks_compute() {
    let tasks = [
        raw("Map", "", &["a,b"], "sum", &[]),
        raw("Arithmetic", "ADDITION", &["a", "b"], "a,b", &[]),
        raw("Merge", "", &["c"], "c", &[]),
        raw("Map", "", &["c"], "d", &[]),
        raw("Mask", "MASK_ALL", &["a,b"], "", &[]),
        raw("Filter", "PROJECTION", &["b", "a", "a,b"], "", &[]),
    ];
    let tasks = parse(&tasks, ConnectorType::SapOData).expect("good tasks");
    assert_eq!(source_fields(&tasks), ["b", "a", "c"]);
    let twice = [raw("Merge", "", &["a"], "x", &[]), raw("Merge", "", &["b"], "x", &[])];
    assert_eq!(
        parse(&twice, ConnectorType::S3),
        Err(vec!["More than one task computes the field x".to_owned()])
    );
}

#[test]
fn policies_come_from_tags() {
    let read =
        |tags: &[(&'static str, &'static str)]| Policies::from_tags(tags.iter().copied(), OnBadValue::Drop);
    let null = Policies { on_bad_value: OnBadValue::Null, on_missing_field: OnMissingField::Null };
    assert_eq!(
        read(&[(Policies::ON_BAD_VALUE, "null"), ("x", "y"), (Policies::ON_MISSING_FIELD, "null")]),
        Ok(null)
    );
    assert_eq!(read(&[]).map(|policies| policies.on_bad_value), Ok(OnBadValue::Drop));
    assert_eq!(
        read(&[(Policies::ON_BAD_VALUE, "skip"), (Policies::ON_MISSING_FIELD, "drop")]).unwrap_err().len(),
        2
    );
}
