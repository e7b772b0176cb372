"""What flows write, read back by DuckDB and PyArrow: every format, aggregation and partition, value by value."""

import csv
import datetime
import io
import json
import urllib.parse
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json
import pytest
from support.flows import Bucket, flow, map_all, map_field, partition, s3_destination, s3_source, sap_source
from support.server import error_of
from support.tables import table

KINDS = ["CSV", "JSON", "PARQUET"]
AGGREGATIONS = {
    "one": None, "single": {"aggregationType": "SingleFile", "targetFileSize": 1}, "none": {"aggregationType": "None"},
    "sized": {"aggregationType": "None", "targetFileSize": 1},
}
REGIONS = ["north", "Zürich", "日本", "a/b", "..", "x=y", "50%", "two words", "back\\slash", None]
NOTES = ['Müller, ""Max""'.replace('""', '"'), "two\r\nlines", "tab\there", "", None, "🚀 e\u0301", "NULL", "'; --", " blank "]
FILES, ROWS = 3, 700
TYPES = {"amount": "decimal(12,3)", "at": "datetime", "big": "long", "day": "date", "flag": "boolean", "ratio": "double"}


def row(number):
    return {
        "id": number, "region": REGIONS[number % len(REGIONS)], "day": datetime.date(2024, 2, 27 + number % 3),
        "amount": None if number % 11 == 0 else Decimal(number * 7919 - 10**6) / 1000, "flag": [True, False, None][number % 3],
        "at": None if number % 13 == 0 else datetime.datetime(1969, 12, 31, 23, 59, 59, 500000) + datetime.timedelta(hours=number, milliseconds=number),
        "big": 2**53 + number, "ratio": number / 3, "note": NOTES[number % len(NOTES)],
    }


SOURCE = {number: row(number) for number in range(FILES * ROWS)}


def text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else str(value)


def field(value):
    """One field of CSV: null is empty, an empty text is in quotes."""
    return "" if value is None else '"' + text(value).replace('"', '""') + '"'


@pytest.fixture(scope="module")
def source(live):
    bucket = Bucket(live, "bucket-readback-in")
    for part in range(FILES):
        rows = [SOURCE[n] for n in range(part * ROWS, (part + 1) * ROWS)]
        lines = [",".join(SOURCE[0])] + [",".join(map(field, r.values())) for r in rows]
        bucket.put(f"in/{part}.csv", "\n".join(lines) + "\n")
    return bucket


def typed_tasks(keys):
    tasks = [map_field("S3", name, **({"SOURCE_DATA_TYPE": "string", "DESTINATION_DATA_TYPE": TYPES.get(name, "string")}))
             for name in SOURCE[0]]
    return tasks + ([partition("S3", *keys)] if keys else [])


def run_of(live, name, bucket, kind, aggregation, keys, source, **more):
    form = {"preserveSourceDataTyping": True} if kind == "PARQUET" else {}
    if AGGREGATIONS[aggregation]:
        form["aggregationConfig"] = AGGREGATIONS[aggregation]
    live.boto().create_flow(**flow(name, s3_source(source.name, "in"), s3_destination(bucket.name, "out", kind, **form, **more), typed_tasks(keys)))
    run = live.run(name)
    assert run["executionStatus"] == "Successful", run
    assert run["executionResult"]["recordsProcessed"] == len(SOURCE)
    return run


def expect(rows, keys, same):
    """Every record of the source once, and each value as `same` wants it."""
    found = {int(r["id"]): r for r in rows}
    assert len(rows) == len(found) == len(SOURCE)
    for number, want in SOURCE.items():
        for name, value in want.items():
            assert same(name, value, found[number][name], name in keys), (number, name, value, found[number][name])


def written(name, value):
    """The text of a value in CSV and in folders."""
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds") + "Z"
    return f"{value:.3f}" if name == "amount" else text(value)


def as_text(name, want, got, _):
    return float(got) == want if name == "ratio" else got == written(name, want)


def as_value(name, want, got, is_key):
    """Types are kept; a partition key is a text in its folder."""
    if is_key or name == "id":
        return got == written(name, want)
    if isinstance(want, datetime.datetime):
        # A CSV source has no unit; whatever the file has, it is the same moment.
        return got is not None and got.replace(tzinfo=None) == want
    return got == want and type(got) is type(want)


