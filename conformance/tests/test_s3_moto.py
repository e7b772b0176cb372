"""Flows against another S3 endpoint that is not ours: moto's, with its pages, its multipart uploads and its ways."""

import io
import json

import pyarrow.parquet as pq
import pytest
from support.flows import flow, map_all, map_field, s3_destination, s3_source, sap_source
from support.moto import Moto
from support.tables import table

PAGE = 1000  # objects that S3 lists in one answer


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    endpoint = Moto(tmp_path_factory.mktemp("moto"))
    for bucket in ("source", "target"):
        endpoint.client().create_bucket(Bucket=bucket)
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def server(make_server, moto, sap):
    server = make_server(**moto.env())
    server.boto().create_connector_profile(**sap.profile("sap"))
    return server


def objects(moto, prefix, bucket="target"):
    client = moto.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def succeed(server, definition):
    server.boto().create_flow(**definition)
    run = server.run(definition["flowName"])
    assert run["executionStatus"] == "Successful", run
    return run


def no_uploads(moto):
    return not moto.client().list_multipart_uploads(Bucket="target").get("Uploads")


@pytest.mark.parametrize("kind", ["PARQUET", "JSON", "CSV"])
def test_sap_to_s3(server, moto, name, kind):
    typed = {"preserveSourceDataTyping": True} if kind == "PARQUET" else {}
    run = succeed(server, flow(name, sap_source("sap", "Planes"), s3_destination("target", "sap", kind, **typed), [map_all("SAPOData")]))
    found = objects(moto, f"sap/{name}/")
    assert found and all(run["executionId"] in key for key in found)
    assert run["executionResult"]["bytesWritten"] == sum(map(len, found.values()))
    if kind == "CSV":
        assert sum(content.count(b"\n") for content in found.values()) == 3322 + len(found)
        return
    read = (lambda content: pq.read_table(io.BytesIO(content)).to_pylist()) if kind == "PARQUET" else (
        lambda content: [json.loads(line) for line in content.splitlines()])
    rows = [row for content in found.values() for row in read(content)]
    assert sorted(rows, key=lambda row: row["tailnum"]) == sorted(table("planes"), key=lambda row: row["tailnum"])
    assert no_uploads(moto)


def test_more_objects_than_a_page_lists(server, moto, name):
    client = moto.client()
    for number in range(PAGE + 50):
        client.put_object(Bucket="source", Key=f"{name}/{number:05}.csv", Body=f"id\n{number}\n".encode())
    # Neither of these is below the prefix, though their names begin like it.
    client.put_object(Bucket="source", Key=f"{name}-other/x.csv", Body=b"id\nnobody\n")
    client.put_object(Bucket="source", Key=f"{name}/empty.csv", Body=b"")
    succeed(server, flow(name, s3_source("source", name), s3_destination("target", "many"), [map_all("S3")]))
    rows = [json.loads(line)["id"] for content in objects(moto, f"many/{name}/").values() for line in content.splitlines()]
    assert sorted(map(int, rows)) == list(range(PAGE + 50))


def test_a_large_object_is_uploaded_in_parts(server, moto, name):
    """More than one part, whole to the last byte, and only there when it is whole."""
    rows = 300_000
    body = "id,text\n" + "".join(f"{number},{'x' * 60}{number:08}\n" for number in range(rows))
    moto.client().put_object(Bucket="source", Key=f"{name}/a.csv", Body=body.encode())
    seen = len(moto.requests())
    run = succeed(server, flow(name, s3_source("source", name), s3_destination("target", "large", "CSV", aggregationConfig={"aggregationType": "SingleFile"}),
                               [map_field("S3", "id"), map_field("S3", "text")]))
    found = objects(moto, f"large/{name}/")
    content, = found.values()
    assert sorted(content.splitlines()[1:]) == sorted(body.encode().splitlines()[1:])
    assert run["executionResult"]["recordsProcessed"] == rows and run["executionResult"]["bytesWritten"] == len(content)
    asked = [line for line in moto.requests()[seen:] if f"/target/large/{name}/" in line]
    parts = {line.split("partNumber=")[1].split("&")[0] for line in asked if line.startswith("PUT") and "partNumber=" in line}
    assert len(parts) >= 2, asked
    assert any(line.startswith("POST") and "uploads" in line for line in asked) and no_uploads(moto)


def test_keys_that_need_encoding(server, moto, name):
    keys = [f"{name}/a b+c.csv", f"{name}/ü/ñ=1&2.csv", f"{name}/50%/x(1)'.csv"]
    for number, key in enumerate(keys):
        moto.client().put_object(Bucket="source", Key=key, Body=f"id\n{number}\n".encode())
    succeed(server, flow(name, s3_source("source", name), s3_destination("target", "odd prefix/ü"), [map_all("S3")]))
    rows = [json.loads(line)["id"] for content in objects(moto, f"odd prefix/ü/{name}/").values() for line in content.splitlines()]
    assert sorted(rows) == ["0", "1", "2"]


def test_a_run_that_fails_leaves_neither_objects_nor_uploads(server, moto, name):
    from support.flows import filter_field

    lines = "".join(f"{number},{'x' * 100}\n" for number in range(200_000))
    moto.client().put_object(Bucket="source", Key=f"{name}/a.csv", Body=("id,text\n" + lines + "no number,x\n").encode())
    tasks = [map_field("S3", "id", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="integer"), map_field("S3", "text"),
             filter_field("S3", "text", "NOT_EQUAL_TO", "string", VALUE="-")]
    server.boto().create_flow(**flow(name, s3_source("source", name), s3_destination("target", "failed", "CSV"), tasks))
    run = server.run(name)
    assert run["executionStatus"] == "Error" and "no number" in run["executionResult"]["errorInfo"]["executionMessage"], run
    assert objects(moto, "failed/") == {} and no_uploads(moto)


def test_what_lies_in_the_bucket_already_stays(server, moto, name):
    client = moto.client()
    client.put_object(Bucket="source", Key=f"{name}/a.csv", Body=b"id\n1\n")
    client.put_object(Bucket="target", Key=f"kept/{name}/mine", Body=b"mine")
    definition = flow(name, s3_source("source", name), s3_destination("target", "kept"), [map_all("S3")])
    succeed(server, definition)
    client.copy_object(Bucket="source", Key=f"{name}/b.csv", CopySource={"Bucket": "source", "Key": f"{name}/a.csv"})
    assert server.run(name)["executionResult"]["recordsProcessed"] == 2, "a copied object is one like others"
    assert objects(moto, f"kept/{name}/mine") == {f"kept/{name}/mine": b"mine"}


def test_a_prefix_that_begins_names(server, moto, name):
    """As in Terraform's own examples: the prefix `flow` of the object flow_source.csv."""
    for key, number in ((f"{name}/flow_source.csv", 1), (f"{name}/flow.csv", 2), (f"{name}/flower/no.csv", 3)):
        moto.client().put_object(Bucket="source", Key=key, Body=f"id\n{number}\n".encode())
    succeed(server, flow(name, s3_source("source", f"{name}/flow"), s3_destination("target", "begins"), [map_all("S3")]))
    rows = [json.loads(line)["id"] for content in objects(moto, f"begins/{name}/").values() for line in content.splitlines()]
    assert sorted(rows) == ["1", "2"]
