"""Every task type through boto3: a CSV or JSON Lines file in, JSON Lines or Parquet out."""

import json
from decimal import Decimal

import botocore.exceptions
import pytest
from support.flows import filter_field, flow, map_all, map_field, mask, projection, s3_destination, s3_source

CSV = 'id,first,last,a,b\n1,Ada,Lovelace,7,2\n2,Élan,,0.1,0.2\n3,,Plato,-1.50,0.5\n4,Bo,Diddley,x,\n'


def task(kind, fields, to=None, op="NO_OP", **properties):
    made = {"taskType": kind, "connectorOperator": {"S3": op}, "sourceFields": fields, "taskProperties": properties}
    return made if to is None else {**made, "destinationField": to}


@pytest.fixture
def create(live, bucket, name):
    def create(tasks, text=CSV, kind="CSV", out="JSON", tags=None, **format):
        bucket.put("in/file", text)
        definition = flow(name, s3_source(bucket.name, "in", kind), s3_destination(bucket.name, "out", out, **format), tasks,
                          **({"tags": tags} if tags else {}))
        return live.boto().create_flow(**definition)

    return create


@pytest.fixture
def move(live, bucket, name, create):
    """Creates a flow and runs it; its rows, and the record of the run."""

    def move(tasks, **more):
        create(tasks, **more)
        described = live.boto().describe_flow(flowName=name)["tasks"]
        assert described == tasks, "comes back as it was sent"
        return live.run(name)

    return move


@pytest.fixture
def rows(bucket, move):
    def rows(tasks, **more):
        run = move(tasks, **more)
        assert run["executionStatus"] == "Successful", run
        return bucket.json_rows("out/"), run["executionResult"]

    return rows


def test_merge_as_the_cdk_writes_it(rows):
    found, _ = rows([
        projection("S3", "id", "first", "last", "first,last"),
        task("Merge", ["first", "last"], "first,last", CONCAT_FORMAT="${last}, ${first}"),
        map_field("S3", "first,last", "name", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="string"),
    ])
    assert [row["name"] for row in found] == ["Lovelace, Ada", ", Élan", "Plato, ", "Diddley, Bo"]


@pytest.mark.parametrize("op,want", [("ADDITION", ["9", "0.3", "-1"]), ("SUBTRACTION", ["5", "-0.1", "-2"]),
                                     ("MULTIPLICATION", ["14", "0.02", "-0.75"]), ("DIVISION", ["3.5", "0.5", "-3"])])
def test_arithmetic_is_exact(bucket, move, op, want):
    run = move([
        task("Validate", ["a"], "", "VALIDATE_NUMERIC", VALIDATION_ACTION="DropRecord"),
        task("Arithmetic", ["a", "b"], "a,b", op, MATH_OPERATION_FIELDS_ORDER="a,b"),
        map_field("S3", "a,b", "x", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="decimal"),
    ], out="PARQUET", preserveSourceDataTyping=True)
    assert run["executionStatus"] == "Successful", run
    assert bucket.parquet("out/").column("x").to_pylist() == [Decimal(value) for value in want]


def test_truncate_and_mask(rows):
    found, _ = rows([
        map_field("S3", "first"), map_field("S3", "last"),
        task("Truncate", ["first"], "first", TRUNCATE_LENGTH="2"),
        mask("S3", "last", "MASK_LAST_N", MASK_LENGTH="3", MASK_VALUE="#"),
    ])
    assert found == [{"first": "Ad", "last": "Lovel###"}, {"first": "Él", "last": None}, {"first": None, "last": "Pl###"},
                     {"first": "Bo", "last": "Didd###"}]


@pytest.mark.parametrize("op,field,keep", [("VALIDATE_NON_NULL", "last", "134"), ("VALIDATE_NUMERIC", "a", "123"),
                                           ("VALIDATE_NON_NEGATIVE", "a", "124"), ("VALIDATE_NON_ZERO", "a", "1234")])
def test_validations_drop_records(rows, op, field, keep):
    found, result = rows([map_field("S3", "id"), task("Validate", [field], "", op, VALIDATION_ACTION="DropRecord")])
    assert "".join(row["id"] for row in found) == keep
    assert result["recordsProcessed"] == len(keep)


def test_a_validation_ends_the_run_and_names_the_record(bucket, move):
    run = move([map_all("S3"), task("Validate", ["a"], "", "VALIDATE_NUMERIC", VALIDATION_ACTION="DropDataset")])
    assert run["executionStatus"] == "Error"
    message = run["executionResult"]["errorInfo"]["executionMessage"]
    assert "Record 4" in message and "field a" in message and "VALIDATE_NUMERIC" in message, message
    assert bucket.keys("out/") == [], "nothing of it is visible"


def test_map_all_with_exclusions_and_new_fields(rows):
    found, _ = rows([projection("S3", "id"),
                     map_all("S3", EXCLUDE_SOURCE_FIELDS_LIST='["a","b"]', INCLUDE_NEW_FIELDS="true")])
    assert list(found[0]) == ["id", "first", "last"]


def test_a_filter_of_a_type_on_a_text(rows):
    found, _ = rows([map_field("S3", "id"), filter_field("S3", "b", "GREATER_THAN", "decimal", VALUE="0.3")])
    assert [row["id"] for row in found] == ["1", "3"]


def test_lines_pass_through_untouched(bucket, move):
    text = '{"deep": {"b": 1.50,  "a":[ ]}} \n{"z":null}\n'
    run = move([task("Passthrough", [])], text=text, kind="JSON")
    assert run["executionStatus"] == "Successful", run
    assert b"".join(bucket.read(key) for key in bucket.keys("out/")) == text.encode()


def test_bad_values_follow_the_flows_tags(bucket, rows, name):
    errors = f"errors-{name}".lower()[:60]
    (bucket.path.parent / errors).mkdir(exist_ok=True)
    tasks = [map_field("S3", "id"), map_field("S3", "a", DESTINATION_DATA_TYPE="decimal")]
    found, result = rows(tasks, tags={"tidegate:error-bucket": f"{errors}/bad"})
    assert [row["id"] for row in found] == ["1", "2", "3"]
    assert result["recordsProcessed"] == 4
    files = [f for f in (bucket.path.parent / errors).rglob("*") if f.is_file()]
    line = json.loads(files[-1].read_text())
    assert line["record"] == 4 and line["source"] == {"id": "4", "a": "x"} and "field a" in line["reason"]


def test_what_is_wrong_with_tasks_is_said(create):
    cases = [
        (task("Merge", ["first"], "m", CONCAT_FORMAT="${x}"), "names the field x"),
        (task("Arithmetic", ["a", "b"], "m", "ADDITION", MATH_OPERATION_FIELDS_ORDER="a,c"), "MATH_OPERATION_FIELDS_ORDER"),
        (task("Validate", ["a"], "", "VALIDATE_NUMERIC"), "VALIDATION_ACTION"),
        (task("Truncate", ["a"], "", TRUNCATE_LENGTH="-1"), "TRUNCATE_LENGTH"),
        (task("Passthrough", []), "s3InputFileType"),
    ]
    for wrong, text in cases:
        with pytest.raises(botocore.exceptions.ClientError) as error:
            create([wrong])
        assert error.value.response["Error"]["Code"] == "ValidationException"
        assert text in error.value.response["Error"]["Message"]