def as_json(name, want, got, is_key):
    if is_key or name in ("id", "region", "day", "at", "note"):
        return got == written(name, want)
    return got == want


@pytest.mark.parametrize("keys", [[], ["region"], ["day", "region"]], ids=["whole", "one-key", "two-keys"])
@pytest.mark.parametrize("aggregation", list(AGGREGATIONS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_value_comes_back(live, source, bucket, name, kind, aggregation, keys):
    run = run_of(live, name, bucket, kind, aggregation, keys, source)
    execution, objects = run["executionId"], bucket.keys("out/")
    parts = {(d, r) for d in (r["day"] for r in SOURCE.values()) for r in REGIONS}
    partitions = {0: 1, 1: len(REGIONS), 2: len(parts)}[len(keys)]
    each = FILES if aggregation == "none" else 1
    assert len(objects) == partitions * each
    paths = [str(bucket.path / key) for key in objects]
    for reader in (by_duckdb, by_pyarrow):
        rows = reader(kind, paths, keys, bucket.path / "out" / name)
        expect(rows, keys, {"CSV": as_text, "PARQUET": as_value, "JSON": as_json}[kind])
    listed = live.raw("/x/list-flow-runs", {"executionId": execution}).json()["flowRuns"][0]
    assert listed["filesWritten"] == len(objects)


def by_duckdb(kind, paths, keys, _):
    names = [name for name in SOURCE[0] if name not in keys]
    hive = "hive_partitioning=true, hive_types_autocast=false" if keys else "hive_partitioning=false"
    if kind == "CSV":
        columns = {name: "VARCHAR" for name in names}
        call = f"read_csv(?, header=true, columns={columns}, auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, new_line='\\r\\n', {hive})"
    elif kind == "JSON":
        types = {"amount": "DECIMAL(12,3)", "big": "BIGINT", "flag": "BOOLEAN", "ratio": "DOUBLE"}
        columns = {name: types.get(name, "VARCHAR") for name in names}
        call = f"read_json(?, format='newline_delimited', columns={columns}, {hive})"
    else:
        call = f"read_parquet(?, {hive})"
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    select = ", ".join(f'CAST("{name}" AS TIMESTAMP) AS "{name}"' if name == "at" and kind == "PARQUET" else f'"{name}"' for name in SOURCE[0])
    cursor = connection.execute(f"SELECT {select} FROM {call}", [paths])
    titles = [column[0] for column in cursor.description]
    # DuckDB knows Hive's own word for a missing value only, and gives AppFlow's as it stands.
    clean = lambda title, value: None if title in keys and value == "null" else value
    return [{title: clean(title, value) for title, value in zip(titles, values)} for values in cursor.fetchall()]


def by_pyarrow(kind, paths, keys, base):
    hive = pa.dataset.HivePartitioning(pa.schema([(key, pa.string()) for key in keys]), null_fallback="null", segment_encoding="uri")
    rows = []
    for path in paths:
        if kind == "CSV":
            names = next(csv.reader(io.StringIO(open(path, newline="").read())))
            found = pa.csv.read_csv(path, parse_options=pa.csv.ParseOptions(newlines_in_values=True), convert_options=pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False))
        elif kind == "JSON":
            types = {"big": pa.int64(), "flag": pa.bool_(), "ratio": pa.float64(), "amount": pa.float64()}
            names = list(json.loads(open(path).readline()))
            found = pa.json.read_json(path, parse_options=pa.json.ParseOptions(explicit_schema=pa.schema([(n, types.get(n, pa.string())) for n in names])))
        else:
            found = pa.dataset.dataset(path, format="parquet").to_table()
            assert found.schema.field("amount").type == pa.decimal128(12, 3) and found.schema.field("big").type == pa.int64()
            assert found.schema.field("flag").type == pa.bool_() and found.schema.field("ratio").type == pa.float64()
            assert pa.types.is_timestamp(found.schema.field("at").type) and found.schema.field("at").type.tz == "UTC"
        assert not set(keys) & set(found.column_names), "a partition key is in the path, not in the file"
        folder = path[len(str(base)) + 1:].rpartition("/")[0]
        of_path = pa.dataset.get_partition_keys(hive.parse(folder + "/")) if keys else {}
        for values in found.to_pylist():
            if kind == "JSON" and values["amount"] is not None:
                # PyArrow has no decimals in JSON; the text of a double has more digits than these.
                values["amount"] = Decimal(str(values["amount"]))
            rows.append({**values, **{key: of_path.get(key) for key in keys}})
    return rows


def test_folders_are_spelled_so_that_each_value_comes_back(live, source, bucket, name):
    execution = run_of(live, name, bucket, "JSON", "one", ["region"], source)["executionId"]
    folders = {key.split("/")[2] for key in bucket.keys("out/")}
    assert folders == {"region=north", "region=Zürich", "region=日本", "region=a%2Fb", "region=..", "region=x%3Dy", "region=50%25",
                       "region=two words", "region=back%5Cslash", "region=null"}
    assert {urllib.parse.unquote(f[7:]) for f in folders} == {r or "null" for r in REGIONS}
    assert all(key.split("/")[-1] == execution for key in bucket.keys("out/"))


@pytest.mark.parametrize("config,folder,file", [
    ({"prefixType": "PATH", "prefixFormat": "HOUR", "pathPrefixHierarchy": ["EXECUTION_ID", "SCHEMA_VERSION"]},
     "schemaVersion_1/%Y/%m/%d/%H/{execution}/", "{execution}"),
    ({"prefixType": "PATH_AND_FILENAME", "prefixFormat": "YEAR"}, "%Y/", "{execution}-%Y-%m-%dT%H:%M:%S"),
    ({"prefixType": "FILENAME", "pathPrefixHierarchy": ["SCHEMA_VERSION"]}, "schemaVersion_1/", "{execution}-%Y-%m-%dT%H:%M:%S"),
])
def test_partitions_stand_between_the_path_and_the_file(live, source, bucket, name, config, folder, file):
    run = run_of(live, name, bucket, "CSV", "single", ["flag"], source, prefixConfig=config)
    started = run["startedAt"].astimezone(datetime.timezone.utc)
    spell = lambda form: started.strftime(form).format(execution=run["executionId"])
    assert bucket.keys("out/") == sorted(f"out/{name}/{spell(folder)}flag={value}/{spell(file)}" for value in ("false", "null", "true"))


def test_five_thousand_partitions(live, bucket, name):
    live.boto()
    rows = [(n, f"k{n * 7919 % 5000}") for n in range(15000)]
    bucket.put("in/a.csv", "id,key\n" + "".join(f"{n},{key}\n" for n, key in rows))
    tasks = [map_all("S3"), partition("S3", "key")]
    live.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out", "PARQUET", prefixConfig={
        "pathPrefixHierarchy": ["EXECUTION_ID"]}), tasks))
    run = live.run(name)
    assert run["executionStatus"] == "Successful", run
    paths = f"{bucket.path}/out/{name}/{run['executionId']}/*/*"
    found = duckdb.sql(f"SELECT CAST(id AS INT), key FROM read_parquet('{paths}', hive_partitioning=true, hive_types_autocast=false)").fetchall()
    assert sorted(found) == rows
    assert len(bucket.keys("out/")) == 5000


