"""Files as a source, from the local buckets and from an S3 endpoint alike: inputs made by PyArrow, DuckDB and gzip,
outputs read back and compared value by value."""

import datetime
import decimal
import gzip
import io
import json
import math
import os
import random
import time
import uuid

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.flows import Bucket, filter_field, flow, map_all, map_field, projection, s3_destination, s3_source
from support.s3 import S3

UTC = datetime.timezone.utc


class Local:
    """Folders: the embedded default."""

    def __init__(self, server):
        self.server = server
        self.buckets = {bucket: Bucket(server, bucket) for bucket in ("files-in", "files-out")}

    def put(self, key, content, **_):
        self.buckets["files-in"].put(key, content)

    def put_at_once(self, keys, content):
        """Objects of one time: names of one file have it in common."""
        self.put(keys[0], content)
        folder = self.buckets["files-in"].path
        for key in keys[1:]:
            os.link(folder / keys[0], folder / key)

    def time_of(self, key):
        return os.stat(self.buckets["files-in"].path / key).st_ctime_ns // 1_000_000

    def outputs(self, prefix):
        bucket = self.buckets["files-out"]
        return [bucket.read(key) for key in bucket.keys(prefix)]


class Endpoint:
    """A real S3 server."""

    def __init__(self, server, s3):
        self.server, self.client, self.folder = server, s3.client(), s3.folder / "files-in"
        for bucket in ("files-in", "files-out"):
            self.client.create_bucket(Bucket=bucket)

    def put(self, key, content, **more):
        self.client.put_object(Bucket="files-in", Key=key, Body=content.encode() if isinstance(content, str) else content, **more)

    def put_at_once(self, keys, content):
        """Objects of one time, with milliseconds; the endpoint's are those of its files."""
        now = time.time_ns() // 1_000_000 * 1_000_000
        for key in keys:
            self.put(key, content)
            os.utime(self.folder / key, ns=(now, now))

    def time_of(self, key):
        listed = self.client.list_objects_v2(Bucket="files-in", Prefix=key)["Contents"]
        return round(listed[0]["LastModified"].timestamp() * 1000)

    def outputs(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="files-out", Prefix=prefix)
        keys = sorted(o["Key"] for page in pages for o in page.get("Contents", []))
        return [self.client.get_object(Bucket="files-out", Key=key)["Body"].read() for key in keys]


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s3-source") / "root"
    folder.mkdir()
    endpoint = S3(folder)
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module", params=["local", "endpoint"])
def place(request, make_server):
    if request.param == "local":
        return Local(make_server())
    s3 = request.getfixturevalue("s3")
    return Endpoint(make_server(**s3.env()), s3)


def history(place, name):
    """What the history of runs says of the flow's last run."""
    return place.server.raw("/x/list-flow-runs", json.dumps({"flowName": name}).encode()).json()["flowRuns"][0]


def run(place, name, tasks=None, kind="CSV", out="JSON", **more):
    """Runs a flow over everything below the test's own prefix."""
    place.server.boto().create_flow(**flow(
        name, s3_source("files-in", name, kind), s3_destination("files-out", "o", out, **more), tasks or [map_all("S3")]))
    return place.server.run(name)


def rows(place, name, *arguments, **more):
    record = run(place, name, *arguments, **more)
    assert record["executionStatus"] == "Successful", record
    return [json.loads(line, parse_float=decimal.Decimal) for content in place.outputs(f"o/{name}/") for line in content.decode().splitlines()]


def failure(place, name, *arguments, **more):
    record = run(place, name, *arguments, **more)
    assert record["executionStatus"] == "Error", record
    assert place.outputs(f"o/{name}/") == []
    return record["executionResult"]["errorInfo"]["executionMessage"]


