"""The same flows against a real S3 endpoint instead of the local buckets."""

import io
import json

import pyarrow.parquet as pq
import pytest
from support.flows import flow, map_all, s3_destination, s3_source, sap_source
from support.s3 import S3
from support.server import error_of
from support.tables import table


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s3") / "root"
    folder.mkdir()
    endpoint = S3(folder)
    client = endpoint.client()
    for bucket in ("source", "target"):
        client.create_bucket(Bucket=bucket)
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def server(make_server, s3, sap):
    server = make_server(**s3.env())
    server.boto().create_connector_profile(**sap.profile("sap"))
    return server


def objects(s3, prefix):
    client = s3.client()
    found = client.list_objects_v2(Bucket="target", Prefix=prefix).get("Contents", [])
    return {o["Key"]: client.get_object(Bucket="target", Key=o["Key"])["Body"].read() for o in found}


def test_sap_to_s3_as_parquet(server, s3, name):
    server.boto().create_flow(**flow(name, sap_source("sap", "Planes"), s3_destination("target", "sap", "PARQUET", preserveSourceDataTyping=True), [map_all("SAPOData")]))
    run = server.run(name)
    assert run["executionStatus"] == "Successful", run
    found = objects(s3, f"sap/{name}/")
    assert found and all(run["executionId"] in key for key in found)
    rows = [row for content in found.values() for row in pq.read_table(io.BytesIO(content)).to_pylist()]
    assert sorted(rows, key=lambda row: row["tailnum"]) == sorted(table("planes"), key=lambda row: row["tailnum"])
    assert run["executionResult"]["bytesWritten"] == sum(map(len, found.values()))


def test_s3_to_s3(server, s3, name):
    s3.client().put_object(Bucket="source", Key=f"{name}/a.csv", Body=b"id,note\n1,\xc3\xbc\n2,\n")
    s3.client().put_object(Bucket="source", Key=f"{name}/b.csv", Body=b"id,note\n3,\"\"\n")
    server.boto().create_flow(**flow(name, s3_source("source", name), s3_destination("target", "s3"), [map_all("S3")]))
    run = server.run(name)
    assert run["executionStatus"] == "Successful", run
    rows = [json.loads(line) for content in objects(s3, f"s3/{name}/").values() for line in content.decode().splitlines()]
    assert sorted(rows, key=lambda row: row["id"]) == [{"id": "1", "note": "ü"}, {"id": "2", "note": None}, {"id": "3", "note": ""}]


def test_a_bucket_that_is_not_there(server, name):
    status, _, message = error_of(server.raw("/create-flow", flow(
        name, sap_source("sap", "Planes"), s3_destination("no-such-bucket"), [map_all("SAPOData")])))
    assert status in (400, 404) and "no-such-bucket" in message


def test_a_refused_key_is_the_runs_or_the_calls_error(make_server, s3, sap, name):
    server = make_server(**s3.env(secret="wrong-s3-secret"))
    server.boto().create_connector_profile(**sap.profile("sap"))
    answer = server.raw("/create-flow", flow(name, sap_source("sap", "Planes"), s3_destination("target", "refused"), [map_all("SAPOData")]))
    if answer.status_code == 200:
        run = server.run(name)
        assert run["executionStatus"] == "Error", run
        assert "wrong-s3-secret" not in json.dumps(run, default=str)
    else:
        assert answer.status_code in (400, 403), answer.text
    assert objects(s3, f"refused/{name}/") == {}
    assert "wrong-s3-secret" not in server.log()
