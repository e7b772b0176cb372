"""--s3-listen: the local buckets with the AWS CLI and boto3, as any S3."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.server import ACCESS_KEY_ID, REGION, SECRET

ODD = ["a b/ü.csv", "2023-01-01T00:00:00", "no-extension", "x/y/z", "x/y-1", "plus+and%2F&=?#", "ключ/значение", "'\"<>|*"]


class S3:
    def __init__(self, server):
        self.server = server
        self.url = re.search(r's3="?(http://[\d.:]+)', re.sub(r"\x1b\[[\d;]*m", "", server.log())).group(1)

    def boto(self, key=ACCESS_KEY_ID, secret=SECRET, **config):
        return boto3.client("s3", endpoint_url=self.url, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret,
                            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **config))

    def aws(self, *arguments):
        """`aws s3 …`, as a user calls it."""
        cli = Path(sys.executable).with_name("aws")
        env = {**self.server.client_env(), "AWS_ENDPOINT_URL": self.url}
        done = subprocess.run([sys.executable, str(cli), "s3", *map(str, arguments)], env=env, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def server(make_server):
    return make_server("--s3-listen", "127.0.0.1:0")


@pytest.fixture(scope="module")
def s3(server):
    return S3(server)


def answered(server):
    """How many S3 requests went well, as /metrics counts them."""
    page = requests.get(f"{server.url}/metrics", timeout=10).text
    return sum(int(n) for n in re.findall(r'^tidegate_requests_total\{operation="S3",status="200"\} (\d+)$', page, re.MULTILINE))


def code_of(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    return caught.value.response["Error"]["Code"]


def test_the_aws_cli(server, s3, name, tmp_path):
    assert "make_bucket" in s3.aws("mb", f"s3://{name}")
    assert (server.data_dir / "s3" / name).is_dir() and name in s3.aws("ls")
    there, back = tmp_path / "there", tmp_path / "back"
    for key in ("a.txt", "d/1 ü.csv", "d/e/2023-01-01T00:00:00", "empty"):
        (there / key).parent.mkdir(parents=True, exist_ok=True)
        (there / key).write_text("" if key == "empty" else key)
    # More than one part each way.
    (there / "big").write_bytes(os.urandom(21 * 1024 * 1024))
    s3.aws("sync", there, f"s3://{name}/p")
    assert "upload" not in s3.aws("sync", there, f"s3://{name}/p")
    listed = s3.aws("ls", f"s3://{name}/p/")
    assert "PRE d/" in listed and "a.txt" in listed and "1 ü.csv" not in listed
    assert len(s3.aws("ls", "--recursive", f"s3://{name}").splitlines()) == 5
    s3.aws("cp", "--recursive", f"s3://{name}/p", back)
    for file in (f for f in there.rglob("*") if f.is_file()):
        assert (back / file.relative_to(there)).read_bytes() == file.read_bytes()
    s3.aws("cp", f"s3://{name}/p/big", f"s3://{name}/q/big")
    assert (server.data_dir / "s3" / name / "q/big").read_bytes() == (there / "big").read_bytes()
    s3.aws("mv", f"s3://{name}/p/a.txt", f"s3://{name}/q/b.txt")
    s3.aws("rm", "--recursive", f"s3://{name}/p")
    assert sorted(line.split()[-1] for line in s3.aws("ls", "--recursive", f"s3://{name}").splitlines()) == ["q/b.txt", "q/big"]
    s3.aws("rb", "--force", f"s3://{name}")
    assert not (server.data_dir / "s3" / name).exists()
    # What was completed is remembered for some minutes, without its bytes.
    assert {file.name for file in (server.data_dir / "s3" / ".uploads").rglob("*") if file.is_file()} <= {"place", "done"}


def test_odd_keys_ranges_and_conditions(server, s3, name):
    client, bucket = s3.boto(), Bucket(server, name)
    for key in ODD:
        client.put_object(Bucket=name, Key=key, Body=key.encode())
    assert bucket.keys() == sorted(ODD)
    listed = client.list_objects_v2(Bucket=name)["Contents"]
    assert [o["Key"] for o in listed] == sorted(ODD, key=str.encode)
    assert [o["Key"] for o in client.list_objects(Bucket=name)["Contents"]] == sorted(ODD, key=str.encode)
    for each in listed:
        got = client.get_object(Bucket=name, Key=each["Key"])
        assert got["Body"].read() == each["Key"].encode() and got["ETag"] == each["ETag"]
        head = client.head_object(Bucket=name, Key=each["Key"])
        assert (head["ContentLength"], head["ETag"]) == (each["Size"], each["ETag"])
    client.put_object(Bucket=name, Key="digits", Body=b"0123456789")
    for asked, answer, content_range in (
        ("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-99", b"89", "bytes 8-9/10")):
        got = client.get_object(Bucket=name, Key="digits", Range=asked)
        assert (got["Body"].read(), got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]) == (answer, content_range, 206)
    assert code_of(client.get_object, Bucket=name, Key="digits", Range="bytes=10-") == "InvalidRange"
    tag = client.head_object(Bucket=name, Key="digits")["ETag"]
    assert code_of(client.get_object, Bucket=name, Key="digits", IfNoneMatch=tag) == "304"
    assert code_of(client.put_object, Bucket=name, Key="digits", Body=b"", IfNoneMatch="*") == "PreconditionFailed"
    assert code_of(client.get_object, Bucket=name, Key="digits", IfMatch='"other"') == "PreconditionFailed"
    assert code_of(client.get_object, Bucket=name, Key="none") == "NoSuchKey"
    assert code_of(client.list_objects_v2, Bucket="no-such-bucket") == "NoSuchBucket"
    deleted = client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in [*ODD, "never-there"]]})
    assert len(deleted["Deleted"]) == len(ODD) + 1 and bucket.keys() == ["digits"]
    assert code_of(client.delete_bucket, Bucket=name) == "BucketNotEmpty"


def test_pages_of_a_listing(server, s3, name):
    client, bucket = s3.boto(), Bucket(server, name)
    keys = sorted(f"{a}/{b}/{c}" for a in "abc" for b in range(5) for c in range(7))
    for key in keys:
        bucket.put(key, "x")
    for size in (1, 4, 1000):
        for v in ("list_objects_v2", "list_objects"):
            pages = client.get_paginator(v).paginate(Bucket=name, PaginationConfig={"PageSize": size})
            assert [o["Key"] for page in pages for o in page["Contents"]] == keys
            pages = client.get_paginator(v).paginate(Bucket=name, Prefix="b/", Delimiter="/", PaginationConfig={"PageSize": size})
            assert [p["Prefix"] for page in pages for p in page["CommonPrefixes"]] == [f"b/{b}/" for b in range(5)]


def test_only_keys_of_the_vault_and_only_signature_4(server, s3, name):
    bucket = Bucket(server, name)
    bucket.put("k", "content")
    assert code_of(s3.boto(secret="wrong").list_buckets) == "SignatureDoesNotMatch"
    assert code_of(s3.boto(key="AKIANOBODY0000000000").list_buckets) == "InvalidAccessKeyId"
    assert requests.get(f"{s3.url}/{name}/k", timeout=10).status_code == 403
    v2 = s3.boto(signature_version="s3")
    assert code_of(v2.get_object, Bucket=name, Key="k") == "AccessDenied"
    url = s3.boto(signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"}, ExpiresIn=60)
    assert requests.get(url, timeout=10).text == "content"
    assert requests.get(url.replace(f"/{name}/k", f"/{name}/other"), timeout=10).status_code == 403
    made = server.tidegate("key", "create", "--output", "json").json
    key, secret = made["accessKeyId"], made["secretAccessKey"]
    assert s3.boto(key, secret).get_object(Bucket=name, Key="k")["Body"].read() == b"content"
    server.tidegate("key", "disable", key)
    assert code_of(s3.boto(key, secret).list_buckets) == "InvalidAccessKeyId"


def test_nothing_outside_of_the_buckets_can_be_named(server, s3, name):
    client, bucket = s3.boto(), Bucket(server, name)
    bucket.put("k", "content")
    (bucket.path / "out").symlink_to(server.data_dir)
    assert "out" not in [o["Key"] for o in client.list_objects_v2(Bucket=name)["Contents"]]

    class Canonical(S3SigV4Auth):
        """Signs the path as the server reads it: what was encoded in it is one text with what was not."""

        def _normalize_url_path(self, path):
            return quote(unquote(path), safe="/~")

    auth = Canonical(Credentials(ACCESS_KEY_ID, SECRET), "s3", REGION)
    database = server.data_dir / "tidegate.db"
    inode = database.stat().st_ino

    def raw(method, path, body=b""):
        """A request whose path nobody tidies up."""
        request = AWSRequest(method, s3.url + path, data=body)
        auth.add_auth(request)
        prepared = requests.Request(method, s3.url + "/", data=body, headers=dict(request.headers.items())).prepare()
        prepared.url = s3.url + path
        return requests.Session().send(prepared, timeout=10)

    assert raw("GET", f"/{name}/k").text == "content"
    for path in (f"/{name}/../../tidegate.db", f"/{name}/%2e%2e/%2e%2e/tidegate.db", f"/{name}/..%2F..%2Ftidegate.db",
                 f"/{name}/out/tidegate.db", "/.staging", "/.uploads", "/%2e%2e/tidegate.db", f"/{name}//etc/passwd"):
        for method in ("GET", "PUT", "DELETE"):
            answer = raw(method, path, b"x" if method == "PUT" else b"")
            assert answer.status_code in (204, 400, 403, 404), (method, path, answer.status_code)
            assert b"SQLite" not in answer.content
            # The guard itself has answered: the signature was right, and its key may do everything.
            assert not re.search(b"SignatureDoesNotMatch|AccessDenied", answer.content), (method, path, answer.content)
            assert database.stat().st_ino == inode, (method, path)
    for key in ("../x", "a/../../x", "out/x", "k/below"):
        assert code_of(client.put_object, Bucket=name, Key=key, Body=b"x") in ("InvalidArgument", "InvalidRequest"), key
    assert server.boto().list_flows()["flows"] is not None, "the database is unharmed"
    assert sorted(p.name for p in server.data_dir.glob("x")) == []
    assert {b["Name"] for b in client.list_buckets()["Buckets"]} == {p.name for p in (server.data_dir / "s3").iterdir() if not p.name.startswith(".")}


def test_a_put_is_whole_or_not_at_all(server, s3, name):
    client, bucket = s3.boto(), Bucket(server, name)
    stop, seen = threading.Event(), set()

    def read():
        while not stop.is_set():
            try:
                body = client.get_object(Bucket=name, Key="k")["Body"].read()
            except ClientError:
                continue
            seen.add((len(body), len(set(body))))

    reader = threading.Thread(target=read)
    reader.start()
    writer = s3.boto()
    for letter in b"abcdefgh" * 3:
        writer.put_object(Bucket=name, Key="k", Body=bytes([letter]) * 3_000_000)
    stop.set()
    reader.join()
    assert seen == {(3_000_000, 1)}
    # One that breaks off, and one whose checksum is wrong, leave what was there.
    before = bucket.read("k")
    assert code_of(client.put_object, Bucket=name, Key="k", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==") == "BadDigest"
    assert code_of(client.put_object, Bucket=name, Key="k", Body=b"x", ChecksumSHA256="AAAA") in ("BadDigest", "InvalidRequest")
    assert bucket.read("k") == before and bucket.keys() == ["k"]
    assert [p for p in (server.data_dir / "s3" / ".uploads").iterdir() if p.is_file()] == []


def test_flows_and_s3_clients_share_the_buckets(server, s3, name):
    client, counted = s3.boto(), answered(server)
    for bucket in (f"{name}-in", f"{name}-out"):
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=f"{name}-in", Key="data/a.csv", Body=b"id,note\n1,\xc3\xbc\n2,x\n")
    server.boto().create_flow(**flow(name, s3_source(f"{name}-in", "data"), s3_destination(f"{name}-out", "p"), [map_all("S3")]))
    run = server.run(name)
    assert run["executionStatus"] == "Successful", run
    found = client.list_objects_v2(Bucket=f"{name}-out", Prefix=f"p/{name}/")["Contents"]
    assert found and all(run["executionId"] in o["Key"] for o in found)
    text = b"".join(client.get_object(Bucket=f"{name}-out", Key=o["Key"])["Body"].read() for o in found).decode()
    assert text.count("\n") == 2 and "ü" in text
    # Two buckets, one object put, one listing, and each object got: what the flow does itself is no request.
    assert answered(server) == counted + 4 + len(found)


def test_what_is_staged_is_not_visible(server, s3, name):
    staging = server.data_dir / "s3" / ".staging"
    (staging / "run-1").mkdir(parents=True, exist_ok=True)
    (staging / "run-1" / "part").write_text("not yet")
    client = s3.boto(parameter_validation=False)
    assert ".staging" not in s3.aws("ls")
    auth = S3SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET), "s3", REGION)
    for path in ("/.staging/run-1/part", "/.staging?list-type=2", "/.uploads?list-type=2"):
        request = AWSRequest("GET", s3.url + path)
        auth.add_auth(request)
        answer = requests.get(s3.url + path, headers=dict(request.headers.items()), timeout=10)
        assert answer.status_code in (400, 403, 404) and "not yet" not in answer.text and "run-1" not in answer.text
    bucket = Bucket(server, name)
    bucket.put(".tidegate-unfinished-x", "half")
    assert "Contents" not in client.list_objects_v2(Bucket=name)
    assert code_of(client.get_object, Bucket=name, Key=".tidegate-unfinished-x") == "NoSuchKey"


def test_without_a_key_nothing_is_read(s3, name):
    """An upload by a form has its signature in the body: it is refused before a byte of that is taken."""
    host, port = s3.url.removeprefix("http://").split(":")
    for path, kind, status in ((f"/{name}", "multipart/form-data; boundary=x", b"501"), (f"/{name}?delete", "text/xml", b"403")):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {kind}\r\n"
                               f"Content-Length: 5000000000\r\n\r\n--x\r\n".encode())
            assert connection.recv(1000).split(b" ", 2)[1] == status


def test_a_body_that_stops_coming(server, s3, name):
    """Nobody is waited for longer than 20 seconds: neither who has leave to send and does not, nor who stops on the way."""
    bucket = Bucket(server, name)
    host, port = s3.url.removeprefix("http://").split(":")
    signed = s3.boto(signature_version="s3v4").generate_presigned_url("put_object", Params={"Bucket": name, "Key": "k"})
    begun = time.monotonic()

    def last_words(target, expect, sent, code):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: {host}:{port}\r\n{expect}Content-Length: 10\r\n\r\n{sent}".encode())
            told = b""
            while code not in told:
                piece = connection.recv(1000)
                assert piece, told
                told += piece
            return told, time.monotonic() - begun

    with ThreadPoolExecutor() as pool:
        waits = pool.submit(last_words, f"/{name}/k", "Expect: 100-continue\r\n", "", b"AccessDenied")
        stops = pool.submit(last_words, signed.removeprefix(s3.url), "", "half", b"RequestTimeout")
    assert b" 100 " in waits.result()[0] and 15 < waits.result()[1] < 45
    assert 15 < stops.result()[1] < 45
    assert bucket.keys() == []


def race(*calls):
    """The outcomes of calls that are made at once."""
    start, outcomes = threading.Barrier(len(calls)), []

    def run(call):
        start.wait()
        try:
            call()
            outcomes.append("done")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_of_writes_with_the_same_condition_one_wins(server, s3, name):
    Bucket(server, name)
    clients = [s3.boto() for _ in range(3)]
    for round_ in range(20):
        key = f"k{round_}"
        outcomes = race(*(lambda c=c, n=n: c.put_object(Bucket=name, Key=key, Body=bytes([65 + n]) * 100_000, IfNoneMatch="*")
                          for n, c in enumerate(clients)))
        assert outcomes == ["PreconditionFailed", "PreconditionFailed", "done"]
        tag = clients[0].head_object(Bucket=name, Key=key)["ETag"]
        outcomes = race(*(lambda c=c: c.put_object(Bucket=name, Key=key, Body=b"next", IfMatch=tag) for c in clients))
        assert outcomes == ["PreconditionFailed", "PreconditionFailed", "done"]
    client = clients[0]
    client.put_object(Bucket=name, Key="old", Body=b"old")
    source = {"Bucket": name, "Key": "k0"}
    assert code_of(client.copy_object, Bucket=name, Key="old", CopySource=source, IfNoneMatch="*") == "PreconditionFailed"
    assert code_of(client.copy_object, Bucket=name, Key="old", CopySource=source, IfMatch='"other"') == "PreconditionFailed"
    assert code_of(client.delete_object, Bucket=name, Key="old", IfMatch='"other"') == "PreconditionFailed"
    assert code_of(client.delete_object, Bucket=name, Key="old", IfMatchSize=3) == "NotImplemented"
    assert code_of(client.put_object, Bucket=name, Key="old", Body=b"x", IfNoneMatch='"other"') == "NotImplemented"
    assert client.get_object(Bucket=name, Key="old")["Body"].read() == b"old"
    client.delete_object(Bucket=name, Key="old", IfMatch=client.head_object(Bucket=name, Key="old")["ETag"])
    assert code_of(client.head_object, Bucket=name, Key="old") == "404"


def test_an_upload_is_completed_again(server, s3, name):
    Bucket(server, name)
    client = s3.boto()
    upload = client.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    part = client.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    asked = {"Bucket": name, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part}]}}
    client.put_object(Bucket=name, Key="source", Body=b"source")
    copied = {"Bucket": name, "Key": "k", "UploadId": upload, "PartNumber": 2, "CopySource": {"Bucket": name, "Key": "source"}}
    assert code_of(client.upload_part_copy, **copied, CopySourceIfMatch='"other"') == "PreconditionFailed"
    tags = [client.complete_multipart_upload(**asked, IfNoneMatch="*")["ETag"] for _ in range(2)]
    assert tags == [client.head_object(Bucket=name, Key="k")["ETag"]] * 2
    assert code_of(client.abort_multipart_upload, Bucket=name, Key="k", UploadId=upload) == "NoSuchUpload"


def test_links_keep_what_they_lead_to(server, s3, name, tmp_path):
    client, bucket = s3.boto(), Bucket(server, name)
    (tmp_path / "empty/er").mkdir(parents=True)
    (bucket.path / "link").symlink_to(tmp_path)
    assert code_of(client.put_object, Bucket=name, Key="link", Body=b"x") == "InvalidRequest"
    linked = bucket.path.with_name(f"{name}-linked")
    linked.symlink_to(tmp_path)
    assert code_of(client.delete_bucket, Bucket=linked.name) == "InvalidRequest"
    linked.unlink()
    assert (tmp_path / "empty/er").is_dir()


def test_what_cannot_work_is_told_at_the_start(make_server):
    with pytest.raises(RuntimeError, match="s3-endpoint"):
        make_server("--s3-listen", "127.0.0.1:0", "--s3-endpoint", "http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="--tls-cert"):
        make_server("--s3-listen", "0.0.0.0:0")
