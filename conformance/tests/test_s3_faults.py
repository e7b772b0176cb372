"""An S3 endpoint that answers late, badly or not at all: what passes is tried again, what does not is the run's clear
error, and nothing is ever half published."""

import json
import time
from urllib.parse import urlsplit

import pytest
from support.crash import has_points
from support.faulty import Faulty
from support.flows import flow, map_field, s3_destination, s3_source
from support.process import wait_until
from support.s3 import S3

ROWS = 20_000
CSV = "id,amount\n" + "".join(f"{i},{'x' if i == 7 else i}\n" for i in range(ROWS))


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "root"
    folder.mkdir()
    endpoint = S3(folder)
    for bucket in ("source", "target", "bad-rows"):
        endpoint.client().create_bucket(Bucket=bucket)
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def proxy(s3):
    address = urlsplit(s3.url)
    proxy = Faulty((address.hostname, address.port))
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def server(make_server, s3, proxy):
    return make_server("--max-concurrent-runs", "64", **{**s3.env(), "TIDEGATE_S3_ENDPOINT": proxy.url})


class Move:
    """A flow with an output and an error file, both of which have to be published."""

    def __init__(self, server, s3, name, text=CSV):
        self.server, self.s3, self.name = server, s3, name
        s3.client().put_object(Bucket="source", Key=f"in/{name}/a.csv", Body=text.encode())
        tasks = [map_field("S3", "id"), map_field("S3", "amount", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="decimal")]
        server.boto().create_flow(**flow(
            name, s3_source("source", f"in/{name}/"), s3_destination("target", "out"), tasks,
            tags={"tidegate:error-bucket": "bad-rows"}))

    def start(self):
        self.execution = self.server.boto().start_flow(flowName=self.name)["executionId"]

    def end(self, seconds=120):
        return self.server.wait_for_run(self.name, self.execution, seconds)

    def visible(self):
        client, found = self.s3.client(), {}
        for bucket, prefix in (("target", f"out/{self.name}/"), ("bad-rows", f"{self.name}/")):
            for each in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
                found[f"{bucket}/{each['Key']}"] = client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        return found

    def check_whole(self):
        run = self.end()
        assert run["executionStatus"] == "Successful", run
        found = self.visible()
        assert len(found) == 2 and all(self.execution in key for key in found), found.keys()
        rows = [int(json.loads(line)["id"]) for key, text in found.items() if key.startswith("target/") for line in text.splitlines()]
        assert rows == [i for i in range(ROWS) if i != 7]
        failed = [json.loads(line) for key, text in found.items() if key.startswith("bad-rows/") for line in text.splitlines()]
        assert [line["source"]["id"] for line in failed] == ["7"]


# What passes: (kind, what happens, how often, how many of them go well before).
PASSES = [
    *[(kind, do, times, 0) for kind in ("list", "get", "create", "part", "complete") for do, times in
      (("busy", 2), ("broken", 1), ("cut", 1))],
    ("get", "torn", 1, 0), ("list", "torn", 2, 0),
    # Carried out, and told otherwise: the second try must not make it a second object, or fail over the first one.
    *[(kind, do, 1, 0) for kind in ("create", "part", "complete") for do in ("told-broken", "told-cut")],
    ("complete", "error-in-200", 1, 0), ("complete", "told-cut", 1, 1), ("complete", "busy", 2, 1),
]


def left_over(s3):
    """Uploads that are neither completed nor aborted, and their parts."""
    return [path.name for path in s3.folder.iterdir() if path.name.startswith(".upload")]


def test_what_passes_is_tried_again(server, s3, proxy):
    moves = []
    for number, (kind, do, times, skip) in enumerate(PASSES):
        move = Move(server, s3, f"pass-{number:02}")
        fault = proxy.fault(move.name, kind, do, times, skip)
        if kind == "list":
            fault["of"] = f"in%2F{move.name}"
        move.start()
        moves.append((move, fault, (kind, do, times, skip)))
    for move, fault, case in moves:
        try:
            move.check_whole()
        except AssertionError as error:
            raise AssertionError(f"{case}: {error}") from error
        assert fault["met"] == case[2], f"{case} was met {fault['met']} times"
    # An upload that was begun and told otherwise is unknown to everybody; it holds nothing.
    assert len(left_over(s3)) == sum(case[0] == "create" and case[1].startswith("told") for case in PASSES)
    assert not any("part" in name for name in left_over(s3))


# What does not pass, and words of the run's error.
STAYS = [
    ("list", "torn", None), ("list", "busy", "SlowDown"), ("list", "denied", "AccessDenied"), ("get", "broken", "InternalError"), ("get", "cut", None),
    ("get", "denied", "AccessDenied"), ("create", "busy", "SlowDown"), ("create", "denied", "AccessDenied"),
    ("part", "broken", "InternalError"), ("part", "cut", None), ("part", "denied", "AccessDenied"),
]


def test_what_does_not_pass_is_the_runs_error_and_nothing_is_visible(server, s3, proxy):
    moves, before = [], left_over(s3)
    for number, (kind, do, words) in enumerate(STAYS):
        move = Move(server, s3, f"stay-{number:02}")
        of = f"in%2F{move.name}" if kind == "list" else f"in/{move.name}" if kind == "get" else f"out/{move.name}"
        proxy.fault(of, kind, do)
        move.start()
        moves.append((move, (kind, do, words)))
    for move, (kind, do, words) in moves:
        run = move.end()
        assert run["executionStatus"] == "Error", (kind, do, run)
        message = run["executionResult"]["errorInfo"]["executionMessage"]
        assert (words or "S3 failed on") in message, (kind, do, message)
        assert move.name in message and ("source" in message or "target" in message), (kind, do, message)
        assert move.visible() == {}, (kind, do)
    assert left_over(s3) == before


