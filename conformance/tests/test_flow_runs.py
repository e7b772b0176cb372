"""The history of runs, searched; and flows on the command line."""

import datetime
import json
import shutil
import time

import pytest
from support.flows import Bucket, filter_field, flow, map_all, s3_destination, s3_source, sap_source
from support.schedules import scheduled
from support.server import error_of
from support.tables import table


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


# Runs with wishes of their own.

SAP = "SAPOData"


@pytest.fixture(scope="module")
def weather(live, sap):
    """An on-demand flow that reads the weather, which is measured by the hour."""
    live.boto().create_connector_profile(**sap.profile("weather"))
    bucket = Bucket(live, "bucket-weather")
    source = {**sap_source("weather", "Weather"), "incrementalPullConfig": {"datetimeTypeFieldName": "time_hour"}}
    live.boto().create_flow(**flow("weather", source, s3_destination(bucket.name, "out"), [map_all(SAP)]))
    return bucket


def started(server, **wishes):
    answer = server.raw("/x/start-flow-run", wishes)
    assert answer.status_code == 200, answer.text
    return answer.json()["executionIds"]


def outcome(server, bucket, execution):
    """The record and the rows of a run."""
    record = server.wait_for_run("weather", execution)
    assert record["executionStatus"] == "Successful", record
    return record, sorted((row["origin"], row["time_hour"][:13]) for row in bucket.json_rows(f"out/weather/{execution}"))


def of_days(first, last, **equal):
    """What the source has from the beginning of one day of January to that of another."""
    rows = [r for r in table("weather") if f"2013-01-{first:02}" <= r["time_hour"] < f"2013-01-{last:02}"]
    return sorted((r["origin"], r["time_hour"][:13]) for r in rows if all(r[k] == v for k, v in equal.items()))


def test_a_run_reads_a_window(live, weather):
    [execution] = started(live, flowName="weather", window={"from": "2013-01-10T00:00:00Z", "to": "2013-01-12T00:00:00Z"})
    record, rows = outcome(live, weather, execution)
    assert rows == of_days(10, 12) and len(rows) > 100
    when = datetime.datetime(2013, 1, 10, tzinfo=datetime.timezone.utc)
    assert (record["dataPullStartTime"], record["dataPullEndTime"]) == (when, when + datetime.timedelta(days=2))


def test_a_run_has_filters_of_its_own(live, weather):
    [execution] = started(live, flowName="weather", window={"from": "2013-01-10T00:00:00Z", "to": "2013-01-11T00:00:00Z"},
                          filters=[filter_field(SAP, "origin", "EQUAL_TO", "Edm.String", VALUE="JFK")])
    assert outcome(live, weather, execution)[1] == of_days(10, 11, origin="JFK")


def test_a_backfill_is_many_runs_without_gap_or_overlap(live, weather):
    runs = started(live, flowName="weather", backfill={"from": "2013-01-10T00:00:00Z", "to": "2013-01-12T12:00:00Z", "every": "rate(1days)"})
    assert len(runs) == 3
    rows = [outcome(live, weather, run)[1] for run in runs]
    assert rows[:2] == [of_days(10, 11), of_days(11, 12)]
    assert sum(map(len, rows)) == sum(1 for r in table("weather") if "2013-01-10" <= r["time_hour"] < "2013-01-12T12")


@pytest.mark.parametrize("wishes,says", [
    ({"window": {"to": "2013-01-10T00:00:00Z"}}, "start"), ({"mode": "Half"}, "mode"), ({"unknown": 1}, "unknown"),
    ({"window": {"from": 2, "to": 1}}, "empty"), ({"backfill": {"from": 0, "every": "rate(1minutes)"}}, "runs"),
    ({"filters": [map_all(SAP)]}, "filters"), ({"filters": [filter_field(SAP, "origin", "EQUAL_TO", "Edm.String")]}, "VALUE"),
])
def test_a_wish_that_makes_no_sense(live, weather, wishes, says):
    status, name, message = error_of(live.raw("/x/start-flow-run", {"flowName": "weather", **wishes}))
    assert (status, name) == (400, "ValidationException") and says in message, message


def test_a_flow_that_is_not_there_and_one_without_a_field(live, sap, name):
    assert error_of(live.raw("/x/start-flow-run", {"flowName": "nobody-else"}))[:2] == (404, "ResourceNotFoundException")
    live.boto().create_connector_profile(**sap.profile(name))
    bucket = Bucket(live, f"bucket-{name}")
    live.boto().create_flow(**flow(name, sap_source(name, "Weather"), s3_destination(bucket.name), [map_all(SAP)]))
    status, _, message = error_of(live.raw("/x/start-flow-run", {"flowName": name, "window": {"from": 0}}))
    assert status == 400 and "datetimeTypeFieldName" in message


def test_a_scheduled_flow_that_nobody_activated_may_be_run(live, name):
    bucket = Bucket(live, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    live.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3")],
                                     **scheduled("rate(1days)")))
    [execution] = started(live, flowName=name)
    assert live.wait_for_run(name, execution)["executionResult"]["recordsProcessed"] == 1
    assert live.boto().describe_flow(flowName=name)["flowStatus"] == "Draft"


def test_running_on_the_command_line(live, weather):
    ran = live.tidegate("flow", "run", "weather", "--from", "2013-01-10T00:00:00Z", "--to", "2013-01-12T00:00:00Z", "--backfill-by", "1days",
                        "--filter", "origin", "=", "LGA", "--filter", "hour", "between", "3,5", "--wait", "--output", "json")
    assert ran.code == 0, ran.err
    runs = ran.json["flowRuns"]
    assert [run["executionStatus"] for run in runs] == ["Successful"] * 2
    want = [r for r in table("weather") if "2013-01-10" <= r["time_hour"] < "2013-01-12" and r["origin"] == "LGA" and 3 <= r["hour"] <= 5]
    assert sum(run["recordsProcessed"] for run in runs) == len(want) > 0
    asked = live.tidegate("flow", "run", "weather", "--from", "2013-01-10T00:00:00Z", "--to", "2013-01-10T01:00:00Z")
    assert asked.code == 0 and live.wait_for_run("weather", asked.out.strip())["executionStatus"] == "Successful"
    wrong = live.tidegate("flow", "run", "weather", "--filter", "origin", "like", "LGA")
    assert wrong.code == 1 and "no operator" in wrong.err
