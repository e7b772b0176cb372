"""A full disk: what was acknowledged stays, what does not fit is refused in clear words, and the server lives on and
recovers when there is room again.

The disk is a small file system, which only root can mount. Anybody else is root in a namespace of their own
(`unshare -rm`), in which all of this file is run once more. `TIDEGATE_NO_MOUNT=1` says that neither is possible.
"""

import contextlib
import datetime
import os
import shutil
import subprocess
import sys
import time

import botocore.exceptions
import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.process import wait_until
from support.profiles import create_input
from support.schedules import records, wait_for_runs
from support.server import ROOT, Server

SIZE = 24 * 1024 * 1024
# Half a MB that becomes 11 MB as JSON Lines.
ROWS = 130_000
WIDE = "a_rather_long_name_of_a_field,another_rather_long_name_of_a_field\n" + "1,2\n" * ROWS


NO_MOUNT = os.environ.get("TIDEGATE_NO_MOUNT") == "1"
IS_ROOT = os.geteuid() == 0


@pytest.mark.skipif(NO_MOUNT or IS_ROOT, reason="root needs no namespace" if IS_ROOT else "TIDEGATE_NO_MOUNT=1")
def test_all_of_this_for_who_is_not_root(tmp_path):
    command = ["unshare", "--map-root-user", "--mount", sys.executable, "-m", "pytest", "-c", str(ROOT / "conformance/pytest.ini"),
               "--rootdir", str(ROOT / "conformance"), "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "inside"), __file__]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as error:
        pytest.fail(f"there is no unshare ({error}); TIDEGATE_NO_MOUNT=1 goes without")
    assert done.returncode == 0, f"where there are no namespaces, TIDEGATE_NO_MOUNT=1 goes without\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert "4 passed" in done.stdout, done.stdout


@pytest.fixture
def disk(tmp_path):
    """A file system of a few MB."""
    if NO_MOUNT:
        pytest.skip("TIDEGATE_NO_MOUNT=1")
    if not IS_ROOT:
        pytest.skip("it is tested in a namespace, by test_all_of_this_for_who_is_not_root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.fail(f"a small file system cannot be mounted here ({mounted.stderr.strip()}); TIDEGATE_NO_MOUNT=1 goes without")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def server(disk):
    server = Server(disk / "data", "--connection-check", "off")
    yield server
    server.kill()


class Filler:
    """A file that takes the room that is left."""

    def __init__(self, disk, leave=0):
        self.file = disk / "filler"
        free = shutil.disk_usage(disk).free - leave
        with open(self.file, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while free > 0:
                free -= file.write(b"\0" * min(free, 4096))

    def remove(self):
        self.file.unlink()


def visible(bucket):
    return [key for key in bucket.keys() if not key.startswith("in/")]


def staged(server):
    folder = server.data_dir / "s3" / ".staging"
    return list(folder.iterdir()) if folder.exists() else []


def test_an_output_that_does_not_fit_is_the_runs_error(server, disk):
    bucket = Bucket(server, "bucket")
    bucket.put("in/wide.csv", WIDE)
    server.boto().create_flow(**flow("wide", s3_source("bucket", "in"), s3_destination("bucket", "out"), [map_all("S3")]))
    filler = Filler(disk, leave=6 * 1024 * 1024)
    run = server.run("wide")
    assert run["executionStatus"] == "Error", run
    message = run["executionResult"]["errorInfo"]["executionMessage"]
    assert "No space left on device" in message, message
    assert visible(bucket) == [] and staged(server) == []
    filler.remove()
    run = server.run("wide")
    assert run["executionStatus"] == "Successful", run
    assert run["executionResult"]["recordsProcessed"] == ROWS
    assert sum(bucket.read(key).count(b"\n") for key in visible(bucket)) == ROWS


def test_a_store_without_room_refuses_and_recovers(server, disk):
    bucket = Bucket(server, "bucket")
    bucket.put("in/a.csv", "id\n1\n2\n")
    client = server.boto()
    client.create_flow(**flow("small", s3_source("bucket", "in"), s3_destination("bucket", "out"), [map_all("S3")]))
    filler = Filler(disk)
    acknowledged, refused = [], []
    for number in range(400):
        try:
            client.create_connector_profile(**create_input("Singular", f"c{number}"))
            acknowledged.append(f"c{number}")
        except botocore.exceptions.ClientError as error:
            refused.append((f"c{number}", error.response))
            if len(refused) == 3:
                break
    assert len(refused) == 3, "the disk was not full"
    for _, response in refused:
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 500, response
        assert "disk" in response["Error"]["Message"].lower(), response
    # It answers what it can read.
    assert client.describe_flow(flowName="small")["flowStatus"] == "Active"
    assert server.raw("/healthz", b"", "GET", sign=False).status_code == 200
    with pytest.raises(botocore.exceptions.ClientError) as full:
        client.start_flow(flowName="small")
    assert "disk" in str(full.value).lower()
    filler.remove()
    again = [f"again{number}" for number in range(3)]
    for name in again:
        client.create_connector_profile(**create_input("Singular", name))
    run = server.run("small")
    assert run["executionStatus"] == "Successful", run
    server.restart(kill=True)
    found, token = set(), None
    while True:
        page = server.boto().describe_connector_profiles(maxResults=100, **({"nextToken": token} if token else {}))
        found |= {each["connectorProfileName"] for each in page["connectorProfileDetails"]}
        token = page.get("nextToken")
        if not token:
            break
    assert found == set(acknowledged) | set(again), "what was refused is not there"
    server.stop()
    assert server.rows("PRAGMA integrity_check") == [("ok",)]
    assert server.rows("SELECT COUNT(*) FROM run") == [(1,)], "a start that was refused is none"


def test_a_tick_that_cannot_be_written_down_is_not_lost(server, disk):
    """Its time passes while the disk is full; there is one run for it as soon as there is room."""
    bucket = Bucket(server, "bucket")
    bucket.put("in/a.csv", "id\n1\n")
    due = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=3)
    trigger = {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": {
        "scheduleExpression": due.strftime("at(%Y-%m-%dT%H:%M:%S)")}}}
    client = server.boto()
    client.create_flow(**flow("due", s3_source("bucket", "in"), s3_destination("bucket", "out"), [map_all("S3")], triggerConfig=trigger))
    client.start_flow(flowName="due")
    filler = Filler(disk)

    def could_not_be_queued():
        # What is left of the database's own file may hold the tick; such room is taken as well.
        with contextlib.suppress(botocore.exceptions.ClientError):
            client.create_connector_profile(**create_input("Singular", f"c{time.monotonic_ns()}"))
        return "Due flows could not be queued" in server.log()

    wait_until(could_not_be_queued, server)
    assert records(server, "due") == []
    filler.remove()
    wait_for_runs(server, "due", 1)
    time.sleep(1.5)
    run, = records(server, "due")
    assert run["executionStatus"] == "Successful", run


def test_a_disk_that_fills_while_a_run_is_under_way(server, disk):
    """For a while neither its signs of life nor its end can be written down."""
    bucket = Bucket(server, "bucket")
    bucket.put("in/wide.csv", WIDE)
    client = server.boto()
    client.create_flow(**flow("held", s3_source("bucket", "in"), s3_destination("bucket", "out"), [map_all("S3")]))
    execution = client.start_flow(flowName="held")["executionId"]
    wait_until(lambda: staged(server), server)
    filler = Filler(disk)
    # Longer than the time between two signs of life.
    time.sleep(2.5)
    assert server.process.child.poll() is None
    filler.remove()
    run = server.wait_for_run("held", execution)
    if run["executionStatus"] == "Error":
        assert "No space left on device" in run["executionResult"]["errorInfo"]["executionMessage"], run
        assert visible(bucket) == []
    else:
        assert sum(bucket.read(key).count(b"\n") for key in visible(bucket)) == ROWS
    assert staged(server) == []