def test_an_object_that_changes_while_it_is_read_is_an_error(server, s3, proxy):
    """A later piece of an object has another ETag than the ones before it."""
    move = Move(server, s3, "changes", "id,amount\n" + f"1,{'9' * 1_000_000}\n" * 6)
    proxy.fault("in/changes/", "get", "etag", times=1, skip=2)
    move.start()
    run = move.end()
    assert run["executionStatus"] == "Error", run
    assert "replaced while it was read" in run["executionResult"]["errorInfo"]["executionMessage"]
    assert move.visible() == {}


# A request that is not answered for so long is given up; of three minutes, as outside of tests, nobody would see the end.
PATIENCE = 2
# A server gives up at the sixth try, a torn listing at the third of those.
GIVES_UP = 60


@pytest.fixture(scope="module")
def impatient(make_server, s3, proxy):
    assert has_points(), "the program has no such number: build it with --features failpoints, as `cargo xtask test` does"
    return make_server("--max-concurrent-runs", "64", **{
        **s3.env(), "TIDEGATE_S3_ENDPOINT": proxy.url, "FAILPOINTS": f"s3.timeout.ms=return({PATIENCE * 1000})"})


HANGS = [*[(kind, "hang") for kind in ("list", "get", "create", "part", "complete")], ("list", "stall"), ("get", "stall")]


def test_an_endpoint_that_hangs_once_is_asked_again(impatient, s3, proxy):
    moves, before = [], left_over(s3)
    for kind, do in HANGS:
        move = Move(impatient, s3, f"hang-{kind}-{do}")
        fault = proxy.fault(f"in%2F{move.name}" if kind == "list" else move.name, kind, do, times=1)
        begun = time.monotonic()
        move.start()
        moves.append((move, fault, begun))
    for move, fault, begun in moves:
        move.check_whole()
        assert fault["met"] == 1, move.name
        assert time.monotonic() - begun >= PATIENCE, f"{move.name} was over before anything could have been given up"
    assert left_over(s3) == before


def test_an_endpoint_that_hangs_for_good_is_the_runs_error(impatient, s3, proxy):
    moves, before = [], left_over(s3)
    for kind, do in HANGS:
        if kind == "complete":
            continue
        move = Move(impatient, s3, f"hung-{kind}-{do}")
        of = {"list": f"in%2F{move.name}", "get": f"in/{move.name}"}.get(kind, f"out/{move.name}")
        moves.append((move, proxy.fault(of, kind, do)))
        move.start()
    end = time.monotonic() + GIVES_UP
    for move, fault in moves:
        run = move.end(max(end - time.monotonic(), 1))
        assert run["executionStatus"] == "Error", (move.name, run)
        message = run["executionResult"]["errorInfo"]["executionMessage"]
        assert "S3 failed on" in message and "timed out" in message, (move.name, message)
        assert ("source" if fault["of"].startswith("in") else "target") in message and move.name in message, (move.name, message)
        assert fault["met"] > 1, f"{move.name} was tried again"
        assert move.visible() == {}, move.name
    assert left_over(s3) == before


@pytest.mark.parametrize("do", ["busy", "broken", "denied", "cut", "hang"])
def test_what_cannot_be_published_yet_is_published_later_and_whole(request, s3, proxy, do):
    """The second of two objects has to wait; the run is not over, and not carried out a second time."""
    server = request.getfixturevalue("impatient" if do == "hang" else "server")
    move = Move(server, s3, f"later-{do}")
    fault = proxy.fault(f"bad-rows/{move.name}", "complete", do)
    move.start()
    wait_until(lambda: any(move.execution in line and "could not be made visible yet" in line for line in server.log().splitlines()), server, 60)
    run, = server.boto().describe_flow_execution_records(flowName=move.name)["flowExecutions"]
    assert run["executionStatus"] == "InProgress"
    read = len([1 for kind, target in proxy.seen if kind == "get" and f"in/{move.name}/" in target])
    fault["times"] = 0
    move.check_whole()
    assert len([1 for kind, target in proxy.seen if kind == "get" and f"in/{move.name}/" in target]) == read


def test_an_upload_that_cannot_be_aborted_costs_no_run(make_server, s3, proxy):
    """What a dead server has begun stays; the run goes on without it, and a later start clears it away."""
    server = make_server(**{**s3.env(), "TIDEGATE_S3_ENDPOINT": proxy.url, "FAILPOINTS": "upload.noted=return(end)"})
    move = Move(server, s3, "stays")
    before = left_over(s3)
    move.start()
    server.process.child.wait(30)
    assert len(left_over(s3)) == len(before) + 1
    fault = proxy.fault(f"/{move.name}/", "abort", "denied")
    server.kill()
    server.extra["FAILPOINTS"] = ""
    server.start()
    move.check_whole()
    assert fault["met"] and len(left_over(s3)) == len(before) + 1
    proxy.clear()
    server.restart()
    wait_until(lambda: len(left_over(s3)) <= len(before), server, 20)