def parquet(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def csv_cell(chance):
    """A value, and one of the ways to write it."""
    kind = chance.random()
    if kind < 0.2:
        return (None, "") if kind < 0.12 else ("", '""')
    letters = chance.choice(["abc", "é漢x", 'a,b"c\n', "x\r\ny", 'a"b', "0123456789", ' ,\n\r"'])
    length = chance.choice([1, 2, 3, 8, 15, 16, 17, 40, 63, 64, 65, chance.randrange(1, 400)])
    value = "".join(chance.choice(letters) for _ in range(length))
    is_plain = not set(",\r\n") & set(value) and not value.startswith('"')
    if is_plain and chance.random() < 0.6:
        return value, value
    return value, '"' + value.replace('"', '""') + '"'


def csv_file(chance, columns):
    """Random records, and a file of them: any order of columns, any line ends, a mark, blank lines, no last line end."""
    order = chance.sample(columns, len(columns))
    records, lines = [], [",".join(order)]
    for _ in range(chance.choice([0, 1, 5, 60, 900])):
        cells = [csv_cell(chance) for _ in order]
        records.append(dict(zip(order, (value for value, _ in cells))))
        lines.append(",".join(written for _, written in cells))
        if chance.random() < 0.02:
            lines.append("")
    end = chance.choice(["\n", "\r\n", "\r"])
    text = chance.choice(["", "\ufeff"]) + end.join(lines) + chance.choice(["", end])
    return records, text


@pytest.mark.parametrize("seed", range(4))
def test_random_csv_files_come_back_value_by_value(place, name, seed):
    chance, columns, expected = random.Random(seed), ["a", "b", "c", "d", "e"], []
    for number in range(12):
        records, text = csv_file(chance, columns)
        expected += records
        place.put(f"{name}/{number:02}.csv", text)
    assert rows(place, name, [projection("S3", *columns), *(map_field("S3", column) for column in columns)]) == expected


def test_csv_of_every_shape_is_one_table(place, name):
    place.put(f"{name}/a.csv", "\ufeffid,text\r\n1,\"a\"\"b\r\nc, d\"\r\n2,\r\n3,\"\"\r\n".encode())
    place.put(f"{name}/b.csv.gz", gzip.compress(b"text,id\nx,4\n") + gzip.compress(b"y,5\n"))
    place.put(f"{name}/c.csv", b"new,id\r007,6")
    # What looks like numbers, dates and truth values in the first rows stays text.
    assert rows(place, name) == [
        {"id": "1", "text": 'a"b\r\nc, d', "new": None},
        {"id": "2", "text": None, "new": None},
        {"id": "3", "text": "", "new": None},
        {"id": "4", "text": "x", "new": None},
        {"id": "5", "text": "y", "new": None},
        {"id": "6", "text": None, "new": "007"},
    ]
    assert history(place, name)["filesRead"] == 3


def test_what_is_wrong_with_a_file_is_told_with_its_name(place, name):
    whole = gzip.compress(b"id\n" + b"".join(b"%d\n" % n for n in range(1000)))
    table = parquet(pa.table({"id": [1]}))
    cases = [
        ({"a.csv": b"id,x\n1\n"}, "line 2: the header names 2 fields, this record has 1"),
        ({"a.csv": b"id\n1,2\n"}, "line 2: the header names 1 fields, this record has more"),
        ({"a.csv": b"id,id\n1,2\n"}, "the header names the field id twice"),
        ({"a.csv": b"id,,x\n1,2,3\n"}, "column 2 of the header has no name"),
        ({"a.csv": b"id\n\"1\n"}, "the quote of the record on line 2 is not closed"),
        ({"a.csv.gz": whole[:-20]}, "it ends in the middle of its gzip data"),
        ({"a.csv.gz": whole[:-6] + b"\0\0" + whole[-4:]}, "its gzip checksum is not that of its content"),
        ({"a.parquet": table[:-1]}, "it does not begin and end as a Parquet file does"),
        ({"a.parquet": table, "b.csv": b"id\n1\n"}, "keep them in folders of their own"),
    ]
    for number, (files, words) in enumerate(cases):
        case = f"{name}-{number}"
        for key, content in files.items():
            place.put(f"{case}/{key}", content)
        message = failure(place, case)
        assert words in message and f"{case}/{list(files)[-1]}" in message


def test_json_lines_are_the_union_of_their_members(place, name):
    place.put(f"{name}/a.jsonl", b'{"id":12345678901234567890.10,"deep":{"a":[1, {"b":null}]}}\r\n\n{"id":"x"}\n')
    place.put(f"{name}/b.jsonl.gz", gzip.compress(b'{"id":true,"late":"\\u00fc"}'))
    assert rows(place, name, kind="JSON") == [
        {"id": decimal.Decimal("12345678901234567890.10"), "deep": {"a": [1, {"b": None}]}, "late": None},
        {"id": "x", "deep": None, "late": None},
        {"id": True, "deep": None, "late": "ü"},
    ]


# PyArrow's values, and what they are in JSON Lines.
DUE = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
TYPES = [
    ("i8", pa.int8(), -128, -128),
    ("i16", pa.int16(), -32768, -32768),
    ("i32", pa.int32(), 2**31 - 1, 2**31 - 1),
    ("i64", pa.int64(), -(2**63), -(2**63)),
    ("u8", pa.uint8(), 255, 255),
    ("u16", pa.uint16(), 65535, 65535),
    ("u32", pa.uint32(), 2**32 - 1, 2**32 - 1),
    ("u64", pa.uint64(), 2**64 - 1, 2**64 - 1),
    ("f32", pa.float32(), 0.25, decimal.Decimal("0.25")),
    ("f64", pa.float64(), 0.1, decimal.Decimal("0.1")),
    ("nan", pa.float64(), math.nan, "NaN"),
    ("d5", pa.decimal128(5, 2), decimal.Decimal("-999.99"), decimal.Decimal("-999.99")),
    ("d38", pa.decimal128(38, 4), decimal.Decimal("1234567890123456789012345678901234.5678"),
     decimal.Decimal("1234567890123456789012345678901234.5678")),
    ("d76", pa.decimal256(76, 1), decimal.Decimal("9" * 75 + ".9"), decimal.Decimal("9" * 75 + ".9")),
    ("bool", pa.bool_(), True, True),
    ("date", pa.date32(), datetime.date(1969, 12, 31), "1969-12-31"),
    ("date64", pa.date64(), datetime.date(2024, 2, 29), "2024-02-29"),
    ("ms", pa.timestamp("ms", "Europe/Berlin"), DUE.replace(microsecond=123000, tzinfo=UTC), "2024-02-29T23:59:59.123Z"),
    ("us", pa.timestamp("us", "UTC"), DUE.replace(tzinfo=UTC), "2024-02-29T23:59:59.123456Z"),
    ("ns", pa.timestamp("ns"), DUE, "2024-02-29T23:59:59.123456Z"),
    ("naive", pa.timestamp("us"), DUE, "2024-02-29T23:59:59.123456Z"),
    ("far", pa.timestamp("ms"), datetime.datetime(9999, 12, 31), "9999-12-31T00:00:00Z"),
    ("time", pa.time64("us"), datetime.time(1, 2, 3, 4), "01:02:03.000004"),
    ("text", pa.string(), "ü\n\"", "ü\n\""),
    ("large", pa.large_string(), "", ""),
    ("shared", pa.dictionary(pa.int32(), pa.string()), "one", "one"),
    ("bytes", pa.binary(), b"\x00\xff", "AP8="),
    ("fixed", pa.binary(2), b"ab", "YWI="),
    ("list", pa.list_(pa.int32()), [1, None], [1, None]),
    ("struct", pa.struct([("a", pa.string()), ("b", pa.list_(pa.date32()))]), {"a": "x", "b": [datetime.date(2024, 1, 1)]},
     {"a": "x", "b": ["2024-01-01"]}),
    ("map", pa.map_(pa.string(), pa.int64()), [("k", 1), ("l", None)], {"k": 1, "l": None}),
]


def every_type():
    return pa.table({name: pa.array([value, None], kind) for name, kind, value, _ in TYPES})


@pytest.mark.parametrize("options", [
    {}, {"data_page_version": "2.0", "compression": "zstd"}, {"use_dictionary": False, "compression": "gzip"},
    {"compression": "brotli"}, {"compression": "lz4"}, {"compression": "none", "store_schema": False},
], ids=["default", "v2-zstd", "plain-gzip", "brotli", "lz4", "bare"])
def test_parquet_of_every_type_keeps_its_values(place, name, options):
    place.put(f"{name}/a.parquet", parquet(every_type(), **options))
    assert rows(place, name) == [{name: told for name, _, _, told in TYPES}, {name: None for name, *_ in TYPES}]


def test_parquet_to_parquet_keeps_types_and_values(place, name):
    wanted = [column for column, kind, *_ in TYPES if not pa.types.is_nested(kind)]
    table = every_type().select(wanted)
    place.put(f"{name}/a.parquet", parquet(table))
    record = run(place, name, [map_field("S3", column) for column in wanted], out="PARQUET", preserveSourceDataTyping=True)
    assert record["executionStatus"] == "Successful", record
    [content] = place.outputs(f"o/{name}/")
    read = pq.read_table(io.BytesIO(content))
    for column, kind, value, _ in TYPES:
        if column not in wanted:
            continue
        values = read[column].to_pylist()
        if column == "nan":
            assert math.isnan(values[0])
        elif isinstance(value, datetime.datetime):
            assert values[0].replace(tzinfo=UTC) == value.replace(tzinfo=UTC), column
        else:
            assert values[0] == value, column
        assert values[1] is None
        kept = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind) or pa.types.is_date32(kind)
        assert not kept or read.schema.field(column).type == kind


