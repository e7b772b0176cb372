"""The first flow: SAP OData and S3 to S3, compared value by value with the published data."""

import datetime
import json
from decimal import Decimal

import duckdb
import pytest
from support.flows import (Bucket, filter_field, flow, map_all, map_field, mask, projection, s3_destination, s3_source,
                           sap_source)
from support.schedules import scheduled
from support.server import error_of
from support.tables import table

SAP = "SAPOData"
COLUMNS = ["tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "speed", "engine"]


@pytest.fixture(scope="session")
def connections(live, sap):
    """One connection for each protocol version."""
    for version in (2, 4):
        live.boto().create_connector_profile(**sap.profile(f"sap-v{version}", version=version))
    return {2: "sap-v2", 4: "sap-v4"}


@pytest.fixture
def move(live, name):
    """Creates a flow, runs it, expects success, gives the record of the run."""

    def move(source, destination, tasks, **more):
        made = live.boto().create_flow(**flow(name, source, destination, tasks, **more))
        assert made["flowStatus"] == "Active"
        run = live.run(name)
        assert run["executionStatus"] == "Successful", run
        return run

    return move


def planes_in_order(rows):
    return sorted(rows, key=lambda row: row["tailnum"])


def typed(kind):
    """Parquet keeps types only when it is told to; otherwise every value is a string, as at AWS."""
    return {"preserveSourceDataTyping": True} if kind == "PARQUET" else {}


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("kind", ["JSON", "CSV", "PARQUET"])
def test_a_whole_table_arrives_value_by_value(connections, bucket, move, name, version, kind):
    run = move(sap_source(connections[version], "Planes"), s3_destination(bucket.name, "out", kind, **typed(kind)), [map_all(SAP)])
    source = planes_in_order(table("planes"))
    if kind == "JSON":
        rows = bucket.json_rows("out/")
        assert list(rows[0]) == COLUMNS, "every mapped field, in the source's order"
    elif kind == "PARQUET":
        found = bucket.parquet("out/")
        assert found.column_names == COLUMNS
        assert str(found.schema.field("year").type) == "int32" and str(found.schema.field("tailnum").type) in ("string", "large_string", "string_view")
        rows = found.to_pylist()
    else:
        rows = bucket.csv_rows("out/")
        assert list(rows[0]) == COLUMNS
        source = [{k: "" if v is None else str(v) for k, v in row.items()} for row in source]
    assert planes_in_order(rows) == source
    result = run["executionResult"]
    assert result["recordsProcessed"] == len(source) == 3322
    assert result["bytesWritten"] == sum(len(bucket.read(key)) for key in bucket.keys("out/"))
    assert result["bytesProcessed"] > 0


def test_the_key_layout_is_the_services(connections, bucket, move, live, name):
    run = move(sap_source(connections[4], "Airlines"), s3_destination(bucket.name, "a/b/"), [map_all(SAP)])
    keys = bucket.keys()
    assert keys and all(key.startswith(f"a/b/{name}/") and run["executionId"] in key for key in keys), keys
    assert all("." not in key.rsplit("/", 1)[-1] for key in keys), "names carry no extension"
    second = live.run(name)
    assert len({run["executionId"], second["executionId"]}) == 2
    assert {run["executionId"], second["executionId"]} == {
        r["executionId"] for r in live.boto().describe_flow_execution_records(flowName=name)["flowExecutions"]}
    assert len(bucket.keys()) == 2 * len(keys), "a run overwrites nothing"


@pytest.mark.parametrize("version", [2, 4])
def test_parquet_agrees_with_an_independent_reader(connections, bucket, move, version):
    """20 pages of flights, read back by DuckDB and compared with the published CSV by a query."""
    move(sap_source(connections[version], "Flights"), s3_destination(bucket.name, "", "PARQUET", preserveSourceDataTyping=True), [map_all(SAP)])
    files = [str(bucket.path / key) for key in bucket.keys()]
    rows = duckdb.execute(
        "SELECT ID, carrier, flight, tailnum, dep_delay, distance, epoch(time_hour) FROM read_parquet(?) ORDER BY ID", [files]).fetchall()
    source = table("flights", 20000)
    assert len(rows) == 20000
    for row, want in zip(rows, source):
        hour = datetime.datetime.fromtimestamp(row[6], datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert (*row[:6], hour) == tuple(want[c] for c in ("ID", "carrier", "flight", "tailnum", "dep_delay", "distance", "time_hour"))


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("parallel", [1, 5])
def test_every_page_comes_once(connections, bucket, move, sap, version, parallel):
    seen = len(sap.requests())
    run = move(
        sap_source(connections[version], "Flights", paginationConfig={"maxPageSize": 700}, parallelismConfig={"maxParallelism": parallel}),
        s3_destination(bucket.name), [projection(SAP, "ID", "tailnum"), map_field(SAP, "ID"), map_field(SAP, "tailnum")])
    rows = bucket.json_rows()
    assert run["executionResult"]["recordsProcessed"] == 20000
    assert sorted(row["ID"] for row in rows) == list(range(1, 20001))
    assert all(set(row) == {"ID", "tailnum"} for row in rows)
    pages = [r["url"] for r in sap.requests()[seen:] if "/Flights?" in r["url"]]
    assert len(pages) >= 28 and all("select" in url for url in pages if "skiptoken" not in url), pages[:3]


@pytest.mark.parametrize("version", [2, 4])
def test_filters_are_pushed_down_and_true(connections, bucket, move, sap, version):
    seen = len(sap.requests())
    run = move(sap_source(connections[version], "Flights"), s3_destination(bucket.name), [
        map_all(SAP),
        filter_field(SAP, "distance", "GREATER_THAN", "Edm.Int32", VALUE="1500"),
        filter_field(SAP, "carrier", "EQUAL_TO", "Edm.String", VALUES="UA,AA"),
        filter_field(SAP, "dep_delay", "BETWEEN", "Edm.Int32", LOWER_BOUND="10", UPPER_BOUND="60"),
    ])
    want = [row for row in table("flights", 20000) if row["distance"] > 1500 and row["carrier"] in ("UA", "AA")
            and row["dep_delay"] is not None and 10 <= row["dep_delay"] <= 60]
    rows = bucket.json_rows()
    assert 0 < len(want) < 2000
    assert sorted(row["ID"] for row in rows) == [row["ID"] for row in want]
    assert run["executionResult"]["recordsProcessed"] == len(want)
    asked = [r["url"] for r in sap.requests()[seen:] if "/Flights" in r["url"] and "metadata" not in r["url"]]
    assert any("filter" in url and "distance" in url and "carrier" in url for url in asked), asked[:3]


@pytest.mark.parametrize("operator,value,keep", [
    ("NOT_EQUAL_TO", "B6", lambda r: r["carrier"] != "B6"), ("CONTAINS", "A", lambda r: "A" in r["carrier"]),
    ("LESS_THAN", "B6", lambda r: r["carrier"] < "B6"), ("LESS_THAN_OR_EQUAL_TO", "B6", lambda r: r["carrier"] <= "B6"),
    ("GREATER_THAN_OR_EQUAL_TO", "UA", lambda r: r["carrier"] >= "UA"), ("EQUAL_TO", "O'Hare & \"co\"", lambda r: False),
])
def test_operators_on_texts(connections, bucket, move, operator, value, keep):
    move(sap_source(connections[4], "Airlines"), s3_destination(bucket.name),
         [map_all(SAP), filter_field(SAP, "carrier", operator, "Edm.String", VALUE=value)])
    assert sorted(r["carrier"] for r in bucket.json_rows()) == sorted(r["carrier"] for r in table("airlines") if keep(r))


def test_a_filter_on_a_time_takes_epoch_milliseconds(connections, bucket, move):
    at = datetime.datetime(2013, 1, 10, tzinfo=datetime.timezone.utc)
    move(sap_source(connections[4], "Flights"), s3_destination(bucket.name),
         [map_all(SAP), filter_field(SAP, "time_hour", "LESS_THAN", "Edm.DateTimeOffset", VALUE=str(int(at.timestamp() * 1000)))])
    want = [row["ID"] for row in table("flights", 20000) if row["time_hour"] < "2013-01-10T00:00:00Z"]
    assert sorted(row["ID"] for row in bucket.json_rows()) == want and want


def test_fields_are_renamed_masked_and_left_out(connections, bucket, move):
    move(sap_source(connections[4], "Planes"), s3_destination(bucket.name), [
        projection(SAP, "tailnum", "manufacturer", "model", "seats"),
        map_field(SAP, "tailnum", "tail"), map_field(SAP, "manufacturer", "maker"), map_field(SAP, "model"),
        map_field(SAP, "seats", "seat_count", SOURCE_DATA_TYPE="Edm.Int32", DESTINATION_DATA_TYPE="string"),
        mask(SAP, "tailnum", "MASK_LAST_N", MASK_LENGTH="3", MASK_VALUE="*"),
        mask(SAP, "manufacturer", "MASK_ALL", MASK_VALUE="*", MASK_LENGTH="5"),
        mask(SAP, "model", "MASK_FIRST_N", MASK_LENGTH="2", MASK_VALUE="#"),
    ])
    rows, source = bucket.json_rows(), table("planes")
    assert set(rows[0]) == {"tail", "maker", "model", "seat_count"}
    assert sorted(r["tail"] for r in rows) == sorted(r["tailnum"][:-3] + "***" for r in source)
    assert {r["maker"] for r in rows} == {"*****"}
    assert sorted(r["model"] for r in rows) == sorted("##" + r["model"][2:] for r in source)
    assert all(isinstance(r["seat_count"], str) for r in rows)


def test_map_all_without_some_fields(connections, bucket, move):
    move(sap_source(connections[4], "Planes"), s3_destination(bucket.name),
         [map_all(SAP, EXCLUDE_SOURCE_FIELDS_LIST='["speed", "year"]')])
    assert list(bucket.json_rows()[0]) == [c for c in COLUMNS if c not in ("speed", "year")]


def odd_values():
    from support.server import ROOT
    return {row["ID"]: row for row in json.loads((ROOT / "conformance/peers/sap/odd.json").read_text())["Odd"]}


@pytest.mark.parametrize("version", [2, 4])
def test_awkward_values_survive(connections, bucket, move, version):
    """Decimals without loss, integers beyond 2^53, unicode, nulls, times with their fractions."""
    move(sap_source(connections[version], "Odd"), s3_destination(bucket.name), [map_all(SAP)])
    text = b"\n".join(bucket.read(key) for key in bucket.keys()).decode()
    rows = {r["ID"]: r for r in map(lambda line: json.loads(line, parse_float=Decimal), filter(None, text.split("\n")))}
    for number, want in odd_values().items():
        row = rows[number]
        for field in ("text", "short", "guid", "flag", "tiny", "small"):
            assert row[field] == want.get(field), (number, field)
        for field in ("amount", "big", "long"):
            value = want.get(field)
            assert row[field] is None if value is None else Decimal(str(row[field])) == Decimal(value), (number, field)
        assert row["ratio"] is None if want.get("ratio") is None else float(row["ratio"]) == want["ratio"]
        moment = want.get("moment")
        assert row["moment"] is None if moment is None else row["moment"].startswith(moment[:-1])
        if version == 4 and want.get("instant"):  # SAP's V2 carries milliseconds only
            assert Decimal(row["instant"].rstrip("Z")[19:].rstrip("0").rstrip(".") or "0") == Decimal(want["instant"].rstrip("Z")[19:].rstrip("0").rstrip(".") or "0")


def test_parquet_keeps_decimals_and_times_as_such(connections, bucket, move):
    move(sap_source(connections[4], "Odd"), s3_destination(bucket.name, "", "PARQUET", preserveSourceDataTyping=True), [map_all(SAP)])
    found = bucket.parquet()
    assert str(found.schema.field("amount").type) == "decimal128(15, 4)"
    assert str(found.schema.field("big").type) == "decimal128(34, 10)"
    assert str(found.schema.field("long").type) == "int64"
    assert str(found.schema.field("moment").type).startswith("timestamp") and found.schema.field("moment").type.tz in ("UTC", "+00:00")
    rows = {row["ID"]: row for row in found.select(["ID", "big", "long"]).to_pylist()}
    assert rows[2]["big"] == Decimal("123456789012345678901234.0123456789")
    assert rows[3]["long"] == 9223372036854775807
    assert rows[1]["big"] is None


def test_a_view_without_keys_is_read_to_its_end(live, connections, bucket, move, name):
    move(sap_source(connections[4], "Routes", paginationConfig={"maxPageSize": 50}, parallelismConfig={"maxParallelism": 5}),
         s3_destination(bucket.name), [map_all(SAP)])
    want = {(r["carrier"], r["origin"], r["dest"]) for r in table("flights", 20000)}
    rows = [(r["carrier"], r["origin"], r["dest"]) for r in bucket.json_rows()]
    assert len(rows) == len(set(rows)) and set(rows) == want
    said = live.boto().describe_flow(flowName=name)["lastRunExecutionDetails"]["mostRecentExecutionMessage"]
    assert said.startswith("Successfully ran the flow ") and "key" in said, said


# From S3.

AWKWARD = 'id,name,note\r\n1,"Müller, ""Max""",\r\n2,,""\r\n007,"two\r\nlines",NULL\r\n'


def test_a_csv_column_is_a_text(live, bucket, move):
    bucket.put("in/a.csv", AWKWARD)
    bucket.put("in/b.csv", "id,name,note\n3,x,1.50\n")
    run = move(s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3")])
    rows = {row["id"]: row for row in bucket.json_rows("out/")}
    assert rows["1"] == {"id": "1", "name": 'Müller, "Max"', "note": None}
    assert rows["2"] == {"id": "2", "name": None, "note": ""}
    assert rows["007"] == {"id": "007", "name": "two\r\nlines", "note": "NULL"}
    assert rows["3"]["note"] == "1.50"
    assert run["executionResult"]["recordsProcessed"] == 4


def test_csv_to_csv_keeps_null_and_empty_apart(live, bucket, move):
    bucket.put("in/a.csv", AWKWARD)
    move(s3_source(bucket.name, "in"), s3_destination(bucket.name, "out", "CSV"), [map_all("S3")])
    written = b"".join(bucket.read(key) for key in bucket.keys("out/")).decode()
    lines = written.replace("\r\nlines", " lines").splitlines()
    assert lines[0] == "id,name,note"
    assert '1,"Müller, ""Max""",' in lines and '2,,""' in lines


def test_json_lines_keep_their_types(live, bucket, move):
    rows = [{"a": 1, "b": 1.5, "c": True, "d": None, "e": "x", "f": 12345678901234567890.0}, {"a": 9007199254740993, "b": -0.001, "c": False, "d": None, "e": "ü\n", "f": 1}]
    bucket.put("in/rows", "\n".join(json.dumps(row) for row in rows) + "\n")
    move(s3_source(bucket.name, "in", "JSON"), s3_destination(bucket.name, "out"), [map_all("S3")])
    assert sorted(bucket.json_rows("out/"), key=lambda r: r["e"]) == sorted(rows, key=lambda r: r["e"])


def test_types_are_converted_where_a_task_says_so(live, bucket, move):
    bucket.put("in/a.csv", "id,price\n1,2.50\n2,\n")
    move(s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [
        map_field("S3", "id", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="integer"),
        map_field("S3", "price", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="double")])
    assert bucket.json_rows("out/") == [{"id": 1, "price": 2.5}, {"id": 2, "price": None}]


# What goes wrong is the run's error, and nothing is half-published.

def test_a_field_that_the_source_lacks_is_refused_at_once(live, connections, bucket, name):
    status, error, message = error_of(live.raw("/create-flow", flow(
        name, sap_source(connections[4], "Flights"), s3_destination(bucket.name),
        [projection(SAP, "ID"), map_field(SAP, "ID"), map_field(SAP, "no_such_field")])))
    assert (status, error) == (400, "ValidationException") and "no_such_field" in message, message


def test_a_failed_run_says_why_and_publishes_nothing(emulation, sap, name):
    """Without the live check the flow is made, and its run meets the field that is not there."""
    bucket = Bucket(emulation, f"bucket-{name}")
    emulation.boto().create_connector_profile(**sap.profile(f"sap-{name}", version=4))
    live, connections = emulation, {4: f"sap-{name}"}
    live.boto().create_flow(**flow(name, sap_source(connections[4], "Flights"), s3_destination(bucket.name), [
        projection(SAP, "ID"), map_field(SAP, "ID"), filter_field(SAP, "no_such_field", "EQUAL_TO", "Edm.String", VALUE="x")]))
    run = live.run(name)
    assert run["executionStatus"] == "Error"
    assert "no_such_field" in run["executionResult"]["errorInfo"]["executionMessage"]
    assert bucket.keys() == []


def test_a_bucket_that_is_not_there(live, connections, name):
    status, error, message = error_of(live.raw("/create-flow", flow(
        name, sap_source(connections[4], "Planes"), s3_destination("no-such-bucket-at-all"), [map_all(SAP)])))
    assert status in (400, 404) and "no-such-bucket-at-all" in message, (error, message)


@pytest.mark.parametrize("change,told", [
    (scheduled("garbage!!"), "rate("),
    ({"triggerConfig": {"triggerType": "Scheduled"}}, "TriggerProps is required for Scheduled Trigger Type."),
    ({"destinationFlowConfigList": []}, "exactly one destination"),
    ({"tasks": []}, "Task Validation Error: You must specify a projection task or a MAP_ALL task"),
])
def test_a_flow_that_cannot_work_is_refused(live, connections, bucket, name, change, told):
    data = {**flow(name, sap_source(connections[4], "Planes"), s3_destination(bucket.name), [map_all(SAP)]), **change}
    status, error, message = error_of(live.raw("/create-flow", data))
    assert (status, error) == (400, "ValidationException") and told in message, message


def test_a_prefix_that_no_key_can_have_is_refused(live, connections, bucket, name):
    data = flow(name, sap_source(connections[4], "Planes"), s3_destination(bucket.name, "a/../b"), [map_all(SAP)])
    status, error, message = error_of(live.raw("/create-flow", data))
    assert (status, error) == (400, "ValidationException") and "a/../b" in message, message


def test_a_flow_is_described_listed_and_deleted(live, connections, bucket, name):
    client = live.boto()
    data = flow(name, sap_source(connections[4], "Planes"), s3_destination(bucket.name), [map_all(SAP)], description="a flow")
    assert client.create_flow(**data)["flowArn"].endswith(f":flow/{name}")
    seen = client.describe_flow(flowName=name)
    for member in ("flowName", "description", "sourceFlowConfig", "destinationFlowConfigList", "tasks"):
        assert seen[member] == data[member], member
    assert seen["triggerConfig"]["triggerType"] == "OnDemand" and seen["flowStatus"] == "Active"
    listed = next(f for f in _all_flows(client) if f["flowName"] == name)
    assert listed["sourceConnectorType"] == "SAPOData" and listed["destinationConnectorType"] == "S3"
    live.run(name)
    assert client.describe_flow(flowName=name)["lastRunExecutionDetails"]["mostRecentExecutionStatus"] == "Successful"
    client.delete_flow(flowName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_flow(flowName=name)


def _all_flows(client):
    found, token = [], None
    while True:
        page = client.list_flows(maxResults=100, **({"nextToken": token} if token else {}))
        found += page["flows"]
        token = page.get("nextToken")
        if not token:
            return found


def test_a_saas_source_needs_a_projection_or_map_all(live, connections, bucket, name):
    status, error, message = error_of(live.raw("/create-flow", flow(
        name, sap_source(connections[4], "Planes"), s3_destination(bucket.name), [map_field(SAP, "tailnum")])))
    assert (status, error) == (400, "ValidationException")
    assert "You must specify a projection task or a MAP_ALL task" in message
