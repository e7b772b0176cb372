//! The operation table and the error kinds say what the model says; routes find their operation.

use serde_json::{Value, json};
use tidegate_wire::{ErrorKind, Input, Operation, match_route};

#[test]
fn every_row_is_the_models() {
    let model = crate::model();
    let operations = model["operations"].as_object().unwrap();
    assert_eq!(operations.len(), 25);
    let names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(names, operations.keys().collect::<Vec<_>>());
    for operation in Operation::ALL.iter().copied() {
        let row = &operations[operation.name()];
        assert_eq!(format!("{operation:?}"), operation.name());
        assert_eq!(Operation::from_name(operation.name()), Some(operation));
        assert_eq!(operation.method(), row["http"]["method"]);
        assert_eq!(operation.uri(), row["http"]["requestUri"]);
        assert_eq!(operation.input().name, row["input"]["shape"]);
        assert_eq!(operation.output().name, row["output"]["shape"]);
        for error in row["errors"].as_array().unwrap() {
            let found = operation.errors().iter().any(|kind| kind.name() == error["shape"]);
            assert!(found, "{} lost {error}", operation.name());
        }
        assert!(operation.errors().contains(&ErrorKind::InternalServer));
    }
    assert_eq!(Operation::UntagResource.query_members().collect::<Vec<_>>(), ["tagKeys"]);
    assert!(Operation::CreateConnectorProfile.errors().contains(&ErrorKind::ConnectorServer));
    assert!(Operation::StartFlow.errors().contains(&ErrorKind::Validation));
}

#[test]
fn typed_inputs_name_their_operation() {
    assert_eq!(tidegate_wire::CreateFlowRequest::OPERATION, Operation::CreateFlow);
    assert_eq!(tidegate_wire::UntagResourceRequest::OPERATION, Operation::UntagResource);
}

#[test]
fn every_exception_has_the_models_status() {
    let model = crate::model();
    let mut exceptions = 0;
    for (name, shape) in model["shapes"].as_object().unwrap() {
        if shape["exception"] != true {
            continue;
        }
        exceptions += 1;
        let kind = ErrorKind::ALL.iter().find(|kind| kind.name() == name).unwrap();
        assert_eq!(kind.status(), shape["error"]["httpStatusCode"], "{name}");
    }
    assert_eq!(exceptions, 10);
    let common = [
        (ErrorKind::UnrecognizedClient, "UnrecognizedClientException", 403),
        (ErrorKind::InvalidSignature, "InvalidSignatureException", 403),
        (ErrorKind::IncompleteSignature, "IncompleteSignatureException", 403),
        (ErrorKind::MissingAuthenticationToken, "MissingAuthenticationTokenException", 403),
        (ErrorKind::ExpiredToken, "ExpiredTokenException", 403),
        (ErrorKind::UnknownOperation, "UnknownOperationException", 404),
        (ErrorKind::Serialization, "SerializationException", 400),
        (ErrorKind::RequestEntityTooLarge, "RequestEntityTooLargeException", 413),
        (ErrorKind::ServiceUnavailable, "ServiceUnavailable", 503),
        (ErrorKind::ServiceQuotaExceeded, "ServiceQuotaExceededException", 402),
    ];
    for (kind, name, status) in common {
        assert_eq!((kind.name(), kind.status()), (name, status));
    }
}

#[test]
fn routes_find_their_operation() {
    let cases = [
        ("POST", "/create-flow", Some("CreateFlow")),
        ("POST", "/describe-connector-profiles", Some("DescribeConnectorProfiles")),
        ("GET", "/create-flow", None),
        ("POST", "/create-flow/", None),
        ("POST", "/Create-Flow", None),
        ("POST", "/", None),
        ("POST", "", None),
        ("GET", "/tags/", None),
        ("PUT", "/tags/x", None),
        ("GET", "/tags/arn%3Aaws%3Aappflow", Some("ListTagsForResource")),
        ("POST", "/tags/arn:aws:appflow:us-east-1:000000000000:flow/f", Some("TagResource")),
        ("DELETE", "/tags/arn:aws:appflow:us-east-1:000000000000:flow/f", Some("UntagResource")),
    ];
    for (method, path, expected) in cases {
        let found = match_route(method, path).map(|found| found.operation.name());
        assert_eq!(found, expected, "{method} {path}");
    }
    for operation in Operation::ALL.iter().copied() {
        let path = operation.uri().replace("{resourceArn}", "x");
        assert_eq!(match_route(operation.method(), &path).unwrap().operation, operation);
    }
}

#[test]
fn path_and_query_join_the_body() {
    let arn = "arn:aws:appflow:us-east-1:000000000000:flow/a b";
    let body = json!({"resourceArn": "from the body", "tagKeys": ["from the body"], "tags": {"k": "v"}});
    let cases = [
        (
            "POST",
            "/tags/arn%3Aaws%3Aappflow%3Aus-east-1%3A000000000000%3Aflow%2Fa%20b",
            "",
            json!({"tagKeys": ["from the body"]}),
        ),
        (
            "POST",
            "/tags/arn:aws:appflow:us-east-1:000000000000:flow/a%20b",
            "",
            json!({"tagKeys": ["from the body"]}),
        ),
        (
            "DELETE",
            "/tags/arn%3Aaws:appflow:us-east-1:000000000000:flow%2Fa%20b",
            "tagKeys=a%2Fb&x=1&tagKeys=c+d&tag%4Beys=",
            json!({"tagKeys": ["a/b", "c d", ""]}),
        ),
        ("DELETE", "/tags/arn:aws:appflow:us-east-1:000000000000:flow/a%20b", "", json!({})),
    ];
    for (method, path, query, extra) in cases {
        let input = match_route(method, path).unwrap().input(query, body.clone()).unwrap();
        assert_eq!(input["resourceArn"], arn, "{path}");
        assert_eq!(input.get("tagKeys"), extra.get("tagKeys"), "{query}");
        assert_eq!(input["tags"], json!({"k": "v"}));
    }
    // Decoding happens once: an escaped percent sign stays one.
    let found = match_route("GET", "/tags/a%253Ab").unwrap();
    assert_eq!(found.path_params, [("resourceArn", "a%253Ab")]);
    assert_eq!(found.input("", Value::Null).unwrap()["resourceArn"], "a%3Ab");
    assert!(match_route("GET", "/tags/%FF").unwrap().input("", Value::Null).is_err());
    // A body of another type is left for validation to refuse.
    assert_eq!(found.input("", json!([1])).unwrap(), json!([1]));
}