def test_parquet_by_duckdb(place, name, tmp_path):
    file = tmp_path / "duck.parquet"
    with duckdb.connect() as db:
        db.execute(f"""COPY (SELECT range AS n, 'row ' || range AS text, (range / 4)::DECIMAL(12, 2) AS price,
            uuid() AS id, {{'a': range, 'b': [range]}} AS deep, '{{"j": [1, 2]}}'::JSON AS doc,
            TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (range) SECOND AS "at" FROM range(50000))
            TO '{file}' (FORMAT parquet, ROW_GROUP_SIZE 4096)""")
        place.put(f"{name}/duck", file.read_bytes())
        # A filter in the column's own type, whatever the task calls it.
        found = rows(place, name, [map_all("S3"), filter_field("S3", "n", "GREATER_THAN_OR_EQUAL_TO", "string", VALUE="9000")])
        expected = db.execute(f"SELECT n, text, price, id, epoch_us(\"at\") FROM '{file}' WHERE n >= 9000 ORDER BY n").fetchall()
    assert len(found) == len(expected) == 41000
    for row, (n, text, price, identity, at) in zip(found, expected):
        assert (row["n"], row["text"], row["price"], uuid.UUID(row["id"])) == (n, text, price, identity)
        assert row["deep"] == {"a": n, "b": [n]} and row["doc"] == {"j": [1, 2]}
        assert datetime.datetime.fromisoformat(row["at"]).timestamp() * 1_000_000 == at


