"""The history of runs, searched; and flows on the command line."""

import json
import shutil
import time

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.server import error_of


@pytest.fixture(scope="module")
def history(make_server):
    """Two flows on a server of their own: `good` with two runs, `bad` with one that failed."""
    server = make_server()
    for name in ("good", "bad"):
        bucket = Bucket(server, f"bucket-{name}")
        bucket.put("in/a.csv", "id\n1\n2\n")
        server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination("bucket-good", "out"), [map_all("S3")]))
    shutil.rmtree(bucket.path)
    runs = []
    for name in ("good", "bad", "good"):
        runs.append(server.run(name)["executionId"])
        time.sleep(0.01)
    return server, runs


def found(server, **query):
    answer = server.raw("/x/list-flow-runs", query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer):
    return [run["executionId"] for run in answer["flowRuns"]]


def test_all_runs_come_newest_first_with_what_they_did(history):
    server, runs = history
    answer = found(server)
    assert ids(answer) == runs[::-1] and answer["total"] == 3 and "nextToken" not in answer
    newest, failed = answer["flowRuns"][:2]
    assert (newest["flowName"], newest["executionStatus"], newest["recordsProcessed"], newest["error"]) == ("good", "Successful", 2, None)
    assert not newest["waiting"] and newest["startedAt"].endswith("Z")
    assert failed["executionStatus"] == "Error" and failed["error"]


def test_each_condition_narrows_the_search_down(history):
    server, runs = history
    first, second, third = runs
    started = {run["executionId"]: run["startedAt"] for run in found(server)["flowRuns"]}
    for query, want in [
        ({"flowName": "good"}, [third, first]), ({"flowName": "nobody"}, []), ({"status": ["Error"]}, [second]),
        ({"status": ["Error", "Successful"], "flowName": "good"}, [third, first]), ({"status": ["InProgress", "Queued", "Canceled"]}, []),
        ({"executionId": second}, [second]), ({"startedAfter": started[second]}, [third, second]),
        ({"startedBefore": started[second]}, [first]), ({"startIndex": 1}, [second, first]),
    ]:
        assert ids(found(server, **query)) == want, query


def test_pages(history):
    server, runs = history
    first = found(server, maxResults=2)
    second = found(server, maxResults=2, nextToken=first["nextToken"])
    assert ids(first) + ids(second) == runs[::-1] and first["total"] == second["total"] == 3


@pytest.mark.parametrize("query", [{"maxResults": 0}, {"status": ["Running"]}, {"nextToken": "x"}, {"startedAfter": "yesterday"}, {"unknown": 1}])
def test_a_question_that_makes_no_sense(history, query):
    assert error_of(history[0].raw("/x/list-flow-runs", query))[:2] == (400, "ValidationException")


def test_the_command_line(history):
    server, runs = history
    told = server.tidegate("flow", "runs", "good", "--status", "Successful", "--output", "json")
    assert told.code == 0 and [run["executionId"] for run in told.json["flowRuns"]] == [runs[2], runs[0]]
    told = server.tidegate("flow", "runs", "--limit", "2")
    lines = told.out.splitlines()
    assert told.code == 0 and lines[0].split() == ["FLOW", "EXECUTION", "ID", "STATUS", "STARTED", "RECORDS", "ERROR"]
    assert len(lines) == 3 and runs[2] in lines[1] and runs[1] in lines[2] and "Error" in lines[2]
    assert server.tidegate("flow", "runs", "nobody").out.strip() == "There is no such run."
    told = server.tidegate("flow", "list")
    assert [line.split()[:4] for line in told.out.splitlines()[1:]] == [["bad", "Active", "OnDemand", "S3"], ["good", "Active", "OnDemand", "S3"]]
    assert json.loads(server.tidegate("flow", "describe", "good").out)["flowName"] == "good"
    gone = server.tidegate("flow", "describe", "nobody")
    assert gone.code == 1 and "ResourceNotFoundException" in gone.err