def test_sized_files_have_about_that_size(live, bucket, name):
    line = "x" * 97
    bucket.put("in/a.csv", "id,text\n" + "".join(f"{n},{n:06}{line}\n" for n in range(30000)))
    bucket.put("in/b.csv", "id,text\n" + "".join(f"{n},{n:06}{line}\n" for n in range(30000, 50000)))
    live.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out", "CSV", aggregationConfig={
        "aggregationType": "None", "targetFileSize": 1}), [map_all("S3")]))
    run = live.run(name)
    objects = bucket.keys("out/")
    execution = run["executionId"]
    assert objects == [f"out/{name}/{execution}/{execution}-{n:05}" for n in range(1, len(objects) + 1)] and len(objects) > 3
    assert all(0.8 < len(bucket.read(key)) / 2**20 < 1.2 for key in objects[:-1])
    assert sorted(int(row["id"]) for row in bucket.csv_rows("out/")) == list(range(50000))


def test_pages_are_files_without_aggregation(live, sap, bucket, name):
    live.boto().create_connector_profile(**sap.profile(name))
    live.boto().create_flow(**flow(name, sap_source(name, "Planes", paginationConfig={"maxPageSize": 500}), s3_destination(
        bucket.name, "out", "PARQUET", preserveSourceDataTyping=True, aggregationConfig={"aggregationType": "None"}), [map_all("SAPOData")]))
    execution = live.run(name)["executionId"]
    pages = -(-len(table("planes")) // 500)
    keys = [f"out/{name}/{execution}"] + [f"out/{name}/{execution}-{n:05}" for n in range(2, pages + 1)]
    assert bucket.keys("out/") == keys
    order = lambda rows: sorted(rows, key=lambda row: row["tailnum"])
    assert order(bucket.parquet("out/").to_pylist()) == order(table("planes"))


def test_parquet_without_types_holds_texts(live, source, bucket, name):
    live.boto().create_flow(**flow(name, s3_source(source.name, "in"), s3_destination(bucket.name, "out", "PARQUET"), typed_tasks(["region"])))
    assert live.run(name)["executionStatus"] == "Successful"
    found = bucket.parquet("out/")
    assert {str(t) for t in found.schema.types} <= {"string", "string_view", "large_string"}
    rows = {int(r["id"]): r for r in found.to_pylist()}
    for number, want in SOURCE.items():
        assert all(as_text(n, v, rows[number][n], False) for n, v in want.items() if n != "region")


def test_upsolver_is_the_same_writer(live, source, name):
    bucket = Bucket(live, f"upsolver-appflow-{name}")
    destination = {"connectorType": "Upsolver", "destinationConnectorProperties": {"Upsolver": {
        "bucketName": bucket.name, "bucketPrefix": "p", "s3OutputFormatConfig": {
            "fileType": "CSV", "prefixConfig": {"pathPrefixHierarchy": ["EXECUTION_ID"]}, "aggregationConfig": {"aggregationType": "SingleFile"}}}}}
    live.boto().create_flow(**flow(name, s3_source(source.name, "in"), destination, [map_all("S3"), partition("S3", "day")]))
    execution = live.run(name)["executionId"]
    assert bucket.keys() == [f"p/{name}/{execution}/day=2024-02-{day}/{execution}" for day in (27, 28, 29)]
    assert sorted(int(r["id"]) for r in bucket.csv_rows()) == sorted(SOURCE)
    described = live.boto().describe_flow(flowName=name)
    assert described["destinationFlowConfigList"] == [destination]


@pytest.mark.parametrize("change,says", [
    ({"bucketName": "not-upsolver-bucket"}, "bucketName"), ({"s3OutputFormatConfig": {"fileType": "CSV"}}, "prefixConfig"),
])
def test_upsolver_wants_its_bucket_and_a_prefix(live, source, name, change, says):
    properties = {"bucketName": "upsolver-appflow-x", "s3OutputFormatConfig": {"prefixConfig": {}}, **change}
    destination = {"connectorType": "Upsolver", "destinationConnectorProperties": {"Upsolver": properties}}
    status, kind, message = error_of(live.raw("/create-flow", flow(name, s3_source(source.name, "in"), destination, [map_all("S3")])))
    assert (status, kind) == (400, "ValidationException") and says in message


def test_a_key_that_nobody_maps_or_that_leaves_nothing_ends_the_run(live, source, bucket, name):
    for number, (tasks, says) in enumerate([
        ([map_field("S3", "id"), partition("S3", "region")], "region"),
        ([map_field("S3", "id"), partition("S3", "id")], "leaves nothing"),
    ]):
        live.boto().create_flow(**flow(f"{name}-{number}", s3_source(source.name, "in"), s3_destination(bucket.name, "out"), tasks))
        run = live.run(f"{name}-{number}")
        assert run["executionStatus"] == "Error" and says in run["executionResult"]["errorInfo"]["executionMessage"]
    assert bucket.keys("out/") == []