def test_the_schema_of_parquet_files_is_that_of_all(place, name):
    for at in range(30):
        columns = {"n": pa.array([at], [pa.int16(), pa.int32(), pa.int64()][at % 3]), "mixed": pa.array([at]) if at % 2 else pa.array([f"t{at}"])}
        if at == 29:
            columns["late"] = pa.array([decimal.Decimal("1.5")])
        place.put(f"{name}/{at:02}.parquet", parquet(pa.table(columns)))
    place.put(f"{name}/_common_metadata", parquet(pa.table({"other": [1]})))
    assert rows(place, name) == [
        {"n": at, "mixed": str(at) if at % 2 else f"t{at}", "late": decimal.Decimal("1.5") if at == 29 else None}
        for at in range(30)
    ]


def test_only_the_columns_of_the_tasks_are_read(place, name):
    table = pa.table({"noise": [os.urandom(64) for _ in range(100_000)], "n": range(100_000), "more": [os.urandom(64) for _ in range(100_000)]})
    content = parquet(table, use_dictionary=False)
    place.put(f"{name}/wide.parquet", content)
    found = rows(place, name, [projection("S3", "n"), map_field("S3", "n")])
    assert [row["n"] for row in found] == list(range(100_000))
    assert history(place, name)["bytesProcessed"] < 2_000_000 < 12_000_000 < len(content)


def test_a_column_of_the_thousandth_object_is_there(place, name):
    count = 2_500
    for at in range(count):
        place.put(f"{name}/{at:05}", f"id,late\n{at},L\n" if at == 999 else f"id\n{at}\n")
    began = time.monotonic()
    found = rows(place, name)
    assert found == [{"id": str(at), "late": "L" if at == 999 else None} for at in range(count)]
    assert history(place, name)["filesRead"] == count
    # Loose: one after the other, each twice, they would take longer over a network.
    assert time.monotonic() - began < 120


def test_content_encoding_is_no_obstacle(place, name):
    place.put(f"{name}/a.csv", gzip.compress(b"id\n1\n"), ContentEncoding="gzip")
    assert rows(place, name) == [{"id": "1"}]


def test_a_bomb_streams(place, name):
    """300 MB out of 300 KB: the server's memory stays where it was."""
    block = gzip.compress((b"0" * 999 + b"\n") * 10_000, 9)
    place.put(f"{name}/bomb.csv.gz", gzip.compress(b"id\n") + block * 30)
    nothing = filter_field("S3", "id", "EQUAL_TO", "string", VALUE="1")
    status = f"/proc/{place.server.process.pid}/status"

    def memory(kind):
        with open(status) as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(kind))

    with open(f"/proc/{place.server.process.pid}/clear_refs", "w") as clear:
        clear.write("5")
    before = memory("VmRSS")
    place.server.boto().create_flow(**flow(
        name, s3_source("files-in", name), s3_destination("files-out", "o"), [map_all("S3"), nothing]))
    record = place.server.wait_for_run(name, place.server.boto().start_flow(flowName=name)["executionId"], 300)
    assert record["executionStatus"] == "Successful", record
    assert history(place, name)["recordsRead"] == 300_000
    assert memory("VmHWM") - before < 100 * 1024


def window(place, name, start_ms, end_ms):
    """Runs a flow over a window of objects' times."""
    stamp = lambda ms: datetime.datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    body = {"flowName": name, "window": {"from": stamp(start_ms), "to": stamp(end_ms)}}
    answer = place.server.raw("/x/start-flow-run", json.dumps(body).encode())
    assert answer.status_code == 200, answer.text
    record = place.server.wait_for_run(name, answer.json()["executionIds"][0])
    assert record["executionStatus"] == "Successful", record
    return record


def test_objects_of_a_windows_end_belong_to_the_next_one_only(place, name):
    # Three moments, each that of many objects.
    when = {}
    for moment in "abc":
        place.put_at_once([f"{name}/{moment}{at}.csv" for at in range(5)], f"id\n{moment}\n")
        when[moment] = place.time_of(f"{name}/{moment}0.csv")
        assert when[moment] == place.time_of(f"{name}/{moment}4.csv")
        time.sleep(1.1)
    place.server.boto().create_flow(**flow(name, s3_source("files-in", name), s3_destination("files-out", "o"), [map_all("S3")]))
    edges, found = [when["a"], when["b"], when["c"], when["c"] + 1], []
    for start, end in zip(edges, edges[1:]):
        window(place, name, start, end)
        rows = [json.loads(line)["id"] for content in place.outputs(f"o/{name}/") for line in content.decode().splitlines()]
        found.append("".join(sorted(rows)))
    assert found == ["aaaaa", "aaaaabbbbb", "aaaaabbbbbccccc"]
